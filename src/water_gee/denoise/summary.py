"""What happened to the labels, counted from the files that were written."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise.labels import ABSTAIN, LAND, WATER, CleanLabel, Reason
from water_gee.tiles import TileRecord

Boolean = NDArray[np.bool_]
_ABSTENTIONS = {"unseen": Reason.UNSEEN, "neighbour": Reason.NEIGHBOUR, "outlier": Reason.OUTLIER}
COUNTS = ("pixels", "kept_water", "kept_land", "water_to_land", "land_to_water", *_ABSTENTIONS, "unsure")
CHANGES = ("water_to_land", "land_to_water")
REASONS = tuple(reason.name.lower() for reason in Reason)


def flipped(label: NDArray[np.uint8], raw: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a clean label [y, x] is on another side than the raw one; both must be known there."""
    return np.asarray((label != raw) & (label != ABSTAIN) & (raw != ABSTAIN))


def outcomes(label: NDArray[np.uint8], reason: NDArray[np.uint8], raw: NDArray[np.uint8]) -> dict[str, Boolean]:
    """Return where [y, x] each outcome came about, by its name; every pixel has exactly one.

    Args:
        label: the clean label [y, x].
        reason: its reason [y, x]; one that abstains for another reason than those of a kind of its own is `unsure`.
        raw: the raw label [y, x].
    """
    changed, abstains = flipped(label, raw), label == ABSTAIN
    found = {
        "kept_water": (label == WATER) & ~changed,
        "kept_land": (label == LAND) & ~changed,
        "water_to_land": (label == LAND) & changed,
        "land_to_water": (label == WATER) & changed,
        **{name: abstains & (reason == code) for name, code in _ABSTENTIONS.items()},
    }
    return {**found, "unsure": abstains & ~np.isin(reason, list(_ABSTENTIONS.values()))}


def count(clean: CleanLabel, raw: NDArray[np.uint8], record: TileRecord) -> dict[str, int]:
    """Return how many of the tile's own pixels had which outcome; `pixels` is the sum of the others.

    Margins are not counted, so that the counts of neighbouring tiles add up.

    Args:
        clean: the tile's clean labels.
        raw: its raw label [y, x], margin included.
        record: the tile's row of the manifest.
    """
    own = record.tile.core
    found = outcomes(clean.label[own], clean.reason[own], raw[own])
    return {"pixels": record.size**2, **{name: int(found[name].sum()) for name in COUNTS if name in found}}


def count_reasons(clean: CleanLabel, record: TileRecord) -> dict[str, int]:
    """Return how many of the tile's own pixels have their label for which reason."""
    counts = np.bincount(clean.reason[record.tile.core].ravel(), minlength=len(Reason))
    return {reason.name.lower(): int(counts[reason]) for reason in Reason}


def changed(counts: dict[str, int]) -> int:
    """Return how many labels changed sides."""
    return sum(counts[name] for name in CHANGES)


def total(counts: Iterable[dict[str, int]], names: Sequence[str] = COUNTS) -> dict[str, int]:
    """Return the sum of counts, each of which has all of `names`."""
    listed = list(counts)
    return {name: sum(one[name] for one in listed) for name in names}


def choose(tiles: Sequence[tuple[TileRecord, dict[str, int]]], most: int, typical: int) -> list[TileRecord]:
    """Return the tiles worth a picture: those changed most, and some from the middle, of either sort distinct.

    Where nothing changed, tiles that hold both water and land come first.
    """

    def interest(item: tuple[TileRecord, dict[str, int]]) -> tuple[int, int, str, str]:
        record, counts = item
        return -changed(counts), -min(counts["kept_water"], counts["kept_land"]), record.area, record.id

    ordered = [record for record, counts in sorted(tiles, key=interest) if counts["pixels"]]
    rest = ordered[most:]
    middle = max(0, (len(rest) - typical) // 2)
    return ordered[:most] + rest[middle : middle + typical]


def report(
    study: str,
    method: str,
    settings: dict[str, Any],
    seed: int,
    rows: Sequence[dict[str, Any]],
    skipped: Sequence[str],
) -> dict[str, Any]:
    """Return the content of `report.json`: counts by tile, by area and in all, and what they came from.

    Args:
        study: whose tiles they are.
        method: the method's name.
        settings: the method's own settings.
        seed: the study's seed.
        rows: one a tile: area, id, counts, counts by reason, notes and the hashes of its inputs.
        skipped: tiles that failed to download and so have no labels.
    """
    by_area = {area: [row for row in rows if row["area"] == area] for area in sorted({row["area"] for row in rows})}
    return {
        "study": study,
        "method": method,
        "settings": settings,
        "seed": seed,
        "total": total(row["counts"] for row in rows),
        "areas": {area: total(row["counts"] for row in own) for area, own in by_area.items()},
        "by_reason": {
            "total": total((row["by_reason"] for row in rows), REASONS),
            "areas": {area: total((row["by_reason"] for row in own), REASONS) for area, own in by_area.items()},
        },
        "tiles": list(rows),
        "without_tile": sorted(skipped),
    }
