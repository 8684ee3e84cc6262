"""The same ground as every sensor would have seen it, through the whole stage: the tiles are those of Landsat 8."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

import scenes
import train_command
from eelocal import Server
from scenes import ASSET_BANDS, DATES, LANDSAT, STRIPS, Strip, milliseconds, write_asset
from water_gee.cli import main

TM = ("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7")
MSI = ("B2", "B3", "B4", "B8A", "B11", "B12")
OLI_OF_HLS = ("B2", "B3", "B4", "B5", "B6", "B7")
TM5, TM7, S2 = "LANDSAT/LT05/C02/T1_L2", "LANDSAT/LE07/C02/T1_L2", "COPERNICUS/S2_SR_HARMONIZED"
# By sensor, of which collection the scene of each date is, and how far its tiles may be from those of Landsat 8.
SENSORS = {
    "landsat57": ((TM5, TM7, TM7), 0.0),
    "landsat578": ((TM5, TM7, LANDSAT), 0.0),
    "hls": (("NASA/HLS/HLSL30/v002", "NASA/HLS/HLSS30/v002", "NASA/HLS/HLSS30/v002"), 1e-6),
    "sentinel2": ((S2,) * 3, 6e-5),
    "sentinel2_scl": ((S2,) * 3, 6e-5),
}
STUDY = """\
name: boxes
crs: EPSG:32648
scale: 30
years: [2020]
months: [6, 8]
catalog: nowhere
areas:
  train: {{bbox: {0}}}
  test: {{bbox: {1}}}
  map: {{bbox: {1}}}
"""


def write_scene(
    catalog: Path, collection: str, strip: Strip, day: str, numbers: np.ndarray, quality: np.ndarray
) -> None:
    """Write one of the tiny world's scenes, digital numbers and quality band of Landsat 8, as another sensor's."""
    reflectance, fill = numbers * 2.75e-5 - 0.2, quality == 1
    cloud, shadow, water = ((quality & bit) > 0 for bit in (8, 16, 128))
    properties = {"system:time_start": milliseconds(2020, day)}
    path = catalog / collection / f"scene_{strip.path}_{day}.tif"
    if collection.startswith("LANDSAT"):
        names = (*(ASSET_BANDS if collection == LANDSAT else TM), "QA_PIXEL")
        own = {"WRS_PATH": strip.path, "WRS_ROW": 23, "SPACECRAFT_ID": collection[8:12]}
        write_asset(path, np.stack([*numbers, quality]), names, strip, properties | own, nodata=0)
    elif collection.startswith("NASA"):
        names = (*(MSI if "S30" in collection else OLI_OF_HLS), "Fmask")
        codes = np.where(fill, 255, cloud * 2 + shadow * 8 + water * 32)
        values = np.where(fill, np.nan, np.stack([*reflectance, codes])).astype("float32")
        values[-1] = codes
        write_asset(path, values, names, strip, properties)
    else:
        codes = np.select([fill, cloud, shadow, water], [0, 9, 3, 6], 4)
        values = np.where(fill, 0, np.round(reflectance.clip(0) * 1e4)).astype("uint16")
        write_asset(path, np.stack([*values, codes.astype("uint16")]), (*MSI, "SCL"), strip, properties)
        clear = np.where(cloud | shadow, 0.3, 0.8).astype("float32")
        score = catalog / "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED" / path.name
        write_asset(score, clear[None], ("cs_cdf",), strip, properties)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """A user's own groups: the places of the tiny world's strips as boxes."""
    folder = tmp_path_factory.mktemp("boxes")
    (folder / "study").mkdir()
    text = STUDY.format(*(list(strip.bounds) for strip in STRIPS))
    (folder / "study" / "boxes.yaml").write_text(text, encoding="utf-8")
    return folder


def seen_by(sensor: str, folder: Path, world: Path) -> Path:
    """Write the tiny world's summer of 2020 as a sensor sees it; return the catalog."""
    catalog = folder / sensor
    shutil.copytree(world / "catalog" / "COPERNICUS", catalog / "COPERNICUS")
    for strip in STRIPS[:1]:
        for collection, day in zip(SENSORS[sensor][0], DATES, strict=True):
            with rasterio.open(world / "catalog" / LANDSAT / f"{strip.scene(2020, day)}.tif") as file:
                values = file.read()[1:]
            write_scene(catalog, collection, strip, day, values[:6], values[6])
    return catalog


def fetched(catalog: Path, sensor: str, config: Path, root: Path) -> dict[str, np.ndarray]:
    """Run the stage on a catalog; return the tiles' bands by file name."""
    with Server(catalog) as server:
        own = [
            f"earth.url={server.url}",
            "earth.wait=0",
            "tiles.size=128",
            "tiles.areas=[train]",
            f"paths.root={root}",
            f"sensor={sensor}",
        ]
        main(["tiles", "study=boxes", *own, "--config-dir", str(config)])
    tiles = {}
    for path in sorted((root / "data" / "tiles").glob("*/*.tif")):
        with rasterio.open(path) as file:
            named = zip(file.descriptions, file.read(), strict=True)
        tiles |= {f"{path.parent.name}/{path.name}/{name}": values for name, values in named}
    return tiles


@pytest.fixture(scope="module")
def of_landsat8(boxes, world, tmp_path_factory):
    return fetched(world / "catalog", "landsat8", boxes, tmp_path_factory.mktemp("landsat8"))


@pytest.mark.parametrize("sensor", SENSORS)
def test_tiles_are_those_of_landsat_8_but_for_the_numbers_rounding(sensor, boxes, world, of_landsat8, tmp_path):
    tiles = fetched(seen_by(sensor, tmp_path, world), sensor, boxes, tmp_path / "root")
    assert list(tiles) == list(of_landsat8)
    closeness = SENSORS[sensor][1]
    for name, expected in of_landsat8.items():
        found, band = tiles[name], name.split("/")[-1]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), err_msg=name)
        if band in scenes.BANDS:
            bright = expected > (0.05 if sensor.startswith("sentinel2") else -1)  # its numbers end at 0
            np.testing.assert_allclose(found[bright], expected[bright], atol=closeness, rtol=0, err_msg=name)
        elif band in ("water_share", "clear_looks", "snow", "elevation", "slope") or not closeness:
            np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.slow
def test_a_network_learns_what_sentinel_2_has_seen(boxes, world, tmp_path):
    root = tmp_path / "root"
    fetched(seen_by("sentinel2", tmp_path, world), "sentinel2", boxes, root)
    own = ["study=boxes", f"paths.root={root}", "sensor=sentinel2", "--config-dir", str(boxes)]
    main(["denoise", "denoise=none", "denoise.areas=[train]", *own])
    code, _, errors = train_command.command("model=mlp", "trainer.epochs=2", *own)
    assert code == 0, errors
    assert list((root / "runs").glob("*/metrics.json"))
