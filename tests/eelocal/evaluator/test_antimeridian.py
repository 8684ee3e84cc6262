"""Where 180 degrees pass through: footprints, filters, clips, rasters in degrees and their neighbourhoods."""

import ee
import numpy as np
import pytest
import shapely

from eelocal.evaluator import antimeridian
from memory_catalog import MemoryCatalog, MemoryImage, client, grid, pixels, value

# The meridian of 180 degrees is at x = 359,630 in zone 1 and x = 640,370 in zone 60, at 65.2 degrees north.
ZONE1 = (30.0, 0.0, 358_200.0, 0.0, -30.0, 7_235_010.0)
ZONE60 = (30.0, 0.0, 637_800.0, 0.0, -30.0, 7_235_010.0)
BESIDE = (30.0, 0.0, 420_000.0, 0.0, -30.0, 7_235_010.0)
STEP = 1 / 1200
RAMP = np.arange(100 * 160, dtype=np.float64).reshape(100, 160)


def degrees(west: float, name: str, width: int = 240) -> MemoryImage:
    """An elevation of `width` columns whose value is a function of the place, wherever its columns are counted from."""
    longitude = (west + (np.arange(width) + 0.5) * STEP) % 360
    latitude = 65.3 - (np.arange(240) + 0.5) * STEP
    values = (1000 * np.sin(longitude * 40) + 500 * latitude[:, None]).astype(np.float32)
    return MemoryImage(f"dem/{name}", {"v": values}, crs="EPSG:4326", transform=(STEP, 0, west, 0, -STEP, 65.3))


CATALOG = MemoryCatalog(
    MemoryImage("scene/one", {"v": RAMP}, crs="EPSG:32601", transform=ZONE1),
    MemoryImage("scene/sixty", {"v": RAMP}, crs="EPSG:32660", transform=ZONE60),
    MemoryImage("scene/far", {"v": RAMP}, crs="EPSG:32601", transform=BESIDE),
    degrees(179.8, "east"),
    degrees(-180.0, "west"),
    MemoryImage("past/it", degrees(179.8, "", 480).data, crs="EPSG:4326", transform=(STEP, 0, 179.8, 0, -STEP, 65.3)),
)
RING = [[179.99, 65.19], [-179.99, 65.19], [-179.99, 65.21], [179.99, 65.21]]
HERE = grid(150, 90, 5, 5, ZONE1, "EPSG:32601")


@pytest.fixture(autouse=True)
def genuine():
    with client():
        yield


def made(image, where=HERE) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values and masks by band."""
    bands = pixels(CATALOG, image, where).bands
    return {band.name: band.values for band in bands}, {band.name: band.mask for band in bands}


def names(collection) -> list[str]:
    return value(CATALOG, collection.aggregate_array("system:index"))


def rectangle(left, bottom, right, top, crs):
    return ee.Geometry.Rectangle([left, bottom, right, top], crs, False)


@pytest.mark.parametrize(
    ("region", "found"),
    [
        (lambda: rectangle(358_300, 7_233_000, 359_000, 7_234_000, "EPSG:32601"), ["one", "sixty"]),
        (lambda: rectangle(362_700, 7_233_000, 362_900, 7_234_000, "EPSG:32601"), ["one"]),
        (lambda: rectangle(637_900, 7_233_000, 638_100, 7_234_000, "EPSG:32660"), ["sixty"]),
        (lambda: rectangle(421_000, 7_233_000, 422_000, 7_234_000, "EPSG:32601"), ["far"]),
        (lambda: ee.Geometry.BBox(179.99, 65.19, -179.99, 65.21), ["one", "sixty"]),
        (lambda: ee.Geometry.BBox(179.99, 65.19, 180.01, 65.21), ["one", "sixty"]),
        (lambda: ee.Geometry.BBox(0, 65.0, 30, 65.4), []),
        (lambda: ee.Geometry.Polygon(RING), ["one", "sixty"]),
        (lambda: ee.Geometry.Point([-179.985, 65.2]), ["one", "sixty"]),
    ],
)  # fmt: skip
def test_a_filter_finds_what_lies_there_and_nothing_else(region, found):
    assert sorted(names(ee.ImageCollection("scene").filterBounds(region()))) == found


def test_a_footprint_is_cut_at_the_antimeridian_and_comes_back_whole():
    image = ee.Image("scene/one")
    outline = value(CATALOG, image.geometry())
    shape = shapely.geometry.shape({"type": outline["type"], "coordinates": outline["coordinates"]})
    assert shape.bounds[0] == -180 and shape.bounds[2] == 180 and shape.area < 0.01
    whole = antimeridian.whole(shape)
    assert whole.geom_type == "Polygon" and 179.9 < whole.bounds[0] < 180 < whole.bounds[2] < 180.1
    assert value(CATALOG, image.geometry().area(1)) == pytest.approx(160 * 100 * 900, rel=0.01)
    both = value(CATALOG, ee.ImageCollection("scene").geometry())
    assert shapely.geometry.shape({"type": both["type"], "coordinates": both["coordinates"]}).area < 0.05


def test_a_clip_across_it_keeps_what_is_inside():
    region = ee.Geometry.BBox(179.99, 65.19, -179.99, 65.21)
    values, masks = made(ee.Image.pixelLonLat().addBands(ee.Image("scene/one")))
    away = np.abs(values["longitude"] % 360 - 180), np.abs(values["latitude"] - 65.2)
    inside = (away[0] < 0.01) & (away[1] < 0.01)
    assert 0.1 < inside.mean() < 0.9
    _, cut = made(ee.Image("scene/one").clip(region))
    np.testing.assert_array_equal(cut["v"], inside & masks["v"])


def test_an_elevation_in_degrees_is_read_on_both_sides():
    place, _ = made(ee.Image.pixelLonLat())
    column = np.floor((place["longitude"] % 360 - 179.8) / STEP + 1e-7).astype(int)
    row = np.floor((65.3 - place["latitude"]) / STEP + 1e-7).astype(int)
    expected = CATALOG.image("past/it").data["v"][row, column]
    assert (place["longitude"] > 0).any() and (place["longitude"] < 0).any()
    for dem in (ee.ImageCollection("dem").mosaic(), ee.Image("past/it")):
        values, masks = made(dem)
        assert masks["v"].all()
        np.testing.assert_allclose(values["v"], expected, atol=0.2)


@pytest.mark.parametrize("kind", ["slope", "bilinear"])
def test_neighbours_are_neighbours_across_it(kind):
    own = [STEP, 0, 179.8, 0, -STEP, 65.3]

    def read(dem):
        flat = dem.setDefaultProjection("EPSG:4326", own)
        return made(
            ee.Terrain.slope(flat).reproject("EPSG:4326", own) if kind == "slope" else flat.resample("bilinear")
        )

    (one, there), (two, here) = read(ee.Image("past/it")), read(ee.ImageCollection("dem").mosaic())
    for name in one:
        assert there[name].all() and here[name].all()
        np.testing.assert_allclose(two[name], one[name], atol=0.2)


def test_two_zones_and_how_the_area_is_cut_give_the_same_pixels():
    image = ee.ImageCollection("scene").mosaic().addBands(ee.ImageCollection("dem").mosaic().rename("h"))
    whole, _ = made(image)
    part, _ = made(image, grid(20, 90, 45, 5, ZONE1, "EPSG:32601"))
    for name in ("v", "h"):
        np.testing.assert_array_equal(part[name], whole[name][:, 40:60])
    _, sixty = made(ee.Image("scene/sixty"))
    assert 0.2 < sixty["v"].mean() <= 1
