"""Errors are counted by the circumstance that the scenes' files give each pixel, where it fits the truth."""

from dataclasses import replace

import numpy as np
import pytest

import finished
from water_gee.evaluation import Reference
from water_gee.evaluation.causes import Causes
from water_gee.evaluation.view import METHODS, Judge, TileView, views
from water_gee.tiles import read_manifest, write_raster


@pytest.fixture
def view(tmp_path) -> TileView:
    """The first tile, with a truth that is unknown in places and three random answers."""
    layout = finished.write_root(tmp_path)
    judge = Judge(lambda features: features[0], finished.FEATURES, 0, 0.5)
    reference = Reference("truth", "reference/water_{year}_*.tif", tmp_path)
    found = next(iter(views(layout, read_manifest(layout)[:1], judge, [reference])))
    random = np.random.default_rng(4)
    truth = random.choice(np.array([0, 1, 255], np.uint8), found.clear.shape, p=[0.5, 0.3, 0.2])
    water = {method: random.random(truth.shape) < 0.5 for method in METHODS}
    return replace(found, references={"truth": truth}, water=water, clear=random.random(truth.shape) < 0.9)


def write(layout, name, cause, view, *, tags, band="cause", cover=True) -> None:
    """Write a file of circumstances [y, x] of the tile's own pixels."""
    record = view.record
    bands = [np.ones_like(cause), cause] if cover else [cause]
    names = ["cover", band] if cover else [band]
    write_raster(
        layout.raw / "cover" / name, np.stack(bands), names, crs=record.crs,
        transform=finished.GRID.transform(record.tile.window), tags=tags,
    )  # fmt: skip


def test_each_circumstance_has_its_pixels_and_the_errors_of_each_method(tmp_path, view) -> None:
    random = np.random.default_rng(5)
    causes = Causes(finished.Layout(tmp_path), "truth")
    cause = random.choice(np.array([0, 3, 19, 20, 21, 255], np.uint8), view.clear.shape)
    tags = {"cause": "3 TERRAIN SHADOW OF HILLS, 20 NARROW,odd,x y, 7"}
    write(causes.layout, "cover_2020_1.tif", cause, view, tags=tags)
    causes.add(view)
    truth, rows = view.references["truth"], {}
    for number in (3, 19, 20, 21, 255):
        here = view.clear & (cause == number) & (truth == (1 if number >= 20 else 0))
        rows[number] = (int(here.sum()), {m: int((here & (view.water[m] != (truth == 1))).sum()) for m in METHODS})
    names = ("TERRAIN SHADOW OF HILLS", "19", "NARROW", "21", "255")
    assert causes.table() == [
        {"cause": name, "water": number >= 20, "pixels": pixels, "wrong": wrong}
        for name, (number, (pixels, wrong)) in zip(names, rows.items(), strict=True)
    ]
    causes.add(view)
    assert [row["pixels"] for row in causes.table()] == [2 * pixels for pixels, _ in rows.values()]


def test_the_files_of_the_year_that_hold_circumstances_complete_each_other(tmp_path, view) -> None:
    causes = Causes(finished.Layout(tmp_path), "truth")
    cause = np.full(view.clear.shape, 3, np.uint8)
    west, east = cause.copy(), cause + 1
    west[:, 20:], east[:, :20] = 0, 0
    write(causes.layout, "cover_2020_a.tif", west, view, tags={"cause": "3 WEST"})
    write(causes.layout, "cover_2020_b.tif", east, view, tags={"cause": "4 EAST"}, cover=False)
    write(causes.layout, "cover_2020_c.tif", cause, view, tags={}, band="other")
    write(causes.layout, "cover_2019_a.tif", cause, view, tags={"cause": "3 OF ANOTHER YEAR"})
    (causes.layout.raw / "cover" / "cover_2020_d.tif").write_bytes(b"broken")
    causes.add(view)
    land = view.clear & (view.references["truth"] == 0)
    assert {row["cause"]: row["pixels"] for row in causes.table()} == {
        "WEST": land[:, :20].sum(), "EAST": land[:, 20:].sum()
    }  # fmt: skip


def test_without_a_file_no_circumstance_is_known(tmp_path, view) -> None:
    causes = Causes(finished.Layout(tmp_path), "truth")
    causes.add(view)
    assert causes.table() == []
