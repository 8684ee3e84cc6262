"""Noise of one kind and rate over the truth: the labels that the methods get to see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import WATER
from water_gee.denoise import own_seed
from water_gee.ladder.ground import Ground
from water_gee.ladder.kinds import KINDS
from water_gee.tiles import TileData

_FADE = 1.3  # partial noise fades out over so many times its pixels


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: a kind of noise, its rate in percent, and its seed."""

    kind: str
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """The rung as files are named."""
        return f"{self.kind}_{self.rate:g}_{self.seed}"


@dataclass(frozen=True)
class Noisy:
    """Labels with noise on one ground, [y, x]: the share of the looks that call a pixel water, and the looks.

    `share` is NaN, and `looks` 0, where there is no label. `wrong` marks the labels on the wrong side.
    """

    ground: Ground
    share: NDArray[np.float32]
    looks: NDArray[np.float32]
    wrong: NDArray[np.bool_]

    def tiles(self) -> list[TileData]:
        """Return the tiles with these labels: all that a method is given.

        Features, what lies beside them and the evidence of the other sources are the imagery's own, and know nothing
        of the noise. That makes it easier for methods that read evidence than noise which misleads all sources.
        """
        return [self._labelled(tile) for tile in self.ground.tiles]

    def _labelled(self, tile: TileData) -> TileData:
        cut = self.ground.cut(tile)
        others = {name: share for name, share in tile.evidence.items() if name != "qa"}
        return replace(tile, share=self.share[cut].copy(), looks=self.looks[cut].copy(), evidence=others)


def true_labels(grounds: Sequence[Ground]) -> list[Noisy]:
    """Return the truth as labels: every clear look says what is true."""
    return [_labels(ground, np.zeros(ground.truth.shape, dtype=bool)) for ground in grounds]


def with_noise(grounds: Sequence[Ground], area: str, rung: Rung) -> list[Noisy]:
    """Return the truth as labels with the noise of a rung on it.

    The rate is the number of wrong labels among the pixels that are counted, in percent of the truth's water pixels
    there, over all of an area's ground together. It is met to a pixel unless the kind finds too few pixels that it can
    make wrong. Margins outside the tiles' own pixels get the noise of the same rank, uncounted.

    Args:
        grounds: all of an area.
        area: its name.
        rung: what noise.
    """
    kind, ranks = KINDS[rung.kind], []
    for ground in grounds:
        random = np.random.default_rng(own_seed(rung.seed, f"{rung.kind}/{area}/{ground.year}"))
        rank = kind.rank(ground, random)
        ranks.append(np.where(ground.labelled, rank, -np.inf))
    pools = [rank[ground.own] for rank, ground in zip(ranks, grounds, strict=True)]
    pool = np.concatenate(pools)
    pool = np.sort(pool[np.isfinite(pool)])[::-1]
    wanted = round(rung.rate / 100 * sum(ground.water for ground in grounds))
    least, faint = _nth(pool, wanted), _nth(pool, round(_FADE * wanted))
    found = []
    for ground, rank in zip(grounds, ranks, strict=True):
        labels = _labels(ground, rank >= least)
        if kind.partial:
            _fade(labels, (rank >= faint) & ~labels.wrong)
        if kind.lost:
            labels.looks[labels.wrong] = 1
        found.append(labels)
    return found


def _nth(ranks: NDArray[np.float64], count: int) -> float:
    """Return the rank of the last of the `count` highest; all pixels where there are fewer."""
    if count == 0 or not ranks.size:
        return np.inf
    return float(ranks[min(count, ranks.size) - 1])


def _labels(ground: Ground, wrong: NDArray[np.bool_]) -> Noisy:
    share = np.where(ground.labelled, (ground.truth == WATER) ^ wrong, np.nan).astype(np.float32)
    return Noisy(ground, share, np.where(ground.labelled, ground.looks, 0).astype(np.float32), wrong)


def _fade(labels: Noisy, faint: NDArray[np.bool_]) -> None:
    """Let partial noise come of the fewest looks that make a label wrong, and of one look where that does not."""
    looks = labels.looks
    labels.share[labels.wrong] = (np.ceil(looks / 2) / np.maximum(looks, 1))[labels.wrong]
    single = faint & (looks > 2)
    labels.share[single] = (1 / np.maximum(looks, 1))[single]
