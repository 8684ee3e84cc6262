"""What the report counts is what is in the files, by tile, by area and in all."""

from typing import Any

import numpy as np
import pytest

from water_gee.denoise.labels import CleanLabel, Reason
from water_gee.denoise.summary import (
    COUNTS,
    REASONS,
    choose,
    count,
    count_changes,
    count_reasons,
    flipped,
    is_measured,
    measure,
    outcomes,
    report,
    sureness,
    total,
)
from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord

GRID = Grid("EPSG:32648", 30.0)


def record(column: int, area: str = "train") -> TileRecord:
    return TileRecord.of(Tile(area, 2020, column, 0, 8, 2), GRID, "ok")


def counts(**known: int) -> dict[str, int]:
    return {name: known.get(name, 0) for name in COUNTS}


def by_reason(**known: int) -> dict[str, int]:
    return {name: known.get(name, 0) for name in REASONS}


def changes(**to_land: int) -> dict[str, dict[str, int]]:
    """Return labels that changed sides, all of them from water to land."""
    return {"water_to_land": by_reason(**to_land), "land_to_water": by_reason()}


def row(column: int, sureness: float | None, year: int = 2020, **known: int) -> dict[str, Any]:
    """Return a tile of the report."""
    one = TileRecord.of(Tile("train", year, column, 0, 8, 2), GRID, "ok")
    return {"area": one.area, "id": one.id, "counts": counts(**known), "sureness": sureness}


def columns(chosen: dict[str, list[str]]) -> list[list[int]]:
    """Return the columns of the most changed tiles, and of the least sure ones."""
    return [[int(one.split("_")[1][1:]) for one in chosen[kind]] for kind in ("most_changed", "least_sure")]


def test_each_of_the_tiles_own_pixels_has_one_outcome() -> None:
    side = 12
    label, reason = np.full((side, side), 255, np.uint8), np.full((side, side), Reason.UNSEEN, np.uint8)
    raw = np.full((side, side), 255, np.uint8)
    outcomes = [(1, 1, Reason.KEPT), (0, 0, Reason.KEPT), (1, 0, Reason.FLIPPED), (0, 1, Reason.EVIDENCE),
                (255, 255, Reason.UNSEEN), (1, 255, Reason.NEIGHBOUR), (1, 255, Reason.UNSURE),
                (0, 255, Reason.OUTLIER)]  # fmt: skip
    for number, (was, said, why) in enumerate(outcomes):  # row `number` of the own pixels has `number` + 1 of each
        here = (2 + number, slice(2, 3 + number))
        raw[here], label[here], reason[here] = was, said, why
    label[0], reason[0] = 1, Reason.KEPT  # in the margin
    sure = np.where(label == 255, np.nan, 0.9).astype(np.float32)
    clean = CleanLabel(label, sure, reason)
    found = count(clean, raw, record(0))
    assert found == counts(
        pixels=64, kept_water=1, kept_land=2, water_to_land=3, land_to_water=4,
        unseen=5 + 7 + 6 + 5 + 4 + 3 + 2 + 1, neighbour=6, unsure=7, outlier=8,
    )  # fmt: skip
    assert sum(value for name, value in found.items() if name != "pixels") == found["pixels"]
    reasons = {"kept": 3, "flipped": 3, "evidence": 4, "unseen": 33, "neighbour": 6, "unsure": 7, "outlier": 8}
    assert count_reasons(clean, record(0)) == by_reason(**reasons)
    changed = {"water_to_land": by_reason(flipped=3), "land_to_water": by_reason(evidence=4)}
    assert count_changes(clean, raw, record(0)) == changed
    row = measure(clean, raw, record(0))
    assert is_measured(row) and row["changes"] == changed and row["counts"] == found
    assert not is_measured({**row, "by_reason": {"kept": 3}}) and not is_measured({"counts": found})


