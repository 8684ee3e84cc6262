"""How the pixels of a layer look on the page's map, and what they mean: small numbers, each with a colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from water_gee.maps import Layer
from water_gee.panels import UNSEEN, Code

Bytes = NDArray[np.uint8]
_STEPS = 100  # of a ramp


@dataclass(frozen=True)
class Style:
    """The numbers 0, 1, ... of a picture, a colour each; the number after the last colour is nothing, and clear.

    Attributes:
        colours: as in `#2f7fc1`; no colour stands for two numbers, so that a pixel's colour tells its number.
        names: of classes, one each; empty for a ramp.
        values: of a ramp, what its first and its last number stand for.
        unit: of these.
    """

    colours: tuple[str, ...]
    names: tuple[str, ...] = ()
    values: tuple[float, float] = (0.0, 0.0)
    unit: str = ""

    @classmethod
    def of_codes(cls, codes: Sequence[Code]) -> Self:
        """Return the style of class numbers; where the last class is what was not seen, it is clear."""
        shown = codes[:-1] if codes[-1] == UNSEEN else codes
        return cls(tuple(code.colour for code in shown), tuple(code.name for code in shown))

    @classmethod
    def of_layer(cls, layer: Layer) -> Self:
        """Return the style of a layer of the maps, which has classes or a ramp."""
        if layer.classes:
            return cls.of_codes(list(layer.classes.values()))
        low, high = min(layer.ramp), max(layer.ramp)
        whole = layer.dtype != "float32" and high - low < _STEPS
        steps = int(high - low) if whole else _STEPS
        stops = sorted(layer.ramp)
        channels = np.array([Code("", layer.ramp[stop]).rgb for stop in stops], dtype=np.float64).T
        at = np.linspace(low, high, steps + 1)
        rgb = np.stack([np.interp(at, stops, channel) for channel in channels], axis=1).round().astype(int)
        return cls(tuple("#{:02x}{:02x}{:02x}".format(*one) for one in rgb), (), (low, high), layer.unit)

    @property
    def nothing(self) -> int:
        """The number of pixels that hold nothing."""
        return len(self.colours)

    def data(self) -> dict[str, Any]:
        """Return it as the page's script reads it."""
        known: dict[str, Any] = {"colours": list(self.colours)}
        return known | ({"names": list(self.names)} if self.names else {"values": list(self.values), "unit": self.unit})


def numbers(layer: Layer, style: Style, values: NDArray[Any]) -> Bytes:
    """Return the values [y, x] of a layer of the maps as numbers of its style."""
    nothing = np.isnan(values) if layer.dtype == "float32" else values == layer.nodata
    if layer.classes:
        found = np.full(values.shape, style.nothing, dtype=np.uint8)
        for number, value in enumerate(layer.classes):
            found[values == value] = number
        return found
    low, high = style.values
    share = (np.where(nothing, low, values).astype(np.float64) - low) / (high - low)
    steps = np.clip(np.round(share * (style.nothing - 1)), 0, style.nothing - 1).astype(np.uint8)
    return np.where(nothing, np.uint8(style.nothing), steps)
