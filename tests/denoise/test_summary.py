"""What the report counts is what is in the files, by tile, by area and in all."""

import numpy as np

from water_gee.denoise.labels import CleanLabel, Reason
from water_gee.denoise.summary import (
    COUNTS,
    REASONS,
    choose,
    count,
    count_reasons,
    flipped,
    outcomes,
    report,
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
    clean = CleanLabel(label, np.ones((side, side), np.float32), reason)
    found = count(clean, raw, record(0))
    assert found == counts(
        pixels=64, kept_water=1, kept_land=2, water_to_land=3, land_to_water=4,
        unseen=5 + 7 + 6 + 5 + 4 + 3 + 2 + 1, neighbour=6, unsure=7, outlier=8,
    )  # fmt: skip
    assert sum(value for name, value in found.items() if name != "pixels") == found["pixels"]
    reasons = {"kept": 3, "flipped": 3, "evidence": 4, "unseen": 33, "neighbour": 6, "unsure": 7, "outlier": 8}
    assert count_reasons(clean, record(0)) == by_reason(**reasons)


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
            "by_reason": by_reason(shore=number),
        }
        for number, (area, name) in enumerate([("test", "a"), ("train", "b"), ("train", "c")], start=1)
    ]  # fmt: skip
    found = report("sample", "v1", {"radius": 3}, 7, rows, ["z", "y"])
    assert found["areas"] == {"test": counts(pixels=10, kept_land=1), "train": counts(pixels=50, kept_land=5)}
    assert found["total"] == counts(pixels=60, kept_land=6) == total(row["counts"] for row in rows)
    areas = {"test": by_reason(shore=1), "train": by_reason(shore=5)}
    assert found["by_reason"] == {"total": by_reason(shore=6), "areas": areas}
    assert (found["method"], found["settings"], found["seed"]) == ("v1", {"radius": 3}, 7)
    assert found["tiles"] == rows and found["without_tile"] == ["y", "z"]


def test_the_most_changed_tiles_are_drawn_and_some_of_the_middle() -> None:
    changes = [5, 40, 0, 7, 30, 6, 1, 0, 3]
    tiles = [(record(number), counts(pixels=64, water_to_land=n // 2, land_to_water=n - n // 2))
             for number, n in enumerate(changes)]  # fmt: skip
    tiles.append((record(99), counts()))  # without a pixel, there is nothing to see
    chosen = choose(tiles, most=2, typical=3)
    assert [one.column for one in chosen[:2]] == [1, 4]  # 40 and 30 changed
    assert [one.column for one in chosen[2:]] == [0, 8, 6]  # of 7, 6, 5, 3, 1, 0 and 0 those in the middle
    assert [one.column for one in choose(tiles[:1], most=2, typical=3)] == [0]


def test_where_nothing_changed_tiles_of_both_classes_come_first() -> None:
    tiles = [
        (record(1), counts(pixels=64, kept_water=60, kept_land=2)),
        (record(2), counts(pixels=64, kept_water=20, kept_land=30)),
        (record(3), counts(pixels=64, kept_land=64)),
        (record(4), counts(pixels=64, kept_land=64)),
    ]
    assert [one.column for one in choose(tiles[::-1], most=4, typical=0)] == [2, 1, 3, 4]
