"""Networks as other people would write them: what the exporter carries must be equal, and the rest is refused."""

from export import (
    corpus_activations,
    corpus_aliases,
    corpus_channels,
    corpus_habits,
    corpus_heads,
    corpus_windows,
)
from export.corpus_case import CASES, Case

THEMES = (corpus_activations, corpus_aliases, corpus_channels, corpus_habits, corpus_heads, corpus_windows)

__all__ = ["CASES", "THEMES", "Case"]
