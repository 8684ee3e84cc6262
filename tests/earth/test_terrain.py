"""Slope and lighting are those of the elevation model's own pixels, however coarse and in whatever system these are."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from shapely.geometry import box

from eelocal import Server
from local_earth import earth_at
from scenes import ASSET_BANDS, CRS, GLO30, LANDSAT, STRIPS, milliseconds, write_asset
from water_gee.config.settings import Settings
from water_gee.earth import Session, composite_spec, connect, feature_image, fetch
from water_gee.earth.composite import slope
from water_gee.earth.illumination import directions
from water_gee.earth.spec import CompositeSpec
from water_gee.paths import Layout
from water_gee.study import Area, Grid

STRIP = STRIPS[0]
HEIGHT, WIDTH = 60, 69
PLACE = (STRIP.left, STRIP.top - HEIGHT * 30, STRIP.left + WIDTH * 30, STRIP.top)
AREA = Area("train", box(*PLACE), ((131, 23),))
STEP = 0.004  # degrees: 445 m to the north, 273 m to the east, where the study's pixels are 30 m
ROWS, COLUMNS, SEAM = 12, 20, 9
DEGREE = 111319.49079327358  # metres
LON, LAT = Transformer.from_crs(CRS, 4326, always_xy=True).transform(
    *np.meshgrid(PLACE[0] + 15 + 30 * np.arange(WIDTH), PLACE[3] - 15 - 30 * np.arange(HEIGHT))
)
WEST, NORTH = round(float(LON.min()) - 3 * STEP, 6), round(float(LAT.max()) + 2 * STEP, 6)
HEIGHTS = np.random.default_rng(3).uniform(400, 800, (ROWS, COLUMNS)).astype("float32")


def expected() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The model's rise to the east and to the north on its own pixels, and its slope, at the study's pixels [y, x]."""
    metres = np.cos(np.radians(NORTH - STEP * (np.arange(ROWS)[1:-1, None] + 0.5))) * DEGREE * STEP
    east = (HEIGHTS[1:-1, 2:] - HEIGHTS[1:-1, :-2]) / (2 * metres)
    north = (HEIGHTS[:-2, 1:-1] - HEIGHTS[2:, 1:-1]) / (2 * DEGREE * STEP)
    row, column = ((NORTH - LAT) // STEP).astype(int) - 1, ((LON - WEST) // STEP).astype(int) - 1
    east, north = east[row, column], north[row, column]
    return east, north, np.degrees(np.arctan(np.hypot(east, north)))


def thrice(spec: CompositeSpec) -> Grid:
    """Pixels of three by three of the study's; their centre is that of the middle one."""
    return replace(spec.grid, scale=90.0, origin=(PLACE[0] % 90, PLACE[3] % 90))


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on one scene, and a coarse elevation model in degrees: as one image, and as two that adjoin."""
    catalog: Path = tmp_path_factory.mktemp("coarse")
    parts = {f"{GLO30}/a": slice(0, SEAM), f"{GLO30}/b": slice(SEAM, COLUMNS), "one/dem": slice(0, COLUMNS)}
    for name, columns in parts.items():
        path = catalog / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = HEIGHTS[:, columns]
        place = Affine(STEP, 0, WEST + STEP * columns.start, 0, -STEP, NORTH)
        with rasterio.open(
            path, "w", driver="GTiff", width=values.shape[1], height=ROWS, count=1, dtype="float32", crs="EPSG:4326",
            transform=place,
        ) as file:  # fmt: skip
            file.write(values, 1)
            file.set_band_description(1, "DEM")
    numbers = np.random.default_rng(4).integers(8000, 20000, (7, HEIGHT, WIDTH)).astype("uint16")
    numbers[6] = 1 << 6
    sun = {"WRS_PATH": 131, "WRS_ROW": 23, "system:time_start": milliseconds(2020, "0713")}
    write_asset(
        catalog / LANDSAT / "LC08_131023_20200713.tif", numbers, (*ASSET_BANDS, "QA_PIXEL"), STRIP, sun, nodata=0
    )
    with Server(catalog) as server, connect(earth_at(server.url), Layout(catalog)) as connected:
        yield connected


@pytest.fixture(params=["one image", "two images"])
def spec(request: pytest.FixtureRequest, settings: Callable[..., Settings]) -> CompositeSpec:
    """The composite, on the model as one image or as two."""
    found = composite_spec(settings("features.names=[slope,leb]"))
    if request.param == "two images":
        return found
    return replace(found, dem=found.dem.model_copy(update={"asset": "one/dem", "collection": False}))


def test_slope_is_that_of_the_models_own_pixels(coarse: Session, spec: CompositeSpec) -> None:
    _, _, steep = expected()
    window = spec.grid.window(PLACE)
    found = fetch(feature_image(spec, AREA, 2020), spec.grid, window, ("slope",))[0] * 90
    assert steep.max() > 30 and len(np.unique(steep)) > 30
    np.testing.assert_allclose(found, steep, atol=1e-3)
    asked = thrice(spec)
    np.testing.assert_allclose(
        fetch(slope(spec, AREA, 2020), asked, asked.window(PLACE), ("slope",))[0], steep[1::3, 1::3], atol=1e-3
    )


def test_the_grounds_normal_is_that_of_the_models_own_pixels(coarse: Session, spec: CompositeSpec) -> None:
    east, north, _ = expected()
    normal = np.stack([-east, -north, np.ones_like(east)]) / np.sqrt(east**2 + north**2 + 1)
    found = fetch(directions(spec, AREA, 2020), spec.grid, spec.grid.window(PLACE), ("east", "north", "up"))
    np.testing.assert_allclose(found, normal, atol=1e-5)


def test_line_enhancement_is_that_of_the_studys_pixels_whoever_asks(coarse: Session, spec: CompositeSpec) -> None:
    image = feature_image(spec, AREA, 2020)
    own = fetch(image, spec.grid, spec.grid.window(PLACE), ("leb",))[0]
    asked = thrice(spec)
    third = fetch(image, asked, asked.window(PLACE), ("leb",))[0]
    assert np.unique(own).size > 1000
    np.testing.assert_array_equal(third, own[1::3, 1::3])
