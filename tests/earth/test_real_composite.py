"""On real scenes too, the composite's bands are what the files say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

import scenes
from scenes import direct_leb
from water_gee.earth import composite_spec, connect, feature_image, fetch
from water_gee.paths import Layout
from water_gee.study import Area


@pytest.mark.parametrize("name", ["LC08_131023_20200715", "LC08_135023_20200715"])
def test_real_scenes_equal_a_direct_computation(real_scenes: Path, settings, tmp_path, name):
    own = settings("study=hls_chips")
    spec = replace(composite_spec(own), features=("mndwi", "leb"))
    path = real_scenes / "catalog" / scenes.LANDSAT / f"{name}.tif"
    with rasterio.open(path) as file:
        bounds = file.bounds
        numbers = dict(zip(file.descriptions, file.read().astype(np.int64), strict=True))
    origin = (bounds.left % 30, bounds.top % 30)
    spec = replace(spec, grid=replace(spec.grid, origin=origin))
    clear = (numbers["QA_PIXEL"] & 31) == 0
    for band in scenes.ASSET_BANDS:
        clear &= (numbers[band] >= 1) & (numbers[band] <= 65455)
    green, swir1 = (np.where(clear, numbers[band] * 2.75e-5 - 0.2, np.nan) for band in ("SR_B3", "SR_B6"))
    mndwi = scenes.ratio(green, swir1)
    area = Area("any", box(*bounds), ((int(name[5:8]), 23),))
    with connect(own.earth, Layout(tmp_path)):
        got = fetch(feature_image(spec, area, 2020), spec.grid, spec.grid.window(bounds), spec.features)
    np.testing.assert_allclose(got[0], mndwi, atol=2e-6)
    np.testing.assert_allclose(got[1], direct_leb(mndwi), atol=1e-5)
