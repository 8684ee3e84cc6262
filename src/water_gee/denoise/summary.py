"""What happened to the labels, counted from the files that were written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, WATER
from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason
from water_gee.tiles import TileRecord

Boolean = NDArray[np.bool_]
_ABSTENTIONS = {"unseen": Reason.UNSEEN, "neighbour": Reason.NEIGHBOUR, "outlier": Reason.OUTLIER}
COUNTS = ("pixels", "kept_water", "kept_land", "water_to_land", "land_to_water", *_ABSTENTIONS, "unsure")
CHANGES = ("water_to_land", "land_to_water")
JUDGED = ("kept_water", "kept_land", *CHANGES, "outlier", "unsure")  # the others were not seen well enough
REASONS = tuple(reason.name.lower() for reason in Reason)
_MEASURES = ("counts", "by_reason", "changes", "sureness")


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


def count_changes(clean: CleanLabel, raw: NDArray[np.uint8], record: TileRecord) -> dict[str, dict[str, int]]:
    """Return how many of the tile's own labels changed sides for which reason, by direction and reason."""
    own = record.tile.core
    found = outcomes(clean.label[own], clean.reason[own], raw[own])
    counts = {name: np.bincount(clean.reason[own][found[name]], minlength=len(Reason)) for name in CHANGES}
    return {name: {reason.name.lower(): int(of[reason]) for reason in Reason} for name, of in counts.items()}


def sureness(clean: CleanLabel, record: TileRecord) -> float | None:
    """Return the mean probability of the tile's own labels; one that abstains as too unsure counts as one half.

    Pixels that were not seen well enough to be judged do not count; None where no other is there.
    """
    own = record.tile.core
    judged = ~np.isin(clean.reason[own], (Reason.UNSEEN, Reason.NEIGHBOUR))
    if not judged.any():
        return None
    mean = np.nan_to_num(clean.confidence[own][judged], nan=0.5).mean(dtype=np.float64)
    return round(float(mean), 6)


def measure(clean: CleanLabel, raw: NDArray[np.uint8], record: TileRecord) -> dict[str, Any]:
    """Return all that the report says in numbers of a tile's clean labels."""
    counted = (count(clean, raw, record), count_reasons(clean, record), count_changes(clean, raw, record))
    return dict(zip(_MEASURES, (*counted, sureness(clean, record)), strict=True))


def is_measured(row: Mapping[str, Any]) -> bool:
    """Return whether a report's row holds what `measure` returns, and not what another version did."""
    whole = all(name in row for name in _MEASURES)
    return whole and {*COUNTS} == {*row["counts"]} and {*REASONS} == {*row["by_reason"]}


def changed(counts: dict[str, int]) -> int:
    """Return how many labels changed sides."""
    return sum(counts[name] for name in CHANGES)


def total(counts: Iterable[dict[str, int]], names: Sequence[str] = COUNTS) -> dict[str, int]:
    """Return the sum of counts, each of which has all of `names`."""
    listed = list(counts)
    return {name: sum(one[name] for one in listed) for name in names}


def choose(rows: Sequence[dict[str, Any]], most: int) -> dict[str, list[str]]:
    """Return the tiles worth a picture, `<area>/<id>`: `most_changed` and, of the others, `least_sure`, `most` of each.

    Where nothing changed, tiles that hold both water and land come first. A place is shown in one of its years.
    """

    def interest(row: dict[str, Any]) -> tuple[int, int, str, str]:
        counts = row["counts"]
        return -changed(counts), -min(counts["kept_water"], counts["kept_land"]), row["area"], row["id"]

    def doubt(row: dict[str, Any]) -> tuple[float, str, str]:
        return row["sureness"], row["area"], row["id"]

    judged = [row for row in rows if row["sureness"] is not None]
    chosen: dict[str, list[str]] = {}
    places: set[str] = set()
    for kind, ordered in (("most_changed", sorted(judged, key=interest)), ("least_sure", sorted(judged, key=doubt))):
        chosen[kind] = []
        for row in ordered:
            place = f"{row['area']}/{row['id'].partition('_')[2]}"  # an id is its year, column and row
            if place not in places and len(chosen[kind]) < most:
                places.add(place)
                chosen[kind].append(f"{row['area']}/{row['id']}")
    return chosen


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
        rows: one a tile: area, id, what `measure` returns, notes and the hashes of its inputs.
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
        "changes": {
            "total": _total_changes(rows),
            "areas": {area: _total_changes(own) for area, own in by_area.items()},
        },
        "tiles": list(rows),
        "without_tile": sorted(skipped),
    }


def _total_changes(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    return {name: total((row["changes"][name] for row in rows), REASONS) for name in CHANGES}
