"""What became of each label, counted place by place, and the measures that follow from the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.bootstrap import Interval
from water_gee.denoise import ABSTAIN, CleanLabel
from water_gee.ladder.ground import Ground
from water_gee.ladder.noise import Noisy

Counts = NDArray[np.int64]
ZONES = ("all", "edge", "interior")
MEASURES = ("left", "commission", "omission", "flip_precision", "flip_recall", "damage", "coverage", "put")
SHAPE = (2, 2, 2, 3)  # zone (edge, interior), truth, noisy label (land, water), clean label (land, water, none)


@dataclass(frozen=True)
class Estimate:
    """A measure: the mean over the seeds, and a 95 % interval over places and seeds; None where it has no meaning."""

    value: float | None
    low: float | None = None
    high: float | None = None


def count(noisy: Sequence[Noisy], cleaned: Sequence[Sequence[CleanLabel]]) -> dict[str, Counts]:
    """Return the counts [zone, truth, noisy, clean] of the tiles' own pixels by place, all years together.

    Args:
        noisy: the labels that a method saw, by ground.
        cleaned: what it made of them: of each ground, in the order of its tiles.
    """
    found: dict[str, Counts] = {}
    for labels, ours in zip(noisy, cleaned, strict=True):
        ground = labels.ground
        counted = ground.counted
        clean = _canvas(ground, ours)[counted]
        code = [
            np.where(ground.edge[counted], 0, 1), ground.truth[counted], labels.share[counted] >= 0.5,
            np.where(clean == ABSTAIN, 2, clean),
        ]  # fmt: skip
        numbers = np.ravel_multi_index(
            [ground.place[counted], *(one.astype(np.int64) for one in code)], (len(ground.places), *SHAPE)
        )
        counts = np.bincount(numbers, minlength=len(ground.places) * 24).reshape(len(ground.places), *SHAPE)
        for place, one in zip(ground.places, counts, strict=True):
            if one.any():
                found[place] = found[place] + one if place in found else one
    return dict(sorted(found.items()))


def not_right(counts: Mapping[str, Counts]) -> int:
    """Return how many labels are wrong or have lost their value, over all places."""
    whole = np.sum(list(counts.values()), axis=(0, 1))  # truth, noisy, clean
    return int(whole.sum() - whole[0, :, 0].sum() - whole[1, :, 1].sum())


def measures(counts: NDArray[np.number]) -> dict[str, NDArray[np.float64]]:
    """Return each of `MEASURES` [..., all/edge/interior] of counts [..., zone, truth, noisy, clean].

    NaN where the denominator is 0.

    | measure | is |
    | --- | --- |
    | `put` | labels made wrong by the noise, over the truth's water pixels |
    | `left` | labels that are wrong after cleaning, over the same: `commission`, land called water, + `omission` |
    | `flip_precision` | of the labels that the method changed, those that were wrong |
    | `flip_recall` | of the wrong labels, those that it changed |
    | `damage` | of the right labels, those that it made wrong |
    | `coverage` | of the labels, those that it still gives |

    The water pixels are those of edge and interior together in each zone, so that the two add up to all.
    """
    zones = np.stack([counts.sum(axis=-4), counts[..., 0, :, :, :], counts[..., 1, :, :, :]], axis=-4).astype(float)
    water = counts[..., :, 1, :, :].sum(axis=(-1, -2, -3))[..., None].astype(float)
    commission, omission = zones[..., 0, :, 1].sum(axis=-1), zones[..., 1, :, 0].sum(axis=-1)
    wrong = zones[..., 0, 1, :].sum(axis=-1) + zones[..., 1, 0, :].sum(axis=-1)
    right = zones[..., 0, 0, :].sum(axis=-1) + zones[..., 1, 1, :].sum(axis=-1)
    mended, spoiled = zones[..., 0, 1, 0] + zones[..., 1, 0, 1], zones[..., 0, 0, 1] + zones[..., 1, 1, 0]
    return {
        "left": _ratio(commission + omission, water),
        "commission": _ratio(commission, water),
        "omission": _ratio(omission, water),
        "flip_precision": _ratio(mended, mended + spoiled),
        "flip_recall": _ratio(mended, wrong),
        "damage": _ratio(spoiled, right),
        "coverage": _ratio(zones[..., :2].sum(axis=(-1, -2, -3)), zones.sum(axis=(-1, -2, -3))),
        "put": _ratio(wrong, water),
    }


def estimates(seeds: Sequence[Mapping[str, Counts]], *, resamples: int, seed: int) -> dict[str, dict[str, Estimate]]:
    """Return each measure by name and zone: the mean over the seeds, and its interval.

    Each resample draws places with replacement, and then as many of the seeds as there are. The same seed draws the
    same places for every method and rung of a study.

    Args:
        seeds: the counts by place of each seed of a rung, all at the same places.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    places = sorted({place for one in seeds for place in one})
    none = np.zeros(SHAPE, dtype=np.int64)
    stacked = np.array([[one.get(place, none) for place in places] for one in seeds])
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(places), np.full(len(places), 1 / len(places)), size=resamples)
    resampled = measures(np.einsum("rp,spztnc->rsztnc", draws, stacked, optimize=True))
    chosen = generator.integers(0, len(seeds), size=(resamples, len(seeds)))
    values = measures(stacked.sum(axis=1))
    return {
        name: {
            zone: _estimate(values[name][:, number], resampled[name][..., number], chosen)
            for number, zone in enumerate(ZONES)
        }
        for name in MEASURES
    }


def _estimate(values: NDArray[np.float64], resampled: NDArray[np.float64], chosen: NDArray[np.int64]) -> Estimate:
    if np.isnan(values).all():
        return Estimate(None)
    drawn = np.take_along_axis(resampled, chosen, axis=1)
    known = ~np.isnan(drawn)
    samples = np.where(known, drawn, 0).sum(axis=1)[known.any(axis=1)] / known.sum(axis=1)[known.any(axis=1)]
    interval = Interval.of(samples)
    return Estimate(float(np.nanmean(values)), interval.low, interval.high)


def _canvas(ground: Ground, cleaned: Sequence[CleanLabel]) -> NDArray[np.uint8]:
    """Return the clean labels of a ground's tiles [y, x], 255 where no tile's own pixel lies."""
    canvas = np.full(ground.truth.shape, ABSTAIN, dtype=np.uint8)
    for tile, clean in zip(ground.tiles, cleaned, strict=True):
        canvas[ground.own_cut(tile.record)] = clean.label[tile.core]
    return canvas


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    part, whole = np.broadcast_arrays(part, whole)
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio
