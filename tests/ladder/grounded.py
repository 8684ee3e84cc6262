"""A root of small tiles with a reference, in which noise of every kind finds its pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from composed import settings_at
from denoise.synthetic import GRID, lakes, make_tile, store
from water_gee.config.settings import Settings
from water_gee.paths import Layout
from water_gee.study import Window
from water_gee.tiles import TileRecord, write_manifest, write_raster

SIZE, MARGIN, ROWS, COLUMNS = 64, 3, (7, 8), (1, 2)
AREAS = {"train": 0, "test": 20}  # columns by which an area lies further east


def truth_of(area: str) -> np.ndarray:
    """Return the truth [y, x] of an area's tiles together, margin included."""
    side = 2 * SIZE + 2 * MARGIN
    water = lakes(side, 3 + AREAS[area])
    water[30, 5:90] = True  # a river one pixel wide
    return water


def write_ground(root: Path) -> Layout:
    """Write four tiles an area below `root`, whose raw labels are wrong in places, and the truth of their pixels."""
    layout, records = Layout(root, "sample"), list[TileRecord]()
    for area, east in AREAS.items():
        truth = truth_of(area)
        left, top = (COLUMNS[0] + east) * SIZE - MARGIN, -(ROWS[1] + 1) * SIZE - MARGIN
        window = Window(left, top, *truth.shape[::-1])
        write_raster(
            root / f"reference/water_2020_{area}.tif", truth[None].astype(np.uint8), ("water",), crs=GRID.crs,
            transform=GRID.transform(window), nodata=255,
        )  # fmt: skip
        for row in ROWS:
            for column in COLUMNS:
                records.append(_tile(layout, area, truth, window, column + east, row))
    write_manifest(layout, records)
    return layout


def _tile(layout: Layout, area: str, truth: np.ndarray, window: Window, column: int, row: int) -> TileRecord:
    outer = Window(column * SIZE, -(row + 1) * SIZE, SIZE, SIZE).buffer(MARGIN)
    part = truth[outer.within(window)]
    masked = np.zeros(part.shape, dtype=bool)
    masked[20:26, 30:40] = True
    raw = part ^ (np.random.default_rng(column).random(part.shape) < 0.05)
    made = make_tile(part, raw, masked=masked, area=area, column=column, seed=10 * column + row)
    tile = replace(made.record.tile, row=row)
    record = replace(
        TileRecord.of(tile, GRID, "ok"), water_pixels=int(raw[MARGIN:-MARGIN, MARGIN:-MARGIN].sum()),
        clear_pixels=SIZE**2,
    )  # fmt: skip
    return store(layout, replace(made, record=record, transform=GRID.transform(tile.outer)))


def ladder_settings(root: Path, *overrides: str) -> Settings:
    """Return settings of the ladder on such a root, in which nothing is trained."""
    own = [
        "study.references={truth: 'reference/water_{year}_*.tif'}", "study.years=[2020]",
        "ladder=quick", "ladder.training.rates=[]", "ladder.methods=[none]", "evaluate.block=32",
        "evaluate.resamples=100",
    ]  # fmt: skip
    return settings_at(root, *own, *overrides)
