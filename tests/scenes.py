"""A tiny world for tests: two Landsat strips, two summers, an elevation model, and the truth, in a folder catalog.

Small enough that a whole stage takes a second, and awkward enough to matter: clouds, slanted fill edges, a scene
outside the season, dark land that the quality band takes for water, bright water that it misses.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from scipy.ndimage import gaussian_filter, shift

CRS = "EPSG:32648"
SCALE = 30
HEIGHT, WIDTH = 160, 200
YEARS = (2019, 2020)
LANDSAT = "LANDSAT/LC08/C02/T1_L2"
GLO30 = "COPERNICUS/DEM/GLO30"
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
ASSET_BANDS = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
DATES = ("0611", "0713", "0829")
WINTER = "0120"
CLOUD_BITS = 0b11110  # dilated cloud, cirrus, cloud, shadow

_WATER = (0.05, 0.045, 0.03, 0.02, 0.012, 0.008)
_TURBID = (0.08, 0.09, 0.08, 0.13, 0.03, 0.02)
_LAND = (0.04, 0.07, 0.06, 0.26, 0.18, 0.10)
_DARK = (0.03, 0.03, 0.035, 0.036, 0.05, 0.04)


@dataclass(frozen=True)
class Strip:
    """A WRS strip: its path, and its upper left corner on the lattice."""

    path: int
    left: float
    top: float

    @property
    def transform(self) -> Affine:
        return Affine(SCALE, 0, self.left, 0, -SCALE, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        return self.left, self.top - HEIGHT * SCALE, self.left + WIDTH * SCALE, self.top

    def scene(self, year: int, day: str) -> str:
        return f"LC08_{self.path}023_{year}{day}"


STRIPS = (Strip(131, 600_000.0, 5_800_020.0), Strip(135, 620_010.0, 5_790_000.0))

STUDY = """\
name: tiny
crs: EPSG:32648
scale: 30
areas:
  train: {{strips: [[131, 23]]}}
  test: {{strips: [[135, 23]]}}
  map: {{strips: [[131, 23], [135, 23]]}}
years: [2019, 2020]
months: [6, 8]
references:
  truth: {folder}/reference/water_{{year}}_*.tif
catalog: {folder}/catalog
"""


def write_world(folder: Path) -> None:
    """Write `catalog/`, `reference/` and the study `conf/study/tiny.yaml` below `folder`."""
    for strip in STRIPS:
        random = np.random.default_rng(strip.path)
        terrain = _smooth(random, 18)
        ground = random.random((HEIGHT, WIDTH))
        elevation = (500 + 300 * terrain).astype("float32")
        write_asset(folder / "catalog" / GLO30 / f"DEM_{strip.path}.tif", elevation[None], ("DEM",), strip, {})
        for year in YEARS:
            water = _water(strip, year, terrain)
            path = folder / "reference" / f"water_{year}_{strip.path}.tif"
            write_asset(path, water[None].astype("uint8"), ("water",), strip, None, nodata=255)
            for day in (*DATES, WINTER):
                numbers = _scene(random, water, ground)
                properties = {"WRS_PATH": strip.path, "WRS_ROW": 23, "system:time_start": milliseconds(year, day)}
                path = folder / "catalog" / LANDSAT / f"{strip.scene(year, day)}.tif"
                write_asset(path, numbers, ("SR_B1", *ASSET_BANDS, "QA_PIXEL"), strip, properties, nodata=0)
    study = folder / "conf" / "study" / "tiny.yaml"
    study.parent.mkdir(parents=True)
    study.write_text(STUDY.format(folder=folder), encoding="utf-8")


def direct_features(catalog: Path, strip: Strip, year: int, days: tuple[str, ...] = DATES) -> dict[str, np.ndarray]:
    """Return a strip's composite, features and labels straight from the files, [y, x] float64, NaN = masked.

    Written apart from the product: this is what its expressions are compared with.
    """
    stacks, looks, waters = [], [], []
    for day in days:
        with rasterio.open(catalog / LANDSAT / f"{strip.scene(year, day)}.tif") as file:
            by_name = dict(zip(file.descriptions, file.read().astype(np.int64), strict=True))
        numbers = np.stack([by_name[name] for name in ASSET_BANDS])
        quality = by_name["QA_PIXEL"]
        clear = ((quality & (CLOUD_BITS | 1)) == 0) & (quality != 0)
        clear &= ((numbers >= 1) & (numbers <= 65455)).all(axis=0)
        stacks.append(np.where(clear, numbers, np.nan))
        looks.append(clear)
        waters.append(clear & (quality >> 7 & 1 == 1))
    count = np.sum(looks, axis=0)
    median = np.full(stacks[0].shape, np.nan)
    seen = count > 0
    median[:, seen] = np.nanmedian(np.stack(stacks)[:, :, seen], axis=0)
    bands = dict(zip(BANDS, median * 2.75e-5 - 0.2, strict=True))
    with rasterio.open(catalog / GLO30 / f"DEM_{strip.path}.tif") as file:
        bands["elevation"] = np.where(seen, file.read(1) / 4000.0, np.nan)
    bands["ndvi"] = ratio(bands["nir"], bands["red"])
    bands["ndwi"] = ratio(bands["green"], bands["nir"])
    bands["mndwi"] = ratio(bands["green"], bands["swir1"])
    bands["leb"] = direct_leb(bands["mndwi"])
    bands["clear_looks"] = count.astype(float)
    bands["water_share"] = np.where(seen, np.sum(waters, axis=0) / np.maximum(count, 1), np.nan)
    return bands


def direct_leb(index: np.ndarray) -> np.ndarray:
    """Return the line enhancement of an index, with scipy's shifts."""

    def neighbour(y: int, x: int) -> np.ndarray:
        return shift(index, (-y, -x), order=0, cval=np.nan, prefilter=False)

    lines = [2 * index - neighbour(y, x) - neighbour(-y, -x) for y, x in ((0, 2), (2, 0), (2, 2), (-2, 2))]
    best = np.full(index.shape, -np.inf)
    for line in lines:
        best = np.where(np.isnan(line), best, np.maximum(best, line))
    return np.where(np.isnan(index), np.nan, np.where(np.isinf(best), 0, best))


def ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The normalised difference, negative reflectance as 0."""
    one, other = np.maximum(one, 0), np.maximum(other, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(one + other == 0, 0, (one - other) / (one + other))


def _smooth(random: np.random.Generator, sigma: float) -> np.ndarray:
    field = gaussian_filter(random.normal(size=(HEIGHT, WIDTH)), sigma, mode="reflect")
    return field / np.abs(field).max()


def _water(strip: Strip, year: int, terrain: np.ndarray) -> np.ndarray:
    """Return the truth: a winding river, two lakes of which one grows from year to year, and a pond."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    river = np.abs(y - 80 - 35 * np.sin(x / 28 + strip.path)) < 2.5
    growth = 1.0 + 0.15 * (year - YEARS[0])
    lake = ((x - 60) / (26 * growth)) ** 2 + ((y - 35) / (18 * growth)) ** 2 < 1 + 0.3 * terrain
    other = ((x - 150) / 22) ** 2 + ((y - 125) / 15) ** 2 < 1
    pond = (x - 120) ** 2 + (y - 20) ** 2 < 9
    return river | lake | other | pond


def _scene(random: np.random.Generator, water: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Return a scene's digital numbers and quality band, [band, y, x] uint16."""
    spectra = np.where(water, 0, 1)[None] * np.array(_LAND)[:, None, None]
    spectra = spectra + np.where(water, 1, 0)[None] * np.array(_WATER)[:, None, None]
    spectra = np.where(~water & (gaussian_filter(ground, 3) > 0.56), np.array(_DARK)[:, None, None], spectra)
    spectra = np.where(water & (gaussian_filter(ground, 4) < 0.47), np.array(_TURBID)[:, None, None], spectra)
    spectra = spectra + random.normal(scale=0.006, size=spectra.shape)
    quality = np.full(water.shape, 1 << 6)
    red, nir = spectra[2], spectra[3]
    ndvi = (nir - red) / (nir + red)
    quality[((ndvi < 0.01) & (nir < 0.11)) | ((ndvi < 0.1) & (nir < 0.05))] |= 1 << 7
    thickness = _smooth(random, 9)
    cloud, shadow = thickness > 0.55, thickness < -0.75
    spectra = np.where(cloud, 0.6, np.where(shadow, spectra * 0.3, spectra))
    quality[cloud], quality[shadow] = 1 << 3, 1 << 4
    numbers = np.clip(np.round((spectra + 0.2) / 2.75e-5), 1, 65455)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    fill = (x < 4 + y / 16) | (x > WIDTH - 12 + y / 16)
    numbers[:, fill], quality[fill] = 0, 1
    return np.concatenate([numbers[:1], numbers, quality[None]]).astype("uint16")


def milliseconds(year: int, day: str) -> int:
    moment = datetime(year, int(day[:2]), int(day[2:]), 4, tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def write_asset(
    path: Path,
    values: np.ndarray,
    names: tuple[str, ...],
    strip: Strip,
    properties: dict[str, object] | None,
    nodata: float | None = None,
) -> None:
    """Write an asset of a folder catalog, [band, y, x] from the strip's upper left corner on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=values.dtype, crs=CRS,
        transform=strip.transform, nodata=nodata, compress="deflate",
    ) as file:  # fmt: skip
        file.write(values)
        file.descriptions = names
    if properties is not None:
        path.with_suffix(".json").write_text(json.dumps({"system:index": path.stem, **properties}), encoding="utf-8")
