"""How good the map is by circumstance: shores, small bodies, narrow waters, shadow, turbid water, slopes.

All are known of any study: from the shape of the reference, the composite, and the bands that lie beside the labels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.bootstrap import Interval, resampled
from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.earth import SLOPE_SCALE
from water_gee.evaluation.count import Place, blocks
from water_gee.evaluation.reference import Reference
from water_gee.evaluation.view import METHODS, TileView, place

Mask = NDArray[np.bool_]
SHORE = 2  # pixels up to which the other class is near
SMALL = 100  # pixels of a small body of water at most
NARROW = 5  # pixels: a square of this side does not fit into narrow water
TURBID_RED, TURBID_NIR = 0.06, 0.1  # reflectance above which water is turbid or shallow, where the bit often misses it
SHADED = 0.4  # cosine of the sun's angle to the ground below which it is in shadow
SLOPES = (3.0, 10.0)  # degrees
_AROUND = 64  # pixels around a tile in which the reference's shape is looked at
_MEASURES = ("iou", "f1", "users", "producers")
NAMES = {
    "shore": f"within {SHORE} pixels of the shore",
    "interior": "off the shore",
    "small": f"water bodies of at most {SMALL} pixels, and {SHORE} pixels around",
    "narrow": f"other water narrower than {NARROW} pixels, and {SHORE} pixels around",
    "turbid": f"turbid or shallow water (red above {TURBID_RED:g} or NIR above {TURBID_NIR:g})",
    "shadow": f"ground that the sun hardly lights (cosine below {SHADED:g})",
    "flat": f"slopes below {SLOPES[0]:g} degrees",
    "sloping": f"slopes of {SLOPES[0]:g} to {SLOPES[1]:g} degrees",
    "steep": f"slopes above {SLOPES[1]:g} degrees",
}


@dataclass
class Circumstances:
    """Counts right and wrong pixels by circumstance, against one reference.

    A circumstance is a set of pixels, and a pixel may be in several. Where the set holds one class by its nature
    (turbid water), only the measure of that class means something; the others are None.
    """

    reference: Reference
    block: int  # pixels a side of the places that intervals are made over
    cells: dict[Place, NDArray[np.int64]] = field(default_factory=dict)  # [circumstance, method, tp/fp/fn/tn]

    def add(self, view: TileView) -> None:
        """Count a tile."""
        truth = view.references[self.reference.name]
        known = view.clear & (truth != UNKNOWN)
        if not known.any():
            return
        water = truth == WATER
        sets = self._sets(view)
        for where, cut in blocks(view, self.block):
            cell = self.cells.setdefault(where, np.zeros((len(NAMES), len(METHODS), 4), dtype=np.int64))
            for number, name in enumerate(NAMES):
                if name not in sets or not (chosen := (sets[name] & known)[cut]).any():
                    continue
                for index, method in enumerate(METHODS):
                    code = 2 * water[cut][chosen] + view.water[method][cut][chosen]  # tn, fp, fn, tp
                    cell[number, index] += np.bincount(code, minlength=4)[[3, 1, 2, 0]]

    def _sets(self, view: TileView) -> dict[str, Mask]:
        transform, side = place(view.tile), view.record.size
        wide = transform @ Affine.translation(-_AROUND, -_AROUND)
        shape = (side + 2 * _AROUND,) * 2
        around = self.reference.sample(view.record.year, view.record.crs, wide, shape)
        core = (slice(_AROUND, -_AROUND),) * 2
        found = {name: mask[core] for name, mask in shapes(around).items()}
        there = {*view.tile.names, *view.tile.beside} & {"red", "nir", "slope", "illumination"}
        bands = {name: view.band(name) for name in sorted(there)}
        return found | dict(_of_bands(bands, around[core] == WATER))

    def table(self, *, resamples: int, seed: int) -> list[dict[str, Any]]:
        """Return a row a circumstance that holds pixels: how many, how many are water, and each method's measures.

        Args:
            resamples: of the bootstrap over places.
            seed: of the bootstrap.
        """
        if not self.cells:
            return []
        counts = np.stack([self.cells[where] for where in sorted(self.cells)])
        total = counts.sum(axis=0)
        draws = resampled(counts, resamples=resamples, seed=seed) if len(counts) > 1 else None
        rows = []
        for number, name in enumerate(NAMES):
            pixels, water = int(total[number, 0].sum()), int(total[number, 0, [0, 2]].sum())
            if not pixels:
                continue
            row: dict[str, Any] = {"circumstance": name, "what": NAMES[name], "pixels": pixels, "water": water}
            for index, method in enumerate(METHODS):
                samples = None if draws is None else draws[:, number, index]
                row[method] = _measured(total[number, index], samples, both=0 < water < pixels)
            rows.append(row)
        return rows


def shapes(reference: NDArray[np.uint8]) -> dict[str, Mask]:
    """Return the circumstances [y, x] that follow from the shape of a reference [y, x].

    A body that reaches the edge of the array, or what is unknown, is not small, since it may go on there; and of pixels
    that have no shore in sight but what is unknown, nobody knows whether they are off it.
    """
    water, land = reference == WATER, reference == LAND
    near_water, near_land, near_unknown = (
        ndimage.maximum_filter(one, 2 * SHORE + 1, mode="constant") for one in (water, land, reference == UNKNOWN)
    )
    shore = (water & near_land) | (land & near_water)
    bodies, count = ndimage.label(water, np.ones((3, 3)))
    sizes = np.bincount(bodies.ravel(), minlength=count + 1)
    sizes[0] = SMALL + 1
    beyond = ndimage.maximum_filter(reference == UNKNOWN, 3, mode="constant", cval=1)  # the edge is next to it too
    sizes[bodies[beyond]] = SMALL + 1
    small = (sizes <= SMALL)[bodies]
    open_water = ndimage.binary_opening(water | (reference == UNKNOWN), np.ones((NARROW, NARROW)))
    narrow = water & ~small & ~open_water
    return {
        "shore": shore,
        "interior": (water | land) & ~shore & ~near_unknown,
        "small": _with_shore(small, water),
        "narrow": _with_shore(narrow, water),
    }


def _with_shore(part: Mask, water: Mask) -> Mask:
    """Return a part of the water and the land around it, without other water."""
    around: Mask = ndimage.maximum_filter(part, 2 * SHORE + 1, mode="constant")
    return part | (around & ~water)


def _of_bands(bands: Mapping[str, NDArray[np.float32]], water: Mask) -> Iterator[tuple[str, Mask]]:
    if "red" in bands and "nir" in bands:
        yield "turbid", water & ((bands["red"] > TURBID_RED) | (bands["nir"] > TURBID_NIR))
    if "illumination" in bands:
        yield "shadow", bands["illumination"] < SHADED
    if "slope" in bands:
        degrees = bands["slope"] * SLOPE_SCALE
        yield "flat", degrees < SLOPES[0]
        yield "sloping", (degrees >= SLOPES[0]) & (degrees < SLOPES[1])
        yield "steep", degrees >= SLOPES[1]


def _measured(counts: NDArray[np.int64], samples: NDArray[np.int64] | None, *, both: bool) -> dict[str, Any]:
    """Return the measures of counts [4] with intervals from resampled ones [resample, 4].

    Of pixels that are water alone, or land alone, none but the share that was found means something.
    """
    found: dict[str, Any] = {}
    values, spread = _of(counts), None if samples is None else _of(samples)
    for name in _MEASURES:
        usable = (both or (name == "producers" and counts[[0, 2]].any())) and not np.isnan(values[name])
        found[name] = float(values[name]) if usable else None
        if usable and spread is not None:
            interval = Interval.of(spread[name])
            found[f"{name}_low"], found[f"{name}_high"] = interval.low, interval.high
    found["wrong"] = float(counts[1:3].sum() / counts.sum())
    return found


def _of(counts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    tp, fp, fn = (counts[..., number].astype(np.float64) for number in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = tp / (tp + fp + fn)
        return {"iou": iou, "f1": 2 * iou / (1 + iou), "users": tp / (tp + fp), "producers": tp / (tp + fn)}
