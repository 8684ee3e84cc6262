"""Computing bands on a window: what is needed is found first, computed once, and dropped after its last use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.evaluator.grid import Lattice, Window, join
from eelocal.evaluator.node import Node
from eelocal.evaluator.raster import Mask, Raster
from eelocal.workers import checkpoint

STRIP_PIXELS = 32_768
"""Pixels of a strip: large requests are computed in strips of whole rows, so that memory is bounded."""


class Plan:
    """The order in which the nodes behind some bands are computed, on the lattices they are computed on."""

    def __init__(self, bands: Sequence[Node], lattice: Lattice) -> None:
        """Order all the nodes, inputs first, without recursion: a graph can be tens of thousands deep."""
        self.nodes: list[tuple[Node, Lattice]] = []
        self.links: list[list[int]] = []
        place: dict[tuple[int, Lattice], int] = {}
        for band in bands:
            self._order(band, lattice, place)
        self.outputs = [place[id(band), lattice] for band in bands]

    def _order(self, band: Node, lattice: Lattice, place: dict[tuple[int, Lattice], int]) -> None:
        stack: list[tuple[Node, Lattice, bool]] = [(band, lattice, False)]
        while stack:
            node, where, ready = stack.pop()
            key = (id(node), where)
            if key in place:
                continue
            links = node.links(where)
            if not ready:
                stack.append((node, where, True))
                # Reversed, so that the first input is computed first and trees are summed depth first.
                stack.extend((child, there, False) for child, there in reversed(links))
                continue
            self.links.append([place[id(child), there] for child, there in links])
            self.nodes.append((node, where))
            place[key] = len(self.nodes) - 1

    def compute(self, window: Window) -> list[Raster]:
        """Return the rasters of the bands on a window of the plan's lattice."""
        wanted = self._windows(window)
        uses = [0] * len(self.nodes)
        for index, links in enumerate(self.links):
            if wanted[index] is not None:
                for child in links:
                    uses[child] += 1
        for index in self.outputs:
            uses[index] += 1
        rasters: list[Raster | None] = [None] * len(self.nodes)
        for index, (node, lattice) in enumerate(self.nodes):
            mine = wanted[index]
            if mine is None:
                continue
            checkpoint()
            links = self.links[index]
            parts = node.windows(lattice, mine)
            inputs = [_part(rasters[child], wanted[child], part) for child, part in zip(links, parts, strict=True)]
            rasters[index] = node.compute(lattice, mine, inputs)
            for child in links:
                uses[child] -= 1
                if uses[child] == 0:
                    rasters[child] = None
        return [_part(rasters[index], wanted[index], window) for index in self.outputs]

    def _windows(self, window: Window) -> list[Window | None]:
        wanted: list[Window | None] = [None] * len(self.nodes)
        for index in self.outputs:
            wanted[index] = window
        for index in range(len(self.nodes) - 1, -1, -1):
            mine = wanted[index]
            if mine is None:
                continue
            node, lattice = self.nodes[index]
            for child, part in zip(self.links[index], node.windows(lattice, mine), strict=True):
                if part is not None:
                    known = wanted[child]
                    wanted[child] = part if known is None or known == part else join(known, part)
        return wanted


def _part(raster: Raster | None, has: Window | None, part: Window | None) -> Raster:
    if raster is None or has is None or part is None:
        return Raster(None)
    if has == part:
        return raster
    return raster.crop(part[0] - has[0], part[1] - has[1], part[2] - part[0], part[3] - part[1])


def strips(window: Window, pixels: int = STRIP_PIXELS) -> Iterator[Window]:
    """Cut a window into strips of whole rows."""
    top, left, bottom, right = window
    rows = max(1, pixels // max(1, right - left))
    for start in range(top, bottom, rows):
        yield start, left, min(start + rows, bottom), right


def dense(raster: Raster, height: int, width: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], Mask]:
    """Return values `[*array, y, x]`, zero where masked, and the mask `[y, x]`."""
    if raster.values is None:
        return np.zeros((height, width), dtype), np.zeros((height, width), bool)
    shape = (*raster.array_shape, height, width)
    values = np.broadcast_to(raster.spread, shape)
    if raster.mask is None:
        return values.astype(dtype), np.ones((height, width), bool)
    return np.where(raster.mask, values, 0).astype(dtype), raster.mask


def render(bands: Sequence[Node], lattice: Lattice, window: Window) -> list[tuple[NDArray[Any], Mask]]:
    """Compute scalar bands on a window, strip by strip."""
    top, left, bottom, right = window
    out = [
        (np.zeros((bottom - top, right - left), band.type.dtype), np.zeros((bottom - top, right - left), bool))
        for band in bands
    ]
    plan = Plan(bands, lattice)
    for strip in strips(window):
        rows = slice(strip[0] - top, strip[2] - top)
        for band, (values, mask), raster in zip(bands, out, plan.compute(strip), strict=True):
            values[rows], mask[rows] = dense(raster, strip[2] - strip[0], right - left, band.type.dtype)
    return out
