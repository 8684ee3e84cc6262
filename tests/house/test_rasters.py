"""What is written is whole or absent, on a full disk too."""

import errno
import os

import numpy as np
import pytest
import rasterio
from affine import Affine

from water_gee.errors import WaterGeeError
from water_gee.rasters import check_raster
from water_gee.tiles import write_raster

PLACE = {"crs": "EPSG:32648", "transform": Affine(30, 0, 0, 0, -30, 0)}


def test_a_raster_on_a_disk_that_fills_is_whole_or_absent(small_disk):
    values = np.random.default_rng(0).normal(size=(2, 256, 256)).astype(np.float32)
    outcomes = set()
    for kib in range(400, 520, 4):  # just enough for its blocks is too little for its directory
        path = small_disk(kib) / "a.tif"
        try:
            write_raster(path, values, ("a", "b"), **PLACE)
        except OSError as error:
            assert error.errno == errno.ENOSPC and os.listdir(path.parent) == []
            outcomes.add("absent")
        else:
            with rasterio.open(path) as file:
                np.testing.assert_array_equal(file.read(), values)
            outcomes.add("whole")
    assert outcomes == {"absent", "whole"}


def test_a_raster_that_gdal_left_cut_short_is_found_out_and_removed(tmp_path):
    path = tmp_path / "a.tif"
    values = np.random.default_rng(0).random((1, 600, 600)).astype(np.float32)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        count=1,
        height=600,
        width=600,
        dtype="float32",
        blocksize=256,
        compress="deflate",
        **PLACE,
    ) as file:
        file.write(values)
    whole = path.read_bytes()
    check_raster(path)
    torn = [whole[:size] for size in (len(whole) - 1, len(whole) - 100, len(whole) // 2, 100, 0)]
    for content in (*torn, whole[:-200] + bytes(200), whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)):
        path.write_bytes(content)
        with pytest.raises(WaterGeeError, match=r"a\.tif could not be written whole"):
            check_raster(path)
        assert not path.exists()
