"""A study through which 180 degrees pass: strips, boxes and regions, scenes of two zones, elevation on both sides."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon, box, mapping

from eelocal import Server
from local_earth import earth_at
from scenes import ASSET_BANDS, GLO30, LANDSAT, milliseconds
from water_gee.earth import Session, composite_spec, connect, feature_image, fetch, resolve_areas, scene_versions
from water_gee.paths import Layout
from water_gee.study import from_lonlat
from water_gee.tiles import cut

BANDS = ("nir", "elevation", "slope")
HEIGHT, WIDTH, STEP, NORTH = 100, 140, 1 / 600, 65.25
# Path, crs and corner of each scene: 180 degrees pass through the first and the second, and beside the third.
SCENES = ((90, "EPSG:32601", 357_600), (91, "EPSG:32660", 638_700), (92, "EPSG:32601", 450_000))
TOP = 7_235_010
HERE = (358_200, 7_233_000, 361_200, 7_234_500)  # in zone 1
WEST, EAST = (179.97, 65.19, 180.0, 65.205), (-180.0, 65.19, -179.97, 65.205)


def write(path: Path, values: np.ndarray, names, crs: str, transform: Affine, properties=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    size = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=None, **size) as file:
        file.write(values)
        file.descriptions = names
    if properties:
        path.with_suffix(".json").write_text(json.dumps(properties), encoding="utf-8")


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on three scenes, of a reflectance each, and two tiles of elevation that rises by a metre a column."""
    catalog: Path = tmp_path_factory.mktemp("across")
    for path, crs, left in SCENES:
        numbers = np.full((7, HEIGHT, WIDTH), 10_000 + 100 * path, np.uint16)
        numbers[6] = 1 << 6
        about = {"WRS_PATH": path, "WRS_ROW": 13, "system:time_start": milliseconds(2020, "0713")}
        corner = Affine(30, 0, left, 0, -30, TOP)
        write(catalog / LANDSAT / f"LC08_{path}.tif", numbers, (*ASSET_BANDS, "QA_PIXEL"), crs, corner, about)
    columns = int(0.2 / STEP)
    for name, west, first in (("east", 179.8, 0), ("west", -180.0, columns)):
        rise = np.broadcast_to(np.arange(columns, dtype=np.float32) + first, (1, 120, columns))
        write(catalog / GLO30 / f"{name}.tif", np.ascontiguousarray(rise), ("DEM",), "EPSG:4326",
              Affine(STEP, 0, west, 0, -STEP, NORTH))  # fmt: skip
    with Server(catalog) as server, connect(earth_at(server.url), Layout(catalog)) as session:
        yield session


@pytest.fixture
def study(settings, tmp_path):
    """A function from how the area is named to the settings of a study of it."""

    def made(area: str, crs: str = "EPSG:32601"):
        names = f"features.names=[{','.join(BANDS)}]"
        return settings("~study.areas.map.strips", f"+study.areas.map.{area}", f"study.crs={crs}", names)

    return made


def found(session: Session, own, year: int = 2020):
    spec = composite_spec(own)
    area = resolve_areas(session, own, ["map"])["map"]
    window = spec.grid.window(HERE)
    return area, cut(fetch(feature_image(spec, area, year), spec.grid, window, BANDS), BANDS, area, spec.grid, window)


def elevation() -> np.ndarray:
    """The elevation over 4000 of the window's pixels, straight from the rule that the tiles were made by."""
    x, y = np.arange(HERE[0] + 15, HERE[2], 30), np.arange(HERE[3] - 15, HERE[1], -30)
    longitude, _ = Transformer.from_crs("EPSG:32601", 4326, always_xy=True).transform(*np.meshgrid(x, y))
    assert (longitude > 0).any() and (longitude < 0).any()
    return np.floor((longitude % 360 - 179.8) / STEP + 1e-7) / 4000


def nir(path: int) -> float:
    return (10_000 + 100 * path) * 2.75e-5 - 0.2


def test_strips_are_the_scenes_ground(across, study):
    area, values = found(across, study("strips=[[90,13]]"))
    scene = box(357_600, TOP - HEIGHT * 30, 357_600 + WIDTH * 30, TOP)
    assert area.geometry.geom_type == "Polygon" and area.geometry.symmetric_difference(scene).area < 2_000
    np.testing.assert_allclose(values[0], nir(90), atol=1e-6)
    np.testing.assert_allclose(values[1], elevation(), atol=1e-6)
    ground = np.degrees(np.arctan(1 / (STEP * 111_319.5 * np.cos(np.radians(65.2)))))
    assert np.abs(values[2] * 90 - ground).max() < 0.02


def test_a_box_in_the_scenes_own_metres(across, study):
    area, values = found(across, study(f"bbox={list(HERE)}"))
    assert area.light == box(*HERE)
    made_of = scene_versions(across, composite_spec(study(f"bbox={list(HERE)}")), area, [2020])[2020]
    assert [name.partition("@")[0] for name in made_of] == [f"{GLO30}/east", f"{GLO30}/west", "LC08_90", "LC08_91"]
    np.testing.assert_allclose(values[0], (nir(90) + nir(91)) / 2, atol=1e-6)  # the two scenes lie here, the third not
    np.testing.assert_allclose(values[1], elevation(), atol=1e-6)


@pytest.mark.parametrize(
    "shape",
    [
        MultiPolygon([box(*WEST), box(*EAST)]),
        box(WEST[0], WEST[1], 180.03, WEST[3]),
        box(-180.03, WEST[1], EAST[2], WEST[3]),
        Polygon([(179.97, 65.19), (-179.97, 65.19), (-179.97, 65.205), (179.97, 65.205)]),
    ],
    ids=["cut in two", "past 180", "before -180", "from one side to the other"],
)
def test_a_region_however_it_is_written(across, study, tmp_path, shape):
    (tmp_path / "region.geojson").write_text(json.dumps(mapping(shape)), encoding="utf-8")
    area, values = found(across, study("region=region.geojson"))
    ground = from_lonlat(box(WEST[0], WEST[1], 180.03, WEST[3]), "EPSG:32601")
    assert area.geometry.symmetric_difference(ground).area < 0.01 * ground.area
    seen = ~np.isnan(values[0])
    assert 0.5 < seen.mean() < 1
    np.testing.assert_allclose(values[0][seen], (nir(90) + nir(91)) / 2, atol=1e-6)
    np.testing.assert_allclose(values[1][seen], elevation()[seen], atol=1e-6)


def test_the_study_may_be_in_the_zone_on_either_side(across, study):
    """The same ground in the metres of zone 60, into which a scene of zone 1 is brought."""
    over = Transformer.from_crs("EPSG:32601", "EPSG:32660", always_xy=True)
    left, bottom, right, top = (round(part) for part in over.transform_bounds(*HERE))
    own = study(f"bbox=[{left},{bottom},{right},{top}]", "EPSG:32660")
    spec = composite_spec(own)
    area = resolve_areas(across, own, ["map"])["map"]
    values = fetch(feature_image(spec, area, 2020), spec.grid, spec.grid.window((left, bottom, right, top)), BANDS)
    np.testing.assert_allclose(values[0], (nir(90) + nir(91)) / 2, atol=1e-6)
    assert np.ptp(values[1]) * 4000 > 30
