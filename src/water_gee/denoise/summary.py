"""What happened to the labels, counted from the files that were written."""

from collections.abc import Iterable, Sequence
from typing import Any

from water_gee.denoise.labels import ABSTAIN, LAND, WATER, CleanLabel, Reason
from water_gee.tiles import TileRecord

_ABSTENTIONS = {
    "unseen": Reason.UNSEEN, "neighbour": Reason.NEIGHBOUR, "unsure": Reason.UNSURE, "outlier": Reason.OUTLIER,
}  # fmt: skip
COUNTS = ("pixels", "kept_water", "kept_land", "water_to_land", "land_to_water", *_ABSTENTIONS)
CHANGES = ("water_to_land", "land_to_water")


def count(clean: CleanLabel, record: TileRecord) -> dict[str, int]:
    """Return how many of the tile's own pixels had which outcome; `pixels` is the sum of the others.

    Margins are not counted, so that the counts of neighbouring tiles add up.
    """
    own = slice(record.margin, record.margin + record.size)
    label, reason = clean.label[own, own], clean.reason[own, own]
    flipped = reason == Reason.FLIPPED
    outcomes = {
        "kept_water": (label == WATER) & ~flipped,
        "kept_land": (label == LAND) & ~flipped,
        "water_to_land": (label == LAND) & flipped,
        "land_to_water": (label == WATER) & flipped,
        **{name: (label == ABSTAIN) & (reason == code) for name, code in _ABSTENTIONS.items()},
    }
    return {"pixels": label.size, **{name: int(where.sum()) for name, where in outcomes.items()}}


def changed(counts: dict[str, int]) -> int:
    """Return how many labels changed sides."""
    return sum(counts[name] for name in CHANGES)


def total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sum of counts."""
    listed = list(counts)
    return {name: sum(one[name] for one in listed) for name in COUNTS}


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
        rows: one a tile: area, id, counts, notes and the hashes of its inputs.
        skipped: tiles that failed to download and so have no labels.
    """
    areas = sorted({row["area"] for row in rows})
    return {
        "study": study,
        "method": method,
        "settings": settings,
        "seed": seed,
        "total": total(row["counts"] for row in rows),
        "areas": {area: total(row["counts"] for row in rows if row["area"] == area) for area in areas},
        "tiles": list(rows),
        "without_tile": sorted(skipped),
    }
