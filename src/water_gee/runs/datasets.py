"""The data of a run, each with the hash by which DVC knows the same folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from water_gee.paths import Layout
from water_gee.tiles import LABEL_BANDS

_CLEAN_BANDS = ("label", "confidence", "reason")


@dataclass(frozen=True)
class Dataset:
    """Data that a run has used: what it is called, its hash, where it lies, and what for."""

    name: str
    digest: str
    source: str
    context: str  # training, labels or test
    bands: Sequence[str] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)


def training_data(
    layout: Layout, hashes: Mapping[str, str], features: Sequence[str], profile: Mapping[str, Any]
) -> list[Dataset]:
    """Return the tiles and the clean labels below a root, with their hashes by path."""
    return [
        Dataset("data/tiles", hashes["data/tiles"], str(layout.tiles), "training", [*features, *LABEL_BANDS], profile),
        Dataset("data/clean", hashes["data/clean"], str(layout.clean), "labels", _CLEAN_BANDS, profile),
    ]
