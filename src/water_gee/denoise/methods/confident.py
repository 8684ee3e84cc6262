"""Confident learning: labels that contradict what a classifier of other places is sure of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from water_gee.classes import WATER
from water_gee.config.base import Count, Names, Positive
from water_gee.denoise.blocks import blocks, deal
from water_gee.denoise.crossfit import CrossFitted, cross_fit
from water_gee.denoise.evidence import SOURCES, Sources
from water_gee.denoise.labels import CleanLabel, Reason, assemble, usable
from water_gee.denoise.method import Radius, Survey
from water_gee.earth import derive
from water_gee.errors import TileError
from water_gee.tiles import TileData, TileRecord

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
_RAW = "qa"  # the raw label itself: a classifier that sees it has nothing to find


@dataclass(frozen=True)
class Lesson:
    """What an area teaches: the classifiers, and the thresholds of land and water by confident learning."""

    classifiers: CrossFitted
    thresholds: tuple[float, float]


@dataclass(frozen=True)
class Confident:
    """Labels that confident learning finds wrong are flipped, or abstain.

    C. Northcutt, L. Jiang and I. Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of
    Artificial Intelligence Research 70 (2021), as cleanlab implements it. Gradient-boosted trees learn the raw label
    from `bands` and the shares of the other label sources, from at most `samples` random pixels a tile and
    `most_samples` an area. They are cross-fitted over `folds` of whole blocks, `block` kilometres a side: every pixel
    is judged by trees that have seen no pixel of its block in any year. A class's threshold is the mean probability
    that its own samples get. A label is wrong where the other class's probability reaches that class's
    threshold and is the larger of the two.

    What it can mend is what is wrong at random, or seldom, as seen in `bands`: where most labels of a kind of water are
    wrong, the trees learn that this is land. The raw label is a rule on red and near infrared; trees that see those
    bands learn the rule with its faults and find nothing. A source that repeats the raw label does not
    belong among `sources` for the same reason, and `qa` is left out. Pixels on both sides of a block's edge are
    still alike.
    """

    radius: Radius = 3
    bands: Names = ("mndwi", "slope")
    sources: Sources = tuple(source for source in SOURCES if source != _RAW)
    samples: Count = 2000
    most_samples: Count = 200_000
    folds: Annotated[int, Field(ge=3, le=20)] = 5
    block: Positive = 5.0
    issues: Literal["flip", "abstain"] = "flip"
    heavy: ClassVar[bool] = True
    surveys: ClassVar[bool] = True

    def survey(self, tile: TileData, seed: int) -> Survey | None:
        """Return random pixels of the tile's own, in random order; None where there is none to use.

        Raises:
            TileError: the tile lacks a band or the evidence of a source.
        """
        values, own = self._values(tile), np.zeros(tile.share.shape, dtype=bool)
        own[tile.core] = usable(tile, self.radius)[tile.core]
        pixels = np.flatnonzero(own)
        if not len(pixels):
            return None
        chosen = np.random.default_rng(seed).choice(pixels, min(self.samples, len(pixels)), replace=False)
        return {
            "values": values.reshape(len(values), -1)[:, chosen].T,
            "water": (tile.label == WATER).ravel()[chosen],
            "block": blocks(tile, self.block).ravel()[chosen],
        }

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> Lesson | None:
        """Return the classifiers and thresholds of an area, None where it has no sample.

        Raises:
            TileError: the area has fewer blocks than folds.
        """
        from cleanlab.count import get_confident_thresholds  # imported here: it takes a second

        sizes = {record.id: (len(survey["water"]), record.area) for record, survey in surveys}
        if not sizes:
            return None
        share = min(1.0, self.most_samples / sum(size for size, _ in sizes.values()))
        parts = list(_thinned(surveys, share))
        values, water, where = (np.concatenate([part[name] for part in parts]) for name in ("values", "water", "block"))
        fold_of = deal(where.astype(np.int64), water.astype(bool), self.folds, seed)
        if len(fold_of) < self.folds:
            area = next(area for _, area in sizes.values())
            raise TileError(
                f"area {area} has samples in {len(fold_of)} blocks of denoise.block={self.block:g} km, and "
                f"denoise.folds={self.folds} needs as many blocks at least; choose a smaller denoise.block"
            )
        fitted = cross_fit(values.astype(np.float32), water.astype(bool), where.astype(np.int64), fold_of, seed)
        chance = fitted.chance(values.astype(np.float32), where.astype(np.int64))
        land, wet = get_confident_thresholds(water.astype(np.int64), _classes(chance))
        return Lesson(fitted, (float(land), float(wet)))

    def __call__(self, tile: TileData, seed: int, learned: Lesson | None = None) -> CleanLabel:
        """Return the clean labels of `tile`; its notes count the issues among the labels of water and of land."""
        used, water = usable(tile, self.radius), tile.label == WATER
        if learned is None:
            return assemble(tile, used, water, np.zeros_like(tile.share), unsure=used)
        chance = np.zeros(tile.share.shape, dtype=np.float32)
        values = self._values(tile)[:, used].T
        chance[used] = learned.classifiers.chance(values, blocks(tile, self.block)[used])
        wrong = np.zeros_like(used)
        wrong[used] = label_issues(water[used], chance[used], learned.thresholds)
        decision = water ^ wrong
        notes = {
            "water_issues": int((wrong & water)[tile.core].sum()),
            "land_issues": int((wrong & ~water)[tile.core].sum()),
        }
        unsure = wrong if self.issues == "abstain" else None
        confidence = np.where(decision, chance, 1 - chance)
        return assemble(tile, used, decision, confidence, notes, flip=Reason.LEARNED, unsure=unsure)

    def _values(self, tile: TileData) -> Float:
        """Return what the classifier sees of each pixel, [feature, y, x]."""
        known = {**dict(zip(tile.names, tile.features, strict=True)), **tile.beside}
        bands = [derive(name, known) for name in self.bands]
        return np.stack([*bands, *(tile.share_by(source) for source in self.sources if source != _RAW)])


def label_issues(water: Boolean, chance: Float, thresholds: tuple[float, float]) -> Boolean:
    """Return which labels are wrong by confident learning, as cleanlab's filter by `confident_learning` finds them.

    Args:
        water: the label of each pixel.
        chance: the probability of water of each pixel, by a classifier that has not seen it.
        thresholds: of land and water; from there on a probability is confident.
    """
    from cleanlab.count import compute_confident_joint

    wrong = np.zeros_like(water)
    if len(water):
        _, found = compute_confident_joint(
            water.astype(np.int64), _classes(chance), thresholds=thresholds, calibrate=False,
            return_indices_of_off_diagonals=True,
        )  # fmt: skip
        wrong[found] = True
    return np.asarray(wrong & np.where(water, chance < 0.5, chance > 0.5))


def _classes(chance: Float) -> NDArray[np.float64]:
    """Return the probabilities of land and water, [pixel, class]."""
    water = chance.astype(np.float64)
    return np.stack([1 - water, water], axis=1)


def _thinned(surveys: Iterable[tuple[TileRecord, Survey]], share: float) -> Iterator[Survey]:
    """Yield each survey with only so large a share of its pixels, which are in random order."""
    for _, survey in surveys:
        count = int(share * len(survey["water"]))
        yield {name: values[:count] for name, values in survey.items()}


METHOD = Confident
