"""A journal is read up to the first line that is not a whole record of this version."""

import json
from dataclasses import asdict, replace

import pytest

from water_gee.paths import Layout
from water_gee.sealed import sealed
from water_gee.study import Grid, Tile
from water_gee.tiles.journal import Journal, journal_path, known_records
from water_gee.tiles.manifest import TileRecord, write_manifest

GRID = Grid("EPSG:32648", 30.0, (0.0, 0.0))
FIRST, SECOND, THIRD = (
    TileRecord.of(
        Tile("test", 2020, column, 3, 64, 4),
        GRID,
        "ok",
        clear_pixels=9,
        water_pixels=column,
        sha256="a" * 64,
        labels_sha256="b" * 64,
    )
    for column in (1, 2, 3)
)


def line(record: TileRecord, **changed) -> str:
    return json.dumps(sealed({**asdict(record), **changed}))


def written(layout: Layout, *lines: str) -> list[TileRecord]:
    path = journal_path(layout)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return list(known_records(layout).values())


def test_every_record_is_read_again(tmp_path) -> None:
    layout = Layout(tmp_path)
    with Journal(layout, [FIRST]) as journal:
        journal.add(SECOND)
        assert list(known_records(layout).values()) == [FIRST, SECOND]  # whole at once, not at the end
        journal.add(THIRD)
    assert list(known_records(layout).values()) == [FIRST, SECOND, THIRD]
    with Journal(layout, [SECOND]):
        assert list(known_records(layout).values()) == [SECOND]  # what it starts with, and nothing from before


@pytest.mark.parametrize(
    "broken",
    [
        line(SECOND)[:40],
        "",
        "[1, 2]",
        "{}",
        "\x00\x00\x00",
        line(SECOND, colour="red"),
        json.dumps(sealed({name: value for name, value in asdict(SECOND).items() if name != "status"})),
        json.dumps(asdict(SECOND)),
        line(SECOND).replace('"water_pixels": 2', '"water_pixels": 3'),
        line(SECOND, water_pixels=10),
        line(SECOND, id="../2020_c0002_r0003"),
        line(SECOND, area="../test"),
        line(SECOND, sha256=""),
        '{"seal": "x", "scale": NaN}',
        "[" * 100_000,
    ],
    ids=[
        "cut",
        "empty",
        "a list",
        "nothing in it",
        "zeros",
        "a field too many",
        "a field too few",
        "without a seal",
        "changed",
        "more water than seen",
        "out of its folder",
        "an area out of its folder",
        "without a hash",
        "with no number",
        "nested without end",
    ],
)
def test_a_line_that_is_cut_or_foreign_ends_it(tmp_path, broken) -> None:
    assert written(Layout(tmp_path), line(FIRST), broken, line(THIRD)) == [FIRST]


def test_the_journal_knows_better_than_the_manifest(tmp_path) -> None:
    layout = Layout(tmp_path)
    write_manifest(layout, [FIRST, SECOND])
    later = replace(SECOND, status="empty", water_pixels=0)
    assert written(layout, line(later), line(THIRD)) == [FIRST, later, THIRD]


def test_without_either_nothing_is_known(tmp_path) -> None:
    assert known_records(Layout(tmp_path)) == {}
