"""Pictures of classes and of reflectance, before they are drawn: colours, legends and panels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
INK = "#1d2733"
MUTED = "#5c6773"
LINE = "#d5dae0"


@dataclass(frozen=True)
class Code:
    """One class of a map: its name in the legend and its colour."""

    name: str
    colour: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as three bytes."""
        red, green, blue = (int(self.colour[start : start + 2], 16) for start in (1, 3, 5))
        return red, green, blue


@dataclass(frozen=True)
class Panel:
    """A picture [y, x, 3] with a title and, where it has one, a legend of its own; a small one is a detail."""

    title: str
    picture: Bytes
    legend: tuple[Code, ...] = ()
    small: bool = False


# The classes that pictures of several rooms show.
UNSEEN = Code("not seen", "#ffffff")
LAND = Code("land", "#e6e3da")
WATER = Code("water", "#2f7fc1")
REMOVED = Code("water taken out", "#d55e00")
ADDED = Code("water put in", "#117755")
ABSTAIN = Code("left open", "#bcc0c4")


def colour(codes: Bytes, legend: Sequence[Code]) -> Bytes:
    """Return class numbers [y, x] as colours [y, x, 3]."""
    table = np.array([code.rgb for code in legend], dtype=np.uint8)
    picture: Bytes = table[codes]
    return picture


def used(legend: Sequence[Code], maps: Sequence[Bytes]) -> list[Code]:
    """Return the classes that occur, so that no legend names what is not there."""
    return [code for number, code in enumerate(legend) if any((codes == number).any() for codes in maps)]


def stretch(bands: NDArray[np.float32]) -> Bytes:
    """Return reflectance [3, y, x] as a picture [y, x, 3]: each band from its 1st to its 99th percentile; NaN white."""
    picture = np.full((*bands.shape[1:], 3), 255, dtype=np.uint8)
    seen = ~np.isnan(bands).any(axis=0)
    if not seen.any():
        return picture
    for number, band in enumerate(bands):
        low, high = np.percentile(band[seen], (1, 99))
        scaled = np.clip((band[seen] - low) / max(float(high - low), 1e-6), 0, 1)
        picture[seen, number] = np.round(255 * scaled**0.8).astype(np.uint8)
    return picture
