"""The scenes' own lattice: found, in the study's crs, or refused with the scenes that do not agree."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine

import scenes
from eelocal import Server
from water_gee.earth import composite_spec, connect, scenes_origin
from water_gee.earth.lattice import origin_of
from water_gee.errors import ConfigError
from water_gee.paths import Layout
from water_gee.study import Grid, from_bbox


def text(a, b, c, d, e, f):
    """An affine transform as the service writes it, without the elements of the identity."""
    elements = {"0_0": (a, 1), "0_1": (b, 0), "0_2": (c, 0), "1_0": (d, 0), "1_1": (e, 1), "1_2": (f, 0)}
    told = "".join(f', \n  PARAMETER["elt_{at}", {value}]' for at, (value, own) in elements.items() if value != own)
    return f'PARAM_MT["Affine", \n  PARAMETER["num_row", 3], \n  PARAMETER["num_col", 3]{told}]'


@pytest.mark.parametrize(
    ("crs", "scale", "scene_crs", "transform", "origin"),
    [
        ("EPSG:32648", 30, "EPSG:32648", (30, 0, 477585, 0, -30, 5628015), (15, 15)),
        ("EPSG:32748", 30, "EPSG:32648", (30, 0, 477585, 0, -30, -899985), (15, 25)),
        ("EPSG:32648", 30, "EPSG:32648", (30, 0, 477600, 0, -30, 5628000), (0, 0)),
        ("EPSG:32648", 30, "EPSG:32649", (30, 0, 477585, 0, -30, 5628015), None),
        ("EPSG:32648", 30, "EPSG:32648", (10, 0, 477580, 0, -10, 5628020), None),
        ("EPSG:32648", 30, "EPSG:32648", (30, 1, 477585, 0, -30, 5628015), None),
        ("EPSG:32648", 30, "EPSG:32648", (1, 0, 0, 0, 1, 0), None),
        ("EPSG:4326", 0.00025, "EPSG:4326", (0.00025, 0, 104.0001, 0, -0.00025, 52.0002), (0.0001, 0.0002)),
        ("EPSG:4326", 0.00025, "EPSG:4326", (2.5e-4, 0, 104.00025, 0, -2.5e-4, 52.0), (0.0, 0.0)),
    ],
)
def test_a_scene_tells_the_origin_in_the_studys_crs(settings, crs, scale, scene_crs, transform, origin):
    spec = replace(composite_spec(settings()), grid=Grid(crs, float(scale)))
    found = origin_of(spec, scene_crs, text(*transform))
    assert found == (None if origin is None else pytest.approx(origin, abs=1e-9))


@pytest.fixture
def asked(settings, tmp_path):
    """A function from scenes, by name a corner and a crs, to the origin that they tell."""
    catalog = tmp_path / "catalog"

    def ask(**placed):
        for name, (x, y, crs) in placed.items():
            path = catalog / scenes.LANDSAT / f"LC08_131023_{name[1:]}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            where = {"crs": crs, "transform": Affine(30, 0, x, 0, -30, y), "width": 4, "height": 4}
            with rasterio.open(path, "w", driver="GTiff", count=2, dtype="uint16", **where) as file:
                file.descriptions = ("SR_B2", "QA_PIXEL")
                file.write(np.ones((2, 4, 4), np.uint16))
        spec = composite_spec(settings())
        area = from_bbox("train", (599_000.0, 5_799_000.0, 601_000.0, 5_801_000.0), spec.grid.crs)
        with Server(catalog) as server, connect(settings(f"earth.url={server.url}").earth, Layout(tmp_path)) as session:
            return scenes_origin(session, spec, [area], [2019, 2020])

    return ask


def test_scenes_that_agree(asked):
    north = "EPSG:32648"
    assert asked(s20200615=(600_015.0, 5_800_005.0, north), s20190701=(599_985.0, 5_799_975.0, north)) == (15.0, 15.0)


def test_scenes_that_disagree_are_named(asked):
    north = "EPSG:32648"
    named = r"2 lattices \(.*LC08_131023_20190701 \[0,0\], .*LC08_131023_20200615 \[15,15\]"
    with pytest.raises(ConfigError, match=named):
        asked(s20200615=(600_015.0, 5_800_005.0, north), s20190701=(600_000.0, 5_800_020.0, north))


def test_scenes_of_another_crs_alone_are_no_guide(asked):
    named = r"no scene has pixels of 30 in EPSG:32648 \(.*LC08_131023_20200615 is in EPSG:3857"
    with pytest.raises(ConfigError, match=named):
        asked(s20200615=(11_851_950.0, 6_862_111.0, "EPSG:3857"))
