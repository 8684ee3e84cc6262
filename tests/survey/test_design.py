"""Strata, allocation and the draw."""

import numpy as np
import pytest
from rasterio.transform import Affine

from water_gee.errors import ConfigError, TileError
from water_gee.survey import design
from water_gee.survey.design import STRATA, Stratum, allocate, strata_codes, strata_of
from water_gee.tiles import write_raster

CHOICE = {"shore": 1, "doubt": 0.1, "most": 30, "seed": 3}


@pytest.fixture
def files(tmp_path):
    """A function that writes a map and its probability and returns their paths."""

    def write(water: np.ndarray, wrong: np.ndarray, crs: str = "EPSG:32648", scale: float = 30.0, top: float = 5.8e6):
        place = {"crs": crs, "transform": Affine(scale, 0, 0.0 if scale < 1 else 5e5, 0, -scale, top)}
        chance = np.where(water == 1, 1 - wrong, wrong).astype(np.float32)
        chance[water == 255] = np.nan
        write_raster(tmp_path / "water.tif", water[None], ["water"], nodata=255, **place)
        write_raster(tmp_path / "probability.tif", chance[None], ["probability"], nodata=np.nan, **place)
        return tmp_path / "water.tif", tmp_path / "probability.tif"

    return write


def scene(height: int = 70, width: int = 50) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    water = np.zeros((height, width), np.uint8)
    water[:, 20:35] = 1
    water[:4] = 255
    return water, np.where(random.random(water.shape) < 0.1, 0.3, 0.001).astype(np.float32)


def test_strata_of_a_small_map_by_hand() -> None:
    water = np.array([[1, 1, 1, 0, 0, 0, 255, 1, 1]], np.uint8)
    wrong = np.array([[0, 0.3, 0, 0, 0, 0.3, 0, 0, 0]], np.float32)
    assert strata_codes(water, wrong, 1, 0.2).tolist() == [[0, 1, 1, 2, 3, 2, 255, 0, 0]]
    assert strata_codes(water, wrong, 2, 0.5).tolist() == [[0, 1, 1, 2, 2, 2, 255, 1, 0]], "unseen is no other class"


def test_sizes_and_draw_do_not_depend_on_how_the_map_is_read(files, monkeypatch) -> None:
    water, wrong = scene()
    paths = files(water, wrong)
    whole = strata_of(*paths, **CHOICE)
    monkeypatch.setattr(design, "_ROWS", 7)
    parts = strata_of(*paths, **CHOICE)
    codes = strata_codes(water, wrong, 1, 0.1)
    assert [one.name for one in whole] == list(STRATA)
    for number, (one, other) in enumerate(zip(whole, parts, strict=True)):
        assert one.pixels == other.pixels == (codes == number).sum()
        assert one.area == pytest.approx(other.area) == pytest.approx(one.pixels * 900, rel=0.003)
        assert (one.rows.tolist(), one.columns.tolist()) == (other.rows.tolist(), other.columns.tolist())
        assert (codes[one.rows, one.columns] == number).all()
        assert len(set(zip(one.rows, one.columns, strict=True))) == min(30, one.pixels)
    assert strata_of(*paths, **{**CHOICE, "seed": 4})[3].rows.tolist() != whole[3].rows.tolist()


def test_in_degrees_ground_and_not_pixels_is_drawn_alike(files) -> None:
    """From the equator to 60 degrees a pixel's area halves: so does its chance."""
    water = np.zeros((600, 60), np.uint8)
    water[:, :2] = 1
    paths = files(water, np.zeros(water.shape, np.float32), crs="EPSG:4326", scale=0.1, top=60.0)
    land = strata_of(*paths, **{**CHOICE, "most": 4000})[-1]
    south, north = (land.rows >= 500).sum(), (land.rows < 100).sum()  # 0 to 10 and 50 to 60 degrees
    expected = (np.sin(np.radians(10)) - 0) / (np.sin(np.radians(60)) - np.sin(np.radians(50)))
    assert south / north == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("by", ["optimal", "proportional", "equal"])
def test_points_are_given_out_to_the_last_one(by) -> None:
    strata = [
        Stratum("water", 900, 90.0, 0.5),
        Stratum("water_doubtful", 30, 3.0, 1.0),
        Stratum("land", 9000, 900.0, 1.0),
    ]
    for points in (60, 61, 100, 997):
        given = allocate(strata, points, minimum=15, by=by)
        assert sum(given) == points and min(given) >= 15 and given[1] <= 30
    share = {"optimal": given[2] / given[0], "proportional": 10, "equal": 1}[by]
    assert given[2] / given[0] == pytest.approx(share, rel=0.03)


def test_optimal_gives_by_area_times_deviation() -> None:
    strata = [Stratum("water", 10**6, 100.0, 1.0), Stratum("land", 10**6, 100.0, 25.0)]
    first, second = allocate(strata, 1000, minimum=2, by="optimal")
    assert second / first == pytest.approx(np.sqrt(0.25 * 0.75 / (0.01 * 0.99)), rel=0.01)


def test_too_few_points_are_refused() -> None:
    strata = [Stratum("water", 900, 90.0), Stratum("land", 9000, 900.0)]
    with pytest.raises(
        ConfigError, match=r"sample\.points=20 is less than .* at least 30, or a smaller sample\.minimum"
    ):
        allocate(strata, 20, minimum=15, by="equal")
    assert allocate([Stratum("water", 5, 1.0), Stratum("land", 6, 1.0)], 50, minimum=2, by="equal") == [5, 6]


def test_a_stratum_of_one_pixel_belongs_to_the_other_of_its_class(files) -> None:
    water = np.array([[1, 1, 1, 1, 255, 0, 0, 0, 0]], np.uint8)
    wrong = np.array([[0, 0, 0, 0, 0, 0.9, 0, 0, 0]], np.float32)
    found = strata_of(*files(water, wrong), **CHOICE)
    assert [(one.name, one.pixels, len(one.rows)) for one in found] == [("water", 4, 4), ("land", 4, 4)]
    assert sorted(found[1].columns.tolist()) == [5, 6, 7, 8]


def test_a_map_of_one_class_is_refused(files) -> None:
    water = np.zeros((9, 9), np.uint8)
    water[0, 0] = 1
    with pytest.raises(TileError, match=r"shows hardly any water.*map a larger area"):
        strata_of(*files(water, np.zeros((9, 9), np.float32)), **CHOICE)
