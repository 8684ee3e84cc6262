"""What speaks for and against a tile's clean labels, without truth: other evidence, and pixels to learn from."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, WATER
from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason, usable
from water_gee.denoise.summary import flipped
from water_gee.earth import SLOPE_SCALE
from water_gee.tiles import WATER_SHARE, TileData

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
_BITS = ("qa", "cfmask", "fmask")  # sources that are the raw label's bit, or its kin
_PARTLY = "dswe_partial"  # says that a pixel is water in part: evidence for a change, but no label to agree with
_LEAST_SOURCES = 3  # of fewer, none sees water in much of what is water
_SNOW, _STEEP = 0.3, 20.0  # share of the looks, degrees: all spectral tests take snow and terrain shadow for water
# What a plain classifier learns from, where a tile has it. Without elevation, which tells places apart.
_LEARNED = ("blue", "green", "red", "nir", "swir1", "swir2", "ndvi", "ndwi", "mndwi", "slope")
_DRAWN = 150  # pixels of a tile and group at most


@dataclass(frozen=True)
class Sample:
    """Pixels of one tile that have a raw and a clean label.

    `place` is the tile's column and row, the same in every year; `values` is [pixel, band]; `raw` and `clean` [pixel]
    are 0 land, 1 water; `weight` [pixel] is how many pixels of the tile each one stands for.
    """

    place: tuple[int, int]
    values: Float
    raw: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    weight: Float


def weigh(tile: TileData, clean: CleanLabel, radius: int) -> Counter[str]:
    """Return counts of the tile's own pixels; those of an area are the sums of its tiles'.

    `usable` have a raw label and a visible window, whatever the method says of them; `given` of those have a clean
    label. `raw_water`, `raw_land`, `clean_water` and `clean_land` are how many of the usable have which label.
    `changed_<reason>` counts labels on another side, `to_water` and `to_land` which. Where the tile holds three
    sources or more that are independent of the raw bit: `to_water_against` counts those that none of them calls water,
    not even in part, and `to_land_against` those that all of them call water, off snow and steep ground; `raw_both` and
    `raw_either` count, summed over the sources, the given pixels that the raw label and, or, the source call water;
    `clean_both` and `clean_either` the same of the clean label.

    Args:
        tile: the tile.
        clean: its clean labels.
        radius: a pixel is usable where nothing is hidden this near, in pixels.
    """
    own = tile.core
    raw, label = tile.label[own], clean.label[own]
    used = usable(tile, radius)[own] & (raw != ABSTAIN)
    given = used & (label != ABSTAIN)
    to_water = given & (raw == LAND) & (label == WATER)
    to_land = given & (raw == WATER) & (label == LAND)
    found = Counter(
        usable=int(used.sum()), given=int(given.sum()), to_water=int(to_water.sum()), to_land=int(to_land.sum())
    )
    for name, value in (("water", WATER), ("land", LAND)):
        found[f"raw_{name}"] = int((used & (raw == value)).sum())
        found[f"clean_{name}"] = int((used & (label == value)).sum())
    reasons = clean.reason[own][used & flipped(label, raw)]
    found.update({f"changed_{Reason(code).name.lower()}": int((reasons == code).sum()) for code in np.unique(reasons)})
    says = {name: _says_water(share)[own] for name, share in tile.evidence.items() if name not in _BITS}
    if len(says) >= _LEAST_SOURCES:
        every = np.stack(list(says.values()))
        dubious = (_beside(tile, "snow")[own] > _SNOW) | (_beside(tile, "slope")[own] * SLOPE_SCALE >= _STEEP)
        found["to_water_against"] = int((to_water & ~every.any(axis=0)).sum())
        found["to_land_against"] = int((to_land & every.all(axis=0) & ~dubious).sum())
        for side, water in (("raw", raw[given] == WATER), ("clean", label[given] == WATER)):
            for name, said in says.items():
                if name != _PARTLY:
                    found[f"{side}_both"] += int((water & said[given]).sum())
                    found[f"{side}_either"] += int((water | said[given]).sum())
    return found


def draw(tile: TileData, clean: CleanLabel, radius: int, seed: int) -> Sample | None:
    """Return some of the tile's own pixels that have both labels; None without any.

    As many are drawn of what is water to the raw label, of what is water to the clean label alone, and of the rest.

    Args:
        tile: the tile.
        clean: its clean labels.
        radius: a pixel is usable where nothing is hidden this near, in pixels.
        seed: the tile's own.
    """
    own = tile.core
    raw, label = tile.label[own].ravel(), clean.label[own].ravel()
    names = [name for name in _LEARNED if name in (*tile.names, *tile.beside)]
    both = usable(tile, radius)[own].ravel() & (raw != ABSTAIN) & (label != ABSTAIN)
    if not names or not both.any():
        return None
    random = np.random.default_rng(seed)
    before, after = raw == WATER, label == WATER
    groups = [np.flatnonzero(both & group) for group in (before, after & ~before, ~after & ~before)]
    drawn = [np.sort(random.permutation(group)[:_DRAWN]) for group in groups]
    chosen = np.concatenate(drawn)
    stands_for = [len(group) / max(len(some), 1) for group, some in zip(groups, drawn, strict=True)]
    weight = np.repeat(stands_for, [len(some) for some in drawn]).astype(np.float32)
    values = np.stack([np.nan_to_num(tile.band(name)[own].ravel()[chosen]) for name in names], axis=1)
    place = (tile.record.column, tile.record.row)
    return Sample(place, values.astype(np.float32), raw[chosen], label[chosen], weight)


def _says_water(share: Float) -> Boolean:
    return np.asarray(np.nan_to_num(share) >= WATER_SHARE)


def _beside(tile: TileData, name: str) -> Float:
    """Return a band [y, x], 0 where the tile does not have it."""
    has = name in tile.names or name in tile.beside
    return np.nan_to_num(tile.band(name)) if has else np.zeros_like(tile.share)
