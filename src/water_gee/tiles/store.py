"""Tiles on disk: GeoTIFFs of features and labels on their exact pixel grid."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from water_gee.classes import UNKNOWN
from water_gee.config.labels import LABEL_BANDS, SHARE
from water_gee.errors import TileError
from water_gee.files import read_bytes
from water_gee.paths import Layout
from water_gee.rasters import new_raster
from water_gee.sealed import read_checked
from water_gee.tiles.manifest import ADVICE, TileRecord

Float = NDArray[np.float32]
_PIXELS = "pixels_sha256"  # tag of every file
WATER_SHARE = 0.5  # a pixel is labelled water from this share of its clear looks on


@dataclass(frozen=True)
class TileData:
    """A tile in memory, margin included.

    `features` is [band, y, x] float32, NaN in every band of a masked pixel; `share` [y, x] is the share of
    clear looks labelled water, NaN where there was none; `looks` [y, x] counts the clear looks. `evidence` holds
    by source name the share of clear looks that the source calls water, [y, x], with `qa` = `share` among them;
    `beside` holds by name what is stored for denoising and is no feature, [y, x].
    """

    record: TileRecord
    features: Float
    names: tuple[str, ...]
    share: Float
    looks: Float
    transform: Affine
    evidence: Mapping[str, Float] = field(default_factory=dict)
    beside: Mapping[str, Float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Count the raw label among the evidence."""
        object.__setattr__(self, "evidence", {"qa": self.share, **self.evidence})

    @property
    def core(self) -> tuple[slice, slice]:
        """The (y, x) slices of the tile's own pixels."""
        return self.record.tile.core

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Where the composite has a value, [y, x]."""
        seen: NDArray[np.bool_] = ~np.isnan(self.features[0])
        return seen

    @property
    def label(self) -> NDArray[np.uint8]:
        """The raw label [y, x]: 1 water, 0 land, 255 where no clear look was had."""
        label = np.where(self.share >= WATER_SHARE, np.uint8(1), np.uint8(0))
        return np.where(np.isnan(self.share) | ~self.seen, np.uint8(UNKNOWN), label)

    def band(self, name: str) -> Float:
        """Return one band [y, x] by name: a feature, or what is stored beside the labels.

        Raises:
            TileError: the tile has no such band.
        """
        if name in self.names:
            feature: Float = self.features[self.names.index(name)]
            return feature
        if name not in self.beside:
            raise TileError(
                f"tile {self.record.area}/{self.record.id} has no band {name!r} (it has "
                f"{', '.join([*self.names, *self.beside])}); add it to features.names or labels.beside and run: "
                "water-gee tiles"
            )
        return self.beside[name]

    def share_by(self, source: str) -> Float:
        """Return the share of clear looks [y, x] that a label source calls water, NaN where there was none.

        Raises:
            TileError: the tile has no such evidence.
        """
        if source not in self.evidence:
            raise TileError(
                f"tile {self.record.area}/{self.record.id} has no evidence of {source!r} (it has "
                f"{', '.join(self.evidence)}); add it to labels.sources and run: water-gee tiles"
            )
        return self.evidence[source]


@dataclass(frozen=True)
class Raster:
    """The content of a GeoTIFF: values [band, y, x] float32, band names, transform, tags."""

    values: Float
    names: tuple[str, ...]
    transform: Affine
    tags: dict[str, str]

    @property
    def is_whole(self) -> bool:
        """Whether the pixels are those that were written."""
        return self.tags.get(_PIXELS) == _hash(self.values)


def feature_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's features lie."""
    return layout.tiles / area / f"{tile_id}.tif"


def label_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's labels lie."""
    return layout.tiles / area / f"{tile_id}.labels.tif"


def clean_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's denoised labels lie."""
    return layout.clean / area / f"{tile_id}.tif"


def write_raster(
    path: Path,
    values: NDArray[np.float32] | NDArray[np.uint8] | NDArray[np.uint16],
    names: Sequence[str],
    *,
    crs: str,
    transform: Affine,
    nodata: float | None = None,
    tags: dict[str, str] | None = None,
    compress: bool = True,
) -> None:
    """Write [band, y, x] as a GeoTIFF, atomically; equal content gives equal bytes.

    The file carries the hash of its pixels, by which it is known to be whole where no report speaks for it yet.
    """
    bands, height, width = values.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": values.dtype.name,
        "crs": crs, "transform": transform, "nodata": nodata, "tiled": True, "interleave": "band",
        "blockxsize": _block(width), "blockysize": _block(height),
    }  # fmt: skip
    if compress:
        profile |= {"compress": "zstd", "zstd_level": 1, "predictor": 3 if values.dtype.kind == "f" else 2}
    with new_raster(path, **profile) as file:
        file.write(values)
        file.descriptions = tuple(names)
        file.update_tags(**(tags or {}), **{_PIXELS: _hash(values)})


def _block(side: int) -> int:
    """Return the side of a file's blocks: some 256, and such that little is padded, which costs time to compress."""
    blocks = max(1, round(side / 256))
    return -(-side // (16 * blocks)) * 16


def _hash(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=np.float32).tobytes()).hexdigest()


