"""Is what is deployed what was trained? Probabilities of torch and of Earth Engine, compared pixel by pixel."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-5  # of probabilities
TIE_BAND = 1e-4  # around the threshold, where a class may differ


@dataclass(frozen=True)
class Parity:
    """How far two probability maps agree.

    Attributes:
        pixels: pixels compared, those that both sides know.
        masked: pixels that both sides leave out.
        mask_differences: pixels that one side knows and the other does not.
        max_abs: the largest absolute difference of probabilities.
        sum_abs: the sum of the absolute differences.
        flips: pixels of another class, outside the tie band around the threshold.
    """

    pixels: int = 0
    masked: int = 0
    mask_differences: int = 0
    max_abs: float = 0.0
    sum_abs: float = 0.0
    flips: int = 0

    @property
    def mean_abs(self) -> float:
        """The mean absolute difference of probabilities."""
        return self.sum_abs / self.pixels if self.pixels else 0.0

    @property
    def equal(self) -> bool:
        """Whether the two are equal as this project means it; nothing compared is not equal."""
        return self.pixels > 0 and not self.mask_differences and not self.flips and self.max_abs <= TOLERANCE

    def __add__(self, other: "Parity") -> "Parity":
        return Parity(
            pixels=self.pixels + other.pixels,
            masked=self.masked + other.masked,
            mask_differences=self.mask_differences + other.mask_differences,
            max_abs=max(self.max_abs, other.max_abs),
            sum_abs=self.sum_abs + other.sum_abs,
            flips=self.flips + other.flips,
        )

    def as_dict(self) -> dict[str, Any]:
        """For `export.json`."""
        content = asdict(self)
        del content["sum_abs"]
        return {**content, "mean_abs": self.mean_abs, "equal": self.equal, "tolerance": TOLERANCE}

    def __str__(self) -> str:
        return (
            f"{self.pixels:,} pixels, largest difference {self.max_abs:.1e}, {self.flips} classes differ, "
            f"{self.mask_differences} masks differ"
        )


def total(parts: Iterable[Parity]) -> Parity:
    """Add up the comparisons of several tiles."""
    return sum(parts, Parity())


def compare(
    torch_probability: NDArray[np.float32],
    ee_probability: NDArray[np.float32],
    threshold: float,
    ee_water: NDArray[Any] | None = None,
) -> Parity:
    """Compare two maps [y, x], NaN where masked; and Earth Engine's own classes, where given.

    Raises:
        ValueError: the shapes differ.
    """
    if torch_probability.shape != ee_probability.shape:
        raise ValueError(f"shapes differ: {torch_probability.shape} and {ee_probability.shape}")
    here, there = ~np.isnan(torch_probability), ~np.isnan(ee_probability)
    if ee_water is not None:
        there = there & ~np.isnan(ee_water)
    both = here & there
    ours = torch_probability[both].astype(np.float64)
    theirs = ee_probability[both].astype(np.float64)
    difference = np.abs(ours - theirs)
    classes = theirs >= threshold if ee_water is None else ee_water[both] > 0
    flips = (classes != (ours >= threshold)) & (np.abs(ours - threshold) > TIE_BAND)
    return Parity(
        pixels=int(both.sum()),
        masked=int((~here & ~there).sum()),
        mask_differences=int((here != there).sum()),
        max_abs=float(difference.max(initial=0.0)),
        sum_abs=float(difference.sum()),
        flips=int(flips.sum()),
    )
