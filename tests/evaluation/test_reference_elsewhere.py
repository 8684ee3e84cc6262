"""A file that does not meet a window has no say in it, whatever it holds; one that touches a pixel has."""

import numpy as np
import pytest

from water_gee.errors import TileError
from water_gee.evaluation import Reference
from water_gee.study import Grid, Window
from water_gee.tiles import write_raster

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(13_300, -193_300, 40, 30)
BESIDE = {"west": (-40, 0), "east": (40, 0), "north": (0, -30), "south": (0, 30)}


def sampled(folder, move, by=0):
    """Sample a file of the window's size, of a value that means nothing, moved by so many pixels and `by` back."""
    across, down = (step - by * int(np.sign(step)) for step in move)
    moved = Window(WINDOW.left + across, WINDOW.top + down, WINDOW.width, WINDOW.height)
    values = np.full((1, WINDOW.height, WINDOW.width), 7, np.float32)
    write_raster(folder / "water.tif", values, ["water"], crs=GRID.crs, transform=GRID.transform(moved))
    reference = Reference("truth", "water.tif", folder)
    return reference.sample(2020, GRID.crs, GRID.transform(WINDOW), (WINDOW.height, WINDOW.width))


@pytest.mark.parametrize("side", BESIDE)
def test_a_file_beside_the_window_is_not_read(tmp_path, side) -> None:
    assert (sampled(tmp_path, BESIDE[side]) == 255).all()


@pytest.mark.parametrize("side", BESIDE)
def test_a_file_that_shares_a_row_or_column_is(tmp_path, side) -> None:
    with pytest.raises(TileError, match="holds the value 7"):
        sampled(tmp_path, BESIDE[side], by=1)
