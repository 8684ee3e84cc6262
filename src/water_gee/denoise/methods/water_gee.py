"""The default: what several free sources say, the water's own surroundings and the terrain, joined pixel by pixel."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from water_gee.classes import LAND, WATER
from water_gee.config.base import Share
from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason, visible
from water_gee.denoise.method import Radius, Survey
from water_gee.denoise.sources import ALL, MIXED, Evidence
from water_gee.denoise.unmixing import blur, fraction
from water_gee.tiles import TileData, TileRecord

Boolean = NDArray[np.bool_]
Degrees = Annotated[float, Field(ge=0, le=90)]
Float = NDArray[np.float32]
_EIGHT = np.ones((3, 3), dtype=bool)  # neighbours across corners count
_OFTEN = 0.2  # of the shore pixels that at most one test sees: measured 0.02 to 0.08 of CFMask, 0.5 of HLS's Fmask
_SPREAD = 0.08  # of the fraction, where water and land are about as likely


class Learned(NamedTuple):
    """What an area teaches.

    `spectrum` is the mean reflectance [band] of its agreed water, NaN where there is none; `knows` is whether the bit
    sees water at shores that no test sees, often enough not to be an accident.
    """

    spectrum: NDArray[np.float64]
    knows: bool


class _Rule(NamedTuple):
    """Pixels that get a label, unless an earlier rule gave one: which label, why, and how probable it is [y, x]."""

    where: Boolean
    label: int
    reason: Reason
    probability: Float | float


@dataclass(frozen=True)
class Joined:
    """The method `water_gee`: rules in order, of which the first that applies gives the label.

    1. Water is what the bit and all tests agree on, and what all tests or all but one see without the bit where it is
       neither snow nor sloping. What the quality band's rule leaves out so (bright, turbid, shallow water) is added.
    2. Near sure water a pixel is a mixture, and what it holds more of decides (`unmixing`). The bit is believed there
       against the tests from a much smaller fraction on, if it often sees more than they: then it knows of water that
       spectra do not show, as HLS's bit does. If it seldom does, those pixels are its errors, and are left open.
    3. Far from sure water steep ground is land: terrain shadow, or snow.
    4. Bodies are judged whole. One of which half is steep is a hill's shadow, or its snow. One that the bit alone sees,
       far from sure water, is dark land where it holds no agreed water.
    5. Elsewhere water is what the bit and some tests see, or some tests in pixels that hold much of the area's water;
       land is what no source sees, and what is unlike that water.
    6. What is left abstains, as do the pixels between the two where a wrong label is about as likely as a right one.

    `survey` and `learn` find how much the bit knows, and the spectrum of the area's agreed water: what a river is
    unmixed with that has no sure water in its tile. Slope decides far from water alone: an elevation model older than a
    reservoir shows hills there.
    """

    radius: Radius = 3
    mixture: Share = 0.6
    bit_mixture: Share = 0.25
    gentle: Degrees = 5.0
    steep: Degrees = 20.0
    heavy: ClassVar[bool] = True
    surveys: ClassVar[bool] = True

    def survey(self, tile: TileData, seed: int) -> Survey | None:
        """Return the sum of the spectra of the tile's agreed water, and its pixels; None without any.

        Raises:
            TileError: the tile lacks a source or a band.
        """
        evidence = Evidence.of(tile, self.radius)
        agreed = evidence.agreed[tile.core]
        if not agreed.any():
            return None
        spectra = evidence.bands[(slice(None), *tile.core)][:, agreed]
        sure, steep = self._sure(evidence)
        shore = (_near(sure) & ~sure & ~steep & evidence.partial & (evidence.votes <= 1))[tile.core]
        return {
            "sum": spectra.sum(axis=1, dtype=np.float64),
            "pixels": np.array(spectra.shape[1]),
            "shore": np.array(shore.sum()),
            "bit": np.array((shore & evidence.bit[tile.core]).sum()),
        }

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> Learned:
        """Return the mean spectrum of the area's agreed water, and whether the bit knows of water that no test sees."""
        spectrum, pixels, shore, bit = np.zeros(len(MIXED)), 0, 0, 0
        for _, survey in surveys:
            spectrum += survey["sum"].astype(np.float64)
            pixels += int(survey["pixels"].astype(np.int64))
            shore += int(survey["shore"].astype(np.int64))
            bit += int(survey["bit"].astype(np.int64))
        return Learned(spectrum / pixels if pixels else np.full(len(MIXED), np.nan), bit > _OFTEN * shore)

    def __call__(self, tile: TileData, seed: int, learned: Learned) -> CleanLabel:
        """Return the clean labels of `tile`; `seed` is not used.

        Raises:
            TileError: the tile lacks a source or a band.
        """
        evidence = Evidence.of(tile, self.radius)
        label, confidence, reason = self._decide(evidence, learned)
        raw = tile.label
        reason = np.where(label == raw, Reason.KEPT, reason)
        reason = np.where(evidence.seen, reason, np.where(visible(tile), Reason.NEIGHBOUR, Reason.UNSEEN))
        sure = np.where(label == ABSTAIN, np.nan, confidence).astype(np.float32)
        return CleanLabel(label, sure, reason.astype(np.uint8))

    def _decide(self, evidence: Evidence, learned: Learned) -> tuple[NDArray[np.uint8], Float, NDArray[np.uint8]]:
        """Return label, the label's probability and the reason of every pixel [y, x]."""
        label = np.full(evidence.seen.shape, ABSTAIN, dtype=np.uint8)
        confidence = np.full(label.shape, 0.5, dtype=np.float32)
        reason = np.full(label.shape, Reason.UNSURE, dtype=np.uint8)
        undecided = evidence.seen.copy()
        for rule in self._rules(evidence, learned):
            chosen = rule.where & undecided
            undecided &= ~chosen
            label[chosen] = rule.label
            reason[chosen] = rule.reason
            confidence[chosen] = rule.probability if isinstance(rule.probability, float) else rule.probability[chosen]
        return label, confidence, reason

    def _rules(self, of: Evidence, learned: Learned) -> list[_Rule]:
        gentle = of.slope < self.gentle
        sure, steep = self._sure(of)
        share, near = self._mixtures(of, sure, learned)
        believed = (share > self.bit_mixture) & learned.knows
        half = np.where(gentle, self.mixture, self.mixture + 0.1)  # the sloping shore's shadows look like water
        chance = _sigmoid((share - self.mixture) / _SPREAD)
        some, most, none = of.votes > 0, of.votes >= ALL - 1, of.votes == 0
        bodies = _Bodies(of.seen & (of.bit | (of.votes > ALL // 2)))
        apart, hill = bodies.share_of(of.agreed & ~steep) < 0.05, bodies.share_of(steep) >= 0.5
        apart, hill = apart & bodies.where, hill & bodies.where
        mixed = (share > np.where(of.votes > 1, 0.4, 0.5)) & (share < 1)  # of the area's water, and not beyond it
        return [
            _Rule(sure, WATER, Reason.EVIDENCE, 0.99),
            _Rule(near & ~steep & of.bit & ((of.votes > 1) | believed), WATER, Reason.SHORE, 0.8),
            _Rule(near & ~steep & some & (share > 0.45), WATER, Reason.SHORE, np.maximum(chance, 0.8)),
            _Rule(near & ~steep & (share > half), WATER, Reason.SHORE, np.maximum(chance, 0.6)),
            _Rule(near & steep & some & (share > 0.7), WATER, Reason.SHORE, chance),
            _Rule(hill & (steep | ~of.bit | (of.votes <= 1)), LAND, Reason.OBJECT, 0.95),
            _Rule(near & ~steep & (share > self.mixture - 0.05), ABSTAIN, Reason.UNSURE, 0.5),
            _Rule(near & steep & some & (share > 0.5), ABSTAIN, Reason.UNSURE, 0.5),
            _Rule(near & of.bit & ~steep & (share > self.bit_mixture), ABSTAIN, Reason.UNSURE, 0.5),
            _Rule(near, LAND, Reason.SHORE, np.maximum(1 - chance, 0.6)),
            _Rule(steep & some & (of.bit | ~most) & (share > 0.7) & (share < 1), ABSTAIN, Reason.UNSURE, 0.5),
            _Rule(steep, LAND, Reason.TERRAIN, 0.99),
            _Rule(of.bit & (of.votes > 1), WATER, Reason.EVIDENCE, 0.9),
            _Rule(of.bit & apart, LAND, Reason.OBJECT, 0.9),
            _Rule(of.dry, LAND, Reason.EVIDENCE, 0.995),
            _Rule(~of.bit & none & (share > 0.7), WATER, Reason.SHORE, 0.8),
            _Rule(~of.bit & none & (share < 0.55), LAND, Reason.EVIDENCE, 0.95),
            _Rule(~of.bit & some & ~most & gentle & mixed, WATER, Reason.EVIDENCE, 0.9),
            _Rule(~of.bit & some & ~most & ~gentle & ((share < 0.4) | (share > 1)), LAND, Reason.TERRAIN, 0.8),
            _Rule(~of.bit & most & ~gentle & ((share < 0.6) | (share > 1.1)), LAND, Reason.TERRAIN, 0.9),
        ]

    def _sure(self, of: Evidence) -> tuple[Boolean, Boolean]:
        """Return where there is water for certain, and where the ground is steep, both [y, x]."""
        steep = of.slope >= self.steep
        added = ~of.bit & (of.votes >= ALL - 1) & ~of.snow & (of.slope < self.gentle)
        return of.seen & ((of.agreed & ~steep) | added), steep

    def _mixtures(self, of: Evidence, sure: Boolean, learned: Learned) -> tuple[Float, Boolean]:
        """Return each pixel's fraction of water [y, x], and where sure water is near."""
        land = (ndimage.minimum_filter(of.dry | ~of.seen, footprint=_EIGHT) & of.dry).astype(np.float32)
        share = fraction(of.bands, _weights(sure), land, learned.spectrum)
        return share, _near(sure)


def _weights(sure: Boolean) -> Float:
    """Return how much each sure pixel counts [y, x]: in full where all its neighbours are sure too, else a tenth."""
    inside = ndimage.minimum_filter(sure, footprint=_EIGHT)
    return np.where(inside, 1.0, np.where(sure, 0.1, 0.0)).astype(np.float32)


def _near(sure: Boolean) -> Boolean:
    """Return where a Gaussian window of 4 pixels holds at least one pixel's weight of sure water, [y, x]."""
    return np.asarray(blur(_weights(sure)[None], 4)[0] * (2 * np.pi * 16) > 1)


class _Bodies:
    """The connected bodies of `where` [y, x], by which pixels are judged together."""

    def __init__(self, where: Boolean) -> None:
        self.where = where
        self._numbers, self._count = ndimage.label(where, _EIGHT)
        self._sizes = np.bincount(self._numbers.ravel(), minlength=self._count + 1)

    def share_of(self, some: Boolean) -> Float:
        """Return, for every pixel [y, x] of a body, the share of the body's pixels that are among `some`."""
        held = np.bincount(self._numbers[some].ravel(), minlength=self._count + 1)
        return np.asarray((held / np.maximum(self._sizes, 1))[self._numbers], dtype=np.float32)


def _sigmoid(values: Float) -> Float:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), dtype=np.float32)


METHOD = Joined
