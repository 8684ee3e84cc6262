"""The footprint of a map holds its pixels and nothing beside them, around the poles and across the antimeridian too."""

import numpy as np
import pyproj
import pytest
import shapely
from pystac.validation import JsonSchemaSTACValidator
from shapely.geometry import shape

from catalogue.products import described, write_maps
from water_gee.catalogue.place import place_of
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.files import read_json
from water_gee.study import Grid, Window

POLAR = [("EPSG:3031", -90.0), ("EPSG:3413", 90.0), ("EPSG:3035", 90.0), ("EPSG:32633", 90.0)]  # the last two: far off
INSIDE = {"middle": (-50, -60, 70, 40), "near a corner": (-0.4, -1, 99, 99)}
ON_IT = {"edge": (-40, 0, 60, 80), "corner": (-100, 0, 0, 100)}
BESIDE = {"edge": (1, -60, 101, 40), "corner": (0.5, 0.5, 100.5, 100.5)}
KM, PIXELS = 1000.0, 80


def around(crs: str, latitude: float, kilometres: tuple[float, float, float, float]) -> tuple[float, ...]:
    """Return bounds by their distances from a pole."""
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(0, latitude)
    left, bottom, right, top = (KM * one for one in kilometres)
    return x + left, y + bottom, x + right, y + top


def centres(bounds: tuple[float, ...], crs: str, beyond: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the longitudes and latitudes of the pixels' centres; with `beyond`, of those so many around them."""
    left, bottom, right, top = bounds
    across, down = (right - left) / PIXELS, (top - bottom) / PIXELS
    steps = np.arange(-beyond, PIXELS + beyond) + 0.5
    x, y = (one.ravel() for one in np.meshgrid(left + across * steps, bottom + down * steps))
    if beyond:
        out = (x < left - across) | (x > right + across) | (y < bottom - down) | (y > top + down)
        x, y = x[out], y[out]
    longitude, latitude = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    return np.clip(longitude, -180, 180), latitude  # PROJ's may be 1e-12 beyond


def check(bounds: tuple[float, ...], crs: str) -> tuple[float, ...]:
    """Check a footprint against the pixels; return its bbox."""
    place = place_of(bounds, crs)
    geometry, (west, south, east, north) = shape(place.geometry), place.bbox
    shapely.prepare(geometry)
    assert geometry.is_valid and all(part.exterior.is_ccw for part in getattr(geometry, "geoms", [geometry]))
    assert geometry.bounds[0] >= -180 and geometry.bounds[2] <= 180
    assert (geometry.bounds[1], geometry.bounds[3]) == (south, north)
    for ring in shapely.get_rings(geometry):  # an edge is what GeoJSON draws: no way over the antimeridian
        assert np.abs(np.diff(shapely.get_coordinates(ring)[:, 0])).max() <= 360
    longitude, latitude = centres(bounds, crs)
    assert shapely.intersects_xy(geometry, longitude, latitude).all()
    assert (latitude >= south).all() and (latitude <= north).all()
    between = (longitude >= west, longitude <= east)
    assert (np.logical_and(*between) if west <= east else np.logical_or(*between)).all()
    assert not shapely.intersects_xy(geometry, *centres(bounds, crs, beyond=PIXELS)).any()
    return place.bbox


@pytest.mark.parametrize("kilometres", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize(("crs", "pole"), POLAR)
def test_a_map_that_holds_a_pole_has_all_longitudes(crs, pole, kilometres) -> None:
    west, south, east, north = check(around(crs, pole, kilometres), crs)
    assert (west, east) == (-180, 180)
    assert (north if pole > 0 else south) == pole and abs(south + north - pole) == pytest.approx(89, abs=0.5)


@pytest.mark.parametrize("kilometres", ON_IT.values(), ids=ON_IT)
@pytest.mark.parametrize(("crs", "pole"), POLAR)
def test_a_map_with_a_pole_on_its_edge_has_the_longitudes_on_its_side(crs, pole, kilometres) -> None:
    west, south, east, north = check(around(crs, pole, kilometres), crs)
    assert (north if pole > 0 else south) == pole
    assert (east - west) % 360 == pytest.approx(180 if kilometres[2] else 90, abs=0.1)


@pytest.mark.parametrize("kilometres", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize(("crs", "pole"), POLAR)
def test_a_map_beside_a_pole_ends_before_it(crs, pole, kilometres) -> None:
    west, south, east, north = check(around(crs, pole, kilometres), crs)
    assert abs(north if pole > 0 else south) == pytest.approx(90 - 0.01, abs=0.008)
    assert 80 < (east - west) % 360 < 180


@pytest.mark.parametrize(
    ("crs", "bounds", "bbox"),
    [
        ("EPSG:32648", (500_000, 5_600_000, 600_000, 5_700_000), (105, 50.5, 106.5, 51.5)),
        ("EPSG:32701", (400_000, 7_000_000, 480_000, 7_080_000), (-178, -27.1, -177.2, -26.4)),
        ("EPSG:32701", (150_000, 7_000_000, 230_000, 7_080_000), (179.5, -27.1, -179.7, -26.3)),
        ("EPSG:4326", (10.0, -2.0, 11.0, 90.0), (10, -2, 11, 90)),
        ("EPSG:3571", (-60_000, -2_600_000, 60_000, -2_500_000), (178.7, 66.4, -178.7, 67.4)),
    ],
)
def test_elsewhere_the_longitudes_are_those_of_the_map(crs, bounds, bbox) -> None:
    assert check(bounds, crs) == pytest.approx(bbox, abs=0.2)


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3031", -90), ("EPSG:3413", 90)])
def test_a_catalogue_of_a_pole_is_valid(tmp_path, crs, pole) -> None:
    write_maps(tmp_path, Grid(crs, 30.0), Window(-64, -64, 128, 128), {"study": "tiny", "months": "12-2"}, (2020,))
    folder = described(load(compose([])), tmp_path)
    path = next(folder.glob("2020/*.json"))
    content = read_json(path)
    JsonSchemaSTACValidator().validate_core(content, "Feature", "1.1.0", str(path))
    assert content["bbox"][0::2] == [-180, 180] and content["bbox"][1 if pole < 0 else 3] == pole
    assert content["geometry"]["type"] == "Polygon"
    assert read_json(folder / "collection.json")["extent"]["spatial"]["bbox"] == [content["bbox"]]
