"""A test tile as its judges see it: what each method says, and what is true."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from water_gee.classes import WATER
from water_gee.denoise import CleanLabels, clean_report_path
from water_gee.earth import derive
from water_gee.errors import ModelError, TileError
from water_gee.evaluation.reference import Reference
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.tiles import TileData, TileRecord, load_tile

Mask = NDArray[np.bool_]
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
METHODS = ("model", "qa_water", "mndwi_0")


@dataclass(frozen=True)
class Judge:
    """A trained model as evaluation needs it: features [band, y, x] with a margin to probability [y, x]."""

    predict: Predict
    features: tuple[str, ...]
    radius: int
    threshold: float


@dataclass(frozen=True)
class TileView:
    """The own pixels of a tile, margin cut off; every array is [y, x].

    `clear` marks the pixels that count: seen in the composite, with at least one clear look of the quality
    band. `water` holds the answer of each method of METHODS, `references` 1 water, 0 land, 255 unknown,
    `clean` the denoised label (255 abstain) where there is one.
    """

    tile: TileData
    clear: Mask
    probability: NDArray[np.float32]
    water: Mapping[str, Mask]
    references: Mapping[str, NDArray[np.uint8]]
    clean: NDArray[np.uint8] | None

    @property
    def record(self) -> TileRecord:
        """The tile's row of the manifest."""
        return self.tile.record

    def band(self, name: str) -> NDArray[np.float32]:
        """Return a feature by name."""
        band: NDArray[np.float32] = self.tile.band(name)[self.tile.core]
        return band

    def has(self, *names: str) -> bool:
        """Return whether the tile has all these features."""
        return set(names) <= set(self.tile.names)


def place(tile: TileData) -> Affine:
    """Return the transform of a tile's own pixels, margin cut off."""
    whole, own = tile.transform, tile.record.margin
    return Affine(whole.a, 0, whole.c + own * whole.a, 0, whole.e, whole.f + own * whole.e)


def views(
    layout: Layout, records: Sequence[TileRecord], judge: Judge, references: Sequence[Reference]
) -> Iterator[TileView]:
    """Yield each test tile with every answer to it.

    Raises:
        ModelError: the tiles lack a feature that the model reads.
        TileError: a tile is broken, or its margin is too narrow for the model.
    """
    clean = CleanLabels.of(layout) if is_there(clean_report_path(layout)) else None
    for record in records:
        tile = load_tile(layout, record)
        core = tile.core
        probability = _probability(tile, judge)
        mndwi = _mndwi(tile)[core]
        share = tile.share[core]
        side = (record.size, record.size)
        yield TileView(
            tile=tile,
            clear=tile.seen[core] & ~np.isnan(probability) & ~np.isnan(mndwi) & ~np.isnan(share),
            probability=probability,
            water={
                "model": probability >= judge.threshold,
                "qa_water": tile.label[core] == WATER,
                "mndwi_0": mndwi > 0,
            },
            references={
                reference.name: reference.sample(record.year, record.crs, place(tile), side) for reference in references
            },
            clean=clean.read(record).label[core] if clean is not None and clean.has(record) else None,
        )


def answered_by(view: TileView, judge: Judge) -> TileView:
    """Return the same tile with the answer of another model, without reading the tile and its references again.

    Raises:
        ModelError: the tile lacks a feature that the model reads.
        TileError: the tile's margin is too narrow for the model.
    """
    probability = _probability(view.tile, judge)
    water = {**view.water, "model": probability >= judge.threshold}
    return replace(view, probability=probability, water=water)


def _probability(tile: TileData, judge: Judge) -> NDArray[np.float32]:
    """Return the model's probability of the tile's own pixels, by those of the tile's features that it reads."""
    if not set(judge.features) <= set(tile.names):
        raise ModelError(
            f"the model reads {', '.join(judge.features)} but the tiles hold {', '.join(tile.names)}; "
            "set features.names to the model's list and run: water-gee tiles, or train again"
        )
    spare = tile.record.margin - judge.radius
    if spare < 0:
        raise TileError(
            f"the model needs a margin of {judge.radius} pixels and the tiles have {tile.record.margin}; "
            f"set tiles.margin={judge.radius} and run: water-gee tiles"
        )
    height, width = tile.features.shape[1:]
    bands = [tile.names.index(name) for name in judge.features]
    read = tile.features if bands == list(range(len(tile.names))) else tile.features[bands]
    return judge.predict(read[:, spare : height - spare, spare : width - spare])


def _mndwi(tile: TileData) -> NDArray[np.float32]:
    """Return the modified normalised difference water index (Xu, 2006) of the composite."""
    if "mndwi" in tile.names:
        return tile.band("mndwi")
    if not {"green", "swir1"} <= set(tile.names):
        raise TileError(
            f"MNDWI needs the band mndwi, or green and swir1, and the tiles hold {', '.join(tile.names)}; "
            "add one of them to features.names and run: water-gee tiles"
        )
    return derive("mndwi", {name: tile.band(name) for name in ("green", "swir1")})
