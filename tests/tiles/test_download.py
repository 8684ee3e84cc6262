"""One tile: what its record says, what it cost, and when it need not be fetched again."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from water_gee.earth import Retry
from water_gee.errors import EarthError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.study import Grid, Tile
from water_gee.tiles import download, feature_path, label_path
from water_gee.tiles.download import Download, still_good
from water_gee.tiles.plan import Job
from water_gee.tiles.requests import Request

GRID = Grid("EPSG:32648", 30.0)
TILE = Tile("test", 2020, 7, -9, 32, 2)
SIDE = 36  # with the margin
BANDS = ("nir", "ndvi", "water_share", "clear_looks")
JOB = Job(TILE, BANDS[:2], BANDS[2:], "asked", None, {})


def pixels() -> np.ndarray:
    """Values [band, y, x]: all clear and land, but for what the tests below count."""
    values = np.full((4, SIDE, SIDE), 0.25, np.float32)
    values[2], values[3] = 0.0, 3.0
    values[2, 10, 10:15] = 1.0  # five pixels of water
    values[2, 11, 10] = 0.5  # half of the looks are enough
    values[2, 11, 11] = 0.49
    values[3, 10, 10] = 0.0  # water, but never seen clearly
    values[0, 10, 11] = np.nan  # nor is this one
    values[2, 0, :], values[2, :, 1] = 1.0, 1.0  # water of the margin, which is the neighbours'
    return values


@pytest.fixture
def answer(monkeypatch):
    """A function that sets what the service answers, an array or a failure, and after how many tries."""

    def set_to(what, tries=1) -> None:
        def fetch(_image, grid, window, bands, _retry, attempted, problem):
            assert (grid, window, bands) == (GRID, TILE.outer, BANDS)
            for _ in range(tries):
                attempted()
            if isinstance(what, Exception):
                raise what
            assert problem(what) == "", "what the job allows"
            return what

        monkeypatch.setattr(download, "fetch", fetch)

    return set_to


def fetched_alone(layout):
    (fetched,) = Download(layout, GRID, Retry()).fetch(Request(TILE.outer, (JOB,)))
    return fetched


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout(tmp_path)


def test_a_tile_is_recorded_with_its_own_clear_and_water_pixels(layout, answer) -> None:
    answer(pixels(), tries=3)
    fetched = fetched_alone(layout)
    record, paths = fetched.record, (feature_path(layout, "test", TILE.id), label_path(layout, "test", TILE.id))
    assert (fetched.attempts, fetched.pixel_bytes) == (3, 4 * 4 * SIDE**2) and fetched.seconds >= 0
    assert (record.status, record.reason, record.fingerprint) == ("ok", "", "asked")
    assert (record.clear_pixels, record.water_pixels) == (32**2 - 2, 4)
    assert (record.sha256, record.labels_sha256) == (sha256(paths[0]), sha256(paths[1]))
    assert record.bytes == sum(path.stat().st_size for path in paths) and record.tile == TILE
    for path, part, names in zip(paths, (pixels()[:2], pixels()[2:]), (BANDS[:2], BANDS[2:]), strict=True):
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(file.read(), part)
            assert file.transform == GRID.transform(TILE.outer) and np.isnan(file.nodata)
            assert file.descriptions == names


def test_a_tile_without_a_clear_pixel_of_its_own_is_empty_and_leaves_no_file(layout, answer) -> None:
    values = pixels()
    values[3, 2:-2, 2:-2] = 0
    answer(values)
    record = fetched_alone(layout).record
    assert (record.status, record.fingerprint, record.bytes) == ("empty", "asked", 0)
    assert not feature_path(layout, "test", TILE.id).exists() and not label_path(layout, "test", TILE.id).exists()
    assert still_good(JOB, record, layout, GRID) == record  # and need not be asked for again


def test_a_tile_that_failed_says_what_was_asked_how_often_and_why(layout, answer) -> None:
    answer(EarthError("the service\n  says no"), tries=4)
    fetched = fetched_alone(layout)
    assert (fetched.attempts, fetched.pixel_bytes) == (4, 0)
    record = fetched.record
    assert (record.status, record.reason, record.fingerprint) == ("failed", "the service says no", "asked")


def test_a_whole_tile_of_the_same_question_is_kept(layout, answer) -> None:
    answer(pixels())
    record = fetched_alone(layout).record
    assert still_good(JOB, record, layout, GRID) == record
    assert still_good(replace(JOB, fingerprint="other"), record, layout, GRID) is None
    assert still_good(JOB, replace(record, status="failed"), layout, GRID) is None


@pytest.mark.parametrize("path_of", [feature_path, label_path])
def test_a_tile_with_a_file_changed_or_gone_is_not_kept(layout, answer, path_of) -> None:
    answer(pixels())
    record = fetched_alone(layout).record
    path = path_of(layout, "test", TILE.id)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert still_good(JOB, record, layout, GRID) is None
    path.unlink()
    assert still_good(JOB, record, layout, GRID) is None and still_good(JOB, None, layout, GRID) is None
    path.write_bytes(content)
    assert still_good(JOB, record, layout, GRID) == record


def test_a_tile_whose_record_is_lost_is_known_by_its_files(layout, answer) -> None:
    assert still_good(JOB, None, layout, GRID) is None
    answer(pixels())
    record = fetched_alone(layout).record
    assert still_good(JOB, None, layout, GRID) == record
    assert still_good(replace(JOB, fingerprint="other"), None, layout, GRID) is None
    with rasterio.open(label_path(layout, "test", TILE.id), "r+") as file:
        looks = file.read(2)
        file.write(looks + 1, 2)
    assert still_good(JOB, None, layout, GRID) is None  # whole, and of other pixels than it says


def test_one_tile_in_other_units_does_not_hide_among_those_that_it_came_with(monkeypatch, layout) -> None:
    """A hundredth of a request's pixels may be a whole tile's worth."""
    jobs = [replace(JOB, tile=replace(TILE, column=TILE.column + n)) for n in range(3)]
    window = jobs[0].tile.outer | jobs[-1].tile.outer
    values = np.concatenate([pixels()] * 3, axis=2)[:, :, : window.width]
    values[0, :4, -20:] = 2.0

    monkeypatch.setattr(download, "fetch", lambda *_, **__: values)
    made = Download(layout, GRID, Retry()).fetch(Request(window, tuple(jobs)))
    assert [one.record.status for one in made] == ["ok", "ok", "failed"]
    assert "the band nir is no reflectance" in made[2].record.reason
