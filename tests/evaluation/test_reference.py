"""A reference on another lattice: each pixel takes the value of the reference pixel that holds its centre."""

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from water_gee.evaluation import Reference
from water_gee.study import Grid, Window
from water_gee.tiles import write_raster

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(13_300, -193_300, 40, 30)


def by_hand(values: np.ndarray, corner: tuple[float, float]) -> np.ndarray:
    """Return the values at the window's pixel centres, by the floor rule."""
    x = (WINDOW.left + np.arange(WINDOW.width) + 0.5) * 30
    y = -(WINDOW.top + np.arange(WINDOW.height) + 0.5) * 30
    columns = np.floor((x - corner[0]) / 30).astype(int)
    rows = np.floor((corner[1] - y) / 30).astype(int)
    found = np.full((WINDOW.height, WINDOW.width), 255)
    inside = np.ix_((rows >= 0) & (rows < values.shape[0]), (columns >= 0) & (columns < values.shape[1]))
    found[inside] = values[np.ix_(rows[(rows >= 0) & (rows < values.shape[0])],
                                  columns[(columns >= 0) & (columns < values.shape[1])])]  # fmt: skip
    return found


@settings(max_examples=25, deadline=None)
@given(x=st.floats(-900, 900).filter(lambda x: abs(x / 30 % 1 - 0.5) > 1e-3), south=st.integers(-600, 600))
def test_offsets_of_a_fraction_of_a_pixel(tmp_path_factory, x, south) -> None:
    folder = tmp_path_factory.mktemp("reference")
    random = np.random.default_rng(abs(int(x)))
    values = random.choice(np.array([0, 1, 255], np.uint8), (35, 45))
    south = south + 0.25
    corner = (WINDOW.left * 30 + x, -WINDOW.top * 30 - south)
    transform = rasterio.Affine(30, 0, corner[0], 0, -30, corner[1])
    write_raster(folder / "water_2020.tif", values[None], ["water"], crs=GRID.crs, transform=transform, nodata=255)
    reference = Reference("truth", "water_{year}.tif", folder)
    found = reference.sample(2020, GRID.crs, GRID.transform(WINDOW), (WINDOW.height, WINDOW.width))
    assert np.array_equal(found, by_hand(values, corner))


def test_files_complete_each_other_and_years_stay_apart(tmp_path) -> None:
    transform = GRID.transform(WINDOW)
    one, other = np.full((1, 30, 40), 255, np.uint8), np.zeros((1, 30, 40), np.uint8)
    one[:, :10] = 1
    for name, values in {"a_2020": one, "b_2020": other, "a_2019": other + 1}.items():
        write_raster(tmp_path / f"{name}.tif", values, ["water"], crs=GRID.crs, transform=transform)
    reference = Reference("truth", "?_{year}.tif", tmp_path)
    assert [path.name for path in reference.files(2020)] == ["a_2020.tif", "b_2020.tif"]
    found = reference.sample(2020, GRID.crs, transform, (30, 40))
    assert (found[:10] == 1).all() and (found[10:] == 0).all()
    assert (reference.sample(2019, GRID.crs, transform, (30, 40)) == 1).all()
    assert (reference.sample(2018, GRID.crs, transform, (30, 40)) == 255).all()


def test_another_crs(tmp_path) -> None:
    """A reference in degrees falls where it belongs."""
    from pyproj import Transformer

    left, bottom, right, top = GRID.bounds(WINDOW)
    to_degrees = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(left, bottom, right, top)
    values = np.zeros((1, 400, 400), np.uint8)
    values[:, :, 200:] = 1
    step = ((east - west) / 400, (north - south) / 400)
    transform = rasterio.Affine(step[0], 0, west, 0, -step[1], north)
    write_raster(tmp_path / "water.tif", values, ["water"], crs="EPSG:4326", transform=transform)
    found = Reference("truth", "water.tif", tmp_path).sample(2020, GRID.crs, GRID.transform(WINDOW), (30, 40))
    x = left + (np.arange(40) + 0.5) * 30
    y = top - (np.arange(30) + 0.5) * 30
    longitude = to_degrees.transform(*np.meshgrid(x, y))[0]
    certain = np.abs(longitude - (west + east) / 2) > step[0]
    known = certain & (found != 255)
    assert known.mean() > 0.9
    assert np.array_equal(found[known] == 1, (longitude > (west + east) / 2)[known])


@pytest.mark.parametrize("way", ["rows northwards", "turned"])
def test_a_raster_that_does_not_point_north_lies_where_it_says(tmp_path, way) -> None:
    values = np.random.default_rng(0).choice(np.array([0, 1, 255], np.uint8), (WINDOW.height, WINDOW.width))
    here = GRID.transform(WINDOW)
    transform, stored = {
        "rows northwards": (rasterio.Affine(30, 0, here.c, 0, 30, here.f - 30 * WINDOW.height), values[::-1]),
        "turned": (rasterio.Affine(0, 30, here.c, -30, 0, here.f), values.T),
    }[way]
    write_raster(tmp_path / "a.tif", stored[None].copy(), ["water"], crs=GRID.crs, transform=transform)
    found = Reference("truth", "a.tif", tmp_path).sample(2020, GRID.crs, here, values.shape)
    np.testing.assert_array_equal(found, values)
