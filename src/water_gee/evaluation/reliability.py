"""Whether a probability of water means what it says: the share of water among pixels of like probability."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.bootstrap import Interval, resampled
from water_gee.classes import UNKNOWN, WATER
from water_gee.evaluation.count import Place, blocks
from water_gee.evaluation.view import TileView

BINS = 20
_PIXELS, _WATER, _CHANCE, _SQUARE = range(4)  # of a bin: pixels, water, sums of probability and of squared error


@dataclass
class Reliability:
    """Counts pixels by the calibrated probability of the model, against one reference."""

    reference: str
    block: int  # pixels a side of the places that intervals are made over
    cells: dict[Place, NDArray[np.float64]] = field(default_factory=dict)  # [bin, quantity]

    def add(self, view: TileView) -> None:
        """Count a tile."""
        truth = view.references[self.reference]
        known = view.clear & (truth != UNKNOWN)
        for where, cut in blocks(view, self.block):
            chosen = known[cut]
            if not chosen.any():
                continue
            chance = view.probability[cut][chosen].astype(np.float64)
            water = (truth[cut][chosen] == WATER).astype(np.float64)
            number = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
            cell = self.cells.setdefault(where, np.zeros((BINS, 4)))
            for column, weights in enumerate((np.ones_like(chance), water, chance, (chance - water) ** 2)):
                cell[:, column] += np.bincount(number, weights, minlength=BINS)

    def table(self, *, resamples: int, seed: int) -> dict[str, Any]:
        """Return the bins that hold pixels, the expected calibration error and the Brier score; empty without a pixel.

        The expected calibration error is the mean over pixels of the difference between the share of water in their bin
        and the bin's mean probability (Naeini et al. 2015).

        Args:
            resamples: of the bootstrap over places.
            seed: of the bootstrap.
        """
        if not self.cells:
            return {}
        counts = np.stack([self.cells[where] for where in sorted(self.cells)])
        total = counts.sum(axis=0)
        draws = resampled(counts, resamples=resamples, seed=seed) if len(counts) > 1 else None
        found: dict[str, Any] = {
            "reference": self.reference,
            "ece": float(_error(total)),
            "brier": float(total[:, _SQUARE].sum() / total[:, _PIXELS].sum()),
            "bins": [],
        }
        if draws is not None:
            interval = Interval.of(_error(draws))
            found |= {"ece_low": interval.low, "ece_high": interval.high}
        for number in range(BINS):
            pixels = total[number, _PIXELS]
            if not pixels:
                continue
            row = {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "pixels": int(pixels),
                "probability": float(total[number, _CHANCE] / pixels),
                "water": float(total[number, _WATER] / pixels),
            }
            if draws is not None:
                held = draws[:, number]
                shares = held[held[:, _PIXELS] > 0]
                interval = Interval.of(shares[:, _WATER] / shares[:, _PIXELS])
                row |= {"water_low": interval.low, "water_high": interval.high}
            found["bins"].append(row)
        return found


def _error(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expected calibration error [...] of counts [..., bin, quantity]."""
    gaps = np.abs(counts[..., _WATER] - counts[..., _CHANCE]).sum(axis=-1)
    error: NDArray[np.float64] = gaps / counts[..., _PIXELS].sum(axis=-1)
    return error
