"""Rasters in strips: read by any rows, kept on disk for a while, and refused in one line where there is no room."""

import numpy as np
import pytest
from scipy import ndimage

from water_gee.bodies.strips import Raster, Scratch, spread
from water_gee.errors import WaterGeeError


@pytest.mark.parametrize("size", range(1, 8))
def test_a_spread_is_the_highest_value_of_a_square(size) -> None:
    for shape in ((1, 9), (3, 2), (20, 30)):
        values = np.random.default_rng(size).integers(0, 99, shape)
        assert np.array_equal(spread(values, size), ndimage.maximum_filter(values, size=size))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32"])
def test_what_is_kept_on_disk_is_read_back_by_any_rows(tmp_path, monkeypatch, dtype) -> None:
    monkeypatch.setattr("water_gee.bodies.strips._BLOCK", 3)
    random = np.random.default_rng(0)
    for share in (0.0, 0.3, 1.0):
        values = np.where(random.random((40, 13)) < share, random.integers(1, 200, (40, 13)), 0).astype(dtype)
        kept = Scratch(tmp_path).keep(Raster.of(values))
        for first, last in ((0, 40), (0, 1), (39, 40), (3, 29), (9, 18), (5, 5)):
            assert np.array_equal(kept.read(first, last), values[first:last]) and kept.whole().dtype == dtype
    assert not list(tmp_path.iterdir())  # nothing that a killed command would leave


def test_a_full_disk_is_one_line(tmp_path, monkeypatch) -> None:
    class Full:
        def __getattr__(self, name):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    with pytest.raises(WaterGeeError, match=r"cannot be written \(No space left on device\); free disk space") as told:
        Scratch(tmp_path).keep(Raster.of(np.ones((4, 4), bool)))
    assert "\n" not in str(told.value)