def read_raster(
    path: Path, advice: str, sha256: str | None = None, bands: Sequence[str] | None = None, into: Float | None = None
) -> Raster:
    """Return the content of a GeoTIFF.

    Args:
        path: of the file.
        advice: what to run where the file is not good.
        sha256: what its report knows of its bytes; None where no report speaks for it.
        bands: the names of those to decode, in the order that is returned; None: all.
        into: an array [band, y, x] to decode them into, where the file has its size.

    Raises:
        TileError: the file is absent or broken, or not the one that is known, or lacks a band.
    """
    if sha256 is None:
        content = read_bytes(path, advice, error=TileError)
    else:
        content = read_checked(path, sha256, advice, error=TileError)
    try:
        with MemoryFile(content) as memory, memory.open() as file:
            names = tuple(name or "" for name in file.descriptions)
            wanted = names if bands is None else tuple(bands)
            if missing := [name for name in wanted if name not in names]:
                raise TileError(f"{path} has no band {missing[0]!r} (it has {', '.join(names)}); {advice}")
            numbers = [*range(1, file.count + 1)] if bands is None else [names.index(name) + 1 for name in wanted]
            fits = into is not None and into.shape == (len(numbers), file.height, file.width)
            values: NDArray[np.float32] = file.read(numbers, **({"out": into} if fits else {"out_dtype": "float32"}))
            return Raster(values, wanted, file.transform, file.tags())
    except RasterioError as error:
        raise TileError(f"{path} is broken; {advice}") from error


def load_tile(layout: Layout, record: TileRecord) -> TileData:
    """Read a tile's features and labels, which must be the very files of the manifest.

    Raises:
        TileError: a file is absent or not the one of the manifest, or holds what is impossible.
    """
    features = read_raster(feature_path(layout, record.area, record.id), ADVICE, record.sha256)
    labels = read_raster(label_path(layout, record.area, record.id), ADVICE, record.labels_sha256)
    if problem := misfit(record, features, labels):
        raise TileError(f"tile {record.area}/{record.id} {problem}; {ADVICE}")
    evidence, beside = {}, {}
    for name, band in zip(labels.names[len(LABEL_BANDS) :], labels.values[len(LABEL_BANDS) :], strict=True):
        if name.startswith(SHARE):
            evidence[name.removeprefix(SHARE)] = band
        else:
            beside[name] = band
    share, looks = labels.values[: len(LABEL_BANDS)]
    return TileData(record, features.values, features.names, share, looks, features.transform, evidence, beside)


def load_features(layout: Layout, record: TileRecord, names: Sequence[str]) -> Float:
    """Return a tile's features by name and as a last band its clear looks [band, y, x], margin included.

    It is what a map is made of. The files are checked as by `load_tile`, but nothing else in them is decoded.

    Raises:
        TileError: as `load_tile`; or the tile lacks a feature.
    """
    side = record.size + 2 * record.margin
    values = np.empty((len(names) + 1, side, side), np.float32)
    features = read_raster(feature_path(layout, record.area, record.id), ADVICE, record.sha256, names, values[:-1])
    looks = read_raster(
        label_path(layout, record.area, record.id), ADVICE, record.labels_sha256, LABEL_BANDS[1:], values[-1:]
    )
    problem = _misplaced(record, features, looks)
    if not problem and not (looks.values >= 0).all():
        problem = _IMPOSSIBLE
    if problem:
        raise TileError(f"tile {record.area}/{record.id} {problem}; {ADVICE}")
    return values


def misfit(record: TileRecord, features: Raster, labels: Raster) -> str:
    """Return what of a tile's two files does not fit its record or cannot be; empty where all does."""
    if problem := _misplaced(record, features, labels):
        return problem
    if labels.names[: len(LABEL_BANDS)] != LABEL_BANDS:
        return f"has labels of {', '.join(labels.names)} instead of {', '.join(LABEL_BANDS)}"
    looks = labels.values[1]
    shares = [b for n, b in zip(labels.names, labels.values, strict=True) if n == LABEL_BANDS[0] or n.startswith(SHARE)]
    if any(not (np.isnan(one) | ((one >= 0) & (one <= 1))).all() for one in shares) or not (looks >= 0).all():
        return _IMPOSSIBLE
    return ""


_IMPOSSIBLE = "has a share outside 0..1, or a negative number of looks"


def _misplaced(record: TileRecord, *rasters: Raster) -> str:
    """Return what of size, place or values of a tile's files cannot be; empty where all can."""
    side = record.size + 2 * record.margin
    corner = (record.left, record.top)
    for raster in rasters:
        if raster.values.shape[1:] != (side, side):
            return "does not have the manifest's size"
        if not np.allclose([raster.transform.c, raster.transform.f], corner, rtol=0, atol=1e-6 * record.scale):
            return "does not lie where the manifest says"
        if np.isinf(raster.values).any():
            return "holds an infinite value"
    return ""
