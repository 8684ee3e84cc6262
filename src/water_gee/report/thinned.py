"""A window of the lattice, drawn with every n-th of its pixels."""

from dataclasses import dataclass
from typing import Self

from water_gee.study import Window

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Thinned:
    """A window of which every `step`-th row and column is kept, counted from its upper left."""

    window: Window
    step: int

    @classmethod
    def to(cls, window: Window, pixels: float) -> Self:
        """Return a window thinned as little as leaves it with at most so many pixels."""
        step = 1
        while -(-window.width // step) * -(-window.height // step) > max(pixels, 1):
            step += 1
        return cls(window, step)

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and columns that are kept."""
        return -(-self.window.height // self.step), -(-self.window.width // self.step)

    def place(self, window: Window) -> tuple[Slices, Slices]:
        """Return where a part of the window goes, as (y, x) slices, and which of its own pixels go there."""
        slices = []
        for start, length, origin in (
            (window.top, window.height, self.window.top),
            (window.left, window.width, self.window.left),
        ):
            first = -(-(start - origin) // self.step)
            last = -(-(start + length - origin) // self.step)
            slices.append((slice(first, last), slice(first * self.step + origin - start, None, self.step)))
        (rows, y), (columns, x) = slices
        return (rows, columns), (y, x)

    def covered(self) -> Window:
        """Return the window that the kept pixels cover, each of them `step` pixels a side: the window or a bit more."""
        rows, columns = self.shape
        return Window(self.window.left, self.window.top, columns * self.step, rows * self.step)
