"""Folders on the command line, taken letter by letter."""

import re
from collections.abc import Sequence

_FOLDERS = ("paths.root", "earth.catalog")
_PLAIN = re.compile(r"[A-Za-z0-9_./+%@:-]*")  # what Hydra's grammar reads as it stands
_QUOTED = ("'", '"')


def with_literal_folders(overrides: Sequence[str]) -> list[str]:
    """Return the overrides with each folder in Hydra's quotes that its grammar would misread, as `a,b`, `=` or `é`.

    A value that is in quotes already, or that holds an interpolation, stays as it is.
    """
    return [_literal(override) for override in overrides]


def _literal(override: str) -> str:
    key, found, value = override.partition("=")
    misread = not _PLAIN.fullmatch(value) and not value.startswith(_QUOTED) and "${" not in value
    if key.lstrip("+") not in _FOLDERS or not found or not misread:
        return override
    return f"{key}={quoted(value)}"


def quoted(text: str) -> str:
    """Return a text in quotes, from which Hydra reads the same text."""
    # A backslash counts for itself unless a quote follows it.
    return "'" + re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + (r"\'" if end[2] else ""), text) + "'"