def test_a_label_left_open_for_doubt_is_half_sure_and_one_left_open_for_clouds_does_not_count() -> None:
    label, reason = np.full((12, 12), 255, np.uint8), np.full((12, 12), Reason.NEIGHBOUR, np.uint8)
    clean = CleanLabel(label, np.full((12, 12), np.nan, np.float32), reason)
    assert sureness(clean, record(0)) is None
    label[2, 2:5], reason[2, 2:5], clean.confidence[2, 2:5] = 1, Reason.SHORE, 0.9
    reason[3, 2] = Reason.UNSURE
    assert sureness(clean, record(0)) == pytest.approx((3 * 0.9 + 0.5) / 4, abs=1e-6)


def test_a_change_is_told_by_the_labels_and_not_by_the_reason() -> None:
    """A judged body may keep its label, and so may what a classifier agrees with; any reason may abstain."""
    raw = np.array([[1, 1, 0, 0, 255, 1, 0]], np.uint8)
    label = np.array([[1, 0, 0, 1, 1, 255, 255]], np.uint8)
    reason = np.array([[9, 9, 8, 4, 7, 10, 6]], np.uint8)
    assert flipped(label, raw).tolist() == [[False, True, False, True, False, False, False]]
    found = outcomes(label, reason, raw)
    names = ["kept_water", "water_to_land", "kept_land", "land_to_water", "kept_water", "unsure", "unsure"]
    assert [[name for name in found if found[name][0, place]] for place in range(7)] == [[name] for name in names]


def test_the_report_adds_up_by_area_and_in_all() -> None:
    rows = [
        {
            "area": area, "id": name, "counts": counts(pixels=10 * number, kept_land=number),
            "by_reason": by_reason(shore=number), "changes": changes(terrain=number), "sureness": 0.5,
        }
        for number, (area, name) in enumerate([("test", "a"), ("train", "b"), ("train", "c")], start=1)
    ]  # fmt: skip
    found = report("sample", "v1", {"radius": 3}, 7, rows, ["z", "y"])
    assert found["areas"] == {"test": counts(pixels=10, kept_land=1), "train": counts(pixels=50, kept_land=5)}
    assert found["total"] == counts(pixels=60, kept_land=6) == total(row["counts"] for row in rows)
    areas = {"test": by_reason(shore=1), "train": by_reason(shore=5)}
    assert found["by_reason"] == {"total": by_reason(shore=6), "areas": areas}
    areas = {"test": changes(terrain=1), "train": changes(terrain=5)}
    assert found["changes"] == {"total": changes(terrain=6), "areas": areas}
    assert (found["method"], found["settings"], found["seed"]) == ("v1", {"radius": 3}, 7)
    assert found["tiles"] == rows and found["without_tile"] == ["y", "z"]


def test_the_most_changed_and_the_least_sure_tiles_are_drawn() -> None:
    flips = {1: 5, 2: 40, 3: 0, 4: 7, 5: 30}
    sure = {1: 0.9, 2: 0.6, 3: 0.8, 4: 0.7, 5: 0.99}
    rows = [row(one, sure[one], water_to_land=flips[one] // 2, land_to_water=flips[one] - flips[one] // 2)
            for one in flips]  # fmt: skip
    rows.append(row(9, None))  # without a judged pixel, there is nothing to see
    assert columns(choose(rows, 2)) == [[2, 5], [4, 3]]  # the least sure of all is among the most changed
    assert columns(choose(rows[:1], 2)) == [[1], []]
    assert choose(rows[::-1], 3) == choose(rows, 3)


def test_a_place_is_drawn_once_however_many_years_it_has() -> None:
    rows = [row(column, 0.9, year, land_to_water=column) for column in (1, 2, 3) for year in (2019, 2020)]
    assert choose(rows, 2)["most_changed"] == ["train/2019_c0003_r0000", "train/2019_c0002_r0000"]
    assert columns(choose(rows, 2))[1] == [1]


def test_where_nothing_changed_tiles_of_both_classes_come_first() -> None:
    rows = [row(1, 0.9, kept_water=60, kept_land=2), row(2, 0.9, kept_water=20, kept_land=30),
            row(3, 0.9, kept_land=64), row(4, 0.9, kept_land=64)]  # fmt: skip
    assert columns(choose(rows[::-1], 4))[0] == [2, 1, 3, 4]
