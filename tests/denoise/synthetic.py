"""Tiles made in memory, with known truth, for the tests of noise removal."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from water_gee.config.labels import SHARE
from water_gee.denoise import CleanLabel, Method
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.study import Grid, Tile
from water_gee.tiles import LABEL_BANDS, TileData, TileRecord, feature_path, label_path, write_raster

NAMES = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
OTHERS = ("mndwi", "awei", "wi2015", "ndwi", "dswe", "dswe_partial")  # the label sources beside qa
GRID = Grid("EPSG:32648", 30)
_WATER = np.array([0.05, 0.045, 0.03, 0.02, 0.012])
_LAND = np.array([0.04, 0.07, 0.06, 0.26, 0.18])


def make_tile(
    truth: np.ndarray, share: np.ndarray | None = None, *, masked: np.ndarray | None = None, looks: int = 3,
    margin: int = 3, noise: float = 0.012, seed: int = 0, area: str = "train", column: int = 1, elevation: float = 500,
    evidence: dict[str, np.ndarray] | None = None,
) -> TileData:  # fmt: skip
    """Return a tile whose `truth` [y, x] (margin included) shows in its bands, and whose labels are `share`.

    Where `evidence` is not given, each source other than `qa` is wrong at three pixels of a hundred of its own.
    """
    random = np.random.default_rng(seed)
    spectra = np.where(truth, _WATER[:, None, None], _LAND[:, None, None])
    spectra = spectra + random.normal(scale=noise, size=spectra.shape)
    mndwi = np.clip((spectra[1] - spectra[4]) / (spectra[1] + spectra[4]), -1, 1)
    height = elevation / 4000 + 0.001 * random.normal(size=truth.shape)
    features = np.stack([*spectra, mndwi, np.zeros(truth.shape), height]).astype(np.float32)
    share = (truth if share is None else share).astype(np.float32)
    count = np.full(truth.shape, looks, dtype=np.float32)
    said = (
        {name: wrong(truth, 0.03, [seed, place]) for place, name in enumerate(OTHERS)} if evidence is None else evidence
    )
    said = {name: np.array(one, dtype=np.float32) for name, one in said.items()}
    beside = {"slope": random.random(truth.shape).astype(np.float32)}
    if masked is not None:
        features[:, masked], share[masked], count[masked] = np.nan, np.nan, 0
        for one in (*said.values(), *beside.values()):
            one[masked] = np.nan
    tile = Tile(area, 2020, column, 7, len(truth) - 2 * margin, margin)
    record = TileRecord.of(tile, GRID, "ok")
    return TileData(record, features, NAMES, share, count, GRID.transform(tile.outer), said, beside)


def wrong(truth: np.ndarray, rate: float, seed: object) -> np.ndarray:
    """Return a truth [y, x] with so many of its pixels on the other side, chosen at random."""
    return truth ^ (np.random.default_rng(seed).random(truth.shape) < rate)


def cleaned(method: Method, tile: TileData, seed: int = 0, area: Sequence[TileData] = ()) -> CleanLabel:
    """Return a tile's clean labels by a method that learns from the tiles of `area`, or from the tile alone."""
    if not method.surveys:
        return method(tile, seed)
    surveys = [(one.record, survey) for one in area or [tile] if (survey := method.survey(one, seed)) is not None]
    return method(tile, seed, method.learn(surveys, seed))


def lakes(side: int, seed: int) -> np.ndarray:
    """Return a truth [y, x] of a few smooth lakes, a fifth of the tile or so."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), side / 12)
    return field > np.quantile(field, 0.8)


def store(layout: Layout, tile: TileData) -> TileRecord:
    """Write a tile as the tiles stage does and return its row of the manifest."""
    record = tile.record
    paths = feature_path(layout, record.area, record.id), label_path(layout, record.area, record.id)
    others = {SHARE + name: one for name, one in tile.evidence.items() if name != "qa"} | dict(tile.beside)
    labels = np.stack([tile.share, tile.looks, *others.values()])
    for path, values, names in zip(paths, (tile.features, labels), (tile.names, (*LABEL_BANDS, *others)), strict=True):
        write_raster(path, values, names, crs=record.crs, transform=tile.transform)
    return replace(record, sha256=sha256(paths[0]), labels_sha256=sha256(paths[1]))


def bytes_below(folder) -> dict[str, str]:
    """Return the hash of every file below `folder`, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
