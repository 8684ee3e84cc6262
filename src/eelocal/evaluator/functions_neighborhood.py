"""Operations on a pixel's neighbourhood: each asks its input for the window grown by the kernel's reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator import kernels
from eelocal.evaluator.functions_reducer import REDUCERS
from eelocal.evaluator.grid import Lattice, Window
from eelocal.evaluator.image import Band, Image
from eelocal.evaluator.kernels import Cell, Kernel
from eelocal.evaluator.node import Node
from eelocal.evaluator.pixeltype import PixelType, cast, widen
from eelocal.evaluator.raster import EMPTY, Mask, Raster, Values
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements


@dataclass(frozen=True)
class Around:
    """An input on a window grown by `reach`, the pixels above, left, below and right of it."""

    raster: Raster
    lattice: Lattice
    window: Window
    reach: Window

    @cached_property
    def values(self) -> Values:
        """The input's values `[..., y, x]`, uniform pixels written out."""
        height, width = self.size
        up, back, down, ahead = self.reach
        values = self.raster.spread
        return np.broadcast_to(values, (*values.shape[:-2], height + down - up, width + ahead - back))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the window itself."""
        return self.window[2] - self.window[0], self.window[3] - self.window[1]

    def part(self, data: Values, row: int, column: int) -> Values:
        """Return the part of grown pixels that lies (row, column) from the window."""
        (height, width), top, left = self.size, row - self.reach[0], column - self.reach[1]
        return data[..., top : top + height, left : left + width]

    def centre(self) -> Mask | None:
        """Return the mask on the window itself."""
        return None if self.raster.mask is None else self.part(self.raster.mask, 0, 0)


class ReachNode(Node):
    """A function of one input around each pixel: its window is grown by what the cells (dy, dx, weight) reach."""

    def __init__(
        self, source: Node, type_: PixelType, cells: Sequence[Cell], function: Callable[[Around], Raster]
    ) -> None:
        super().__init__(type_, [source])
        rows, columns = [c[0] for c in cells] or [0], [c[1] for c in cells] or [0]
        self.reach = (min(rows), min(columns), max(rows), max(columns))
        self.function = function

    def windows(self, lattice: Lattice, window: Window) -> Sequence[Window | None]:
        """The window and what the cells reach."""
        (top, left, bottom, right), (up, back, down, ahead) = window, self.reach
        return [(top + up, left + back, bottom + down, right + ahead)]

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Apply the function."""
        (raster,) = rasters
        return EMPTY if raster.values is None else self.function(Around(raster, lattice, window, self.reach))


def _shifted(source: Node, row: int, column: int) -> Node:
    """Return the pixel that lies (row, column) away: the input's grown window is the shifted one already."""
    return ReachNode(source, source.type, [(row, column, 1.0)], lambda around: around.raster)


def _stacked(source: Node, kernel: Kernel, default: float) -> Node:
    """Return the neighbourhood as an array `[ky, kx]` a pixel, masked neighbours replaced, the mask the centre's."""
    fill, type_ = cast(np.asarray(default), source.type), source.type.with_dimensions(2)

    def stack(around: Around) -> Raster:
        raster, mask = around.raster, around.raster.mask
        if raster.uniform and mask is None:
            return Raster(np.broadcast_to(raster.filled, kernel.weights.shape), None, True)
        centre, values = around.centre(), around.values
        if mask is not None:
            if not np.any(centre):
                return EMPTY
            values = np.where(mask, values, fill)
        values = np.ascontiguousarray(values, type_.dtype)
        # A view: nothing is copied but where pixels are masked.
        windows = np.lib.stride_tricks.sliding_window_view(values, kernel.weights.shape)
        return Raster(windows.transpose(2, 3, 0, 1), centre)

    # The centre's mask is needed too, should the focus lie outside of the cells that are used.
    return ReachNode(source, type_, [*kernel.cells(zero=True), (0, 0, 1.0)], stack)


def _convolved(source: Node, kernel: Kernel) -> Node:
    """Return the sum of weighted neighbours, the kernel not flipped; masked where a weighted neighbour is."""
    cells, type_ = kernel.cells(), widen(source.type)

    def convolve(around: Around) -> Raster:
        raster, mask = around.raster, around.raster.mask
        if raster.uniform and mask is None:
            total = sum(weight for _, _, weight in cells)
            return Raster((raster.filled * total).astype(type_.dtype), None, True)
        values, valid = around.values, None
        if mask is not None and not mask.all():
            valid = np.ones(around.size, bool)
            for row, column, _ in cells:
                valid &= around.part(mask, row, column)
            if not valid.any():
                return EMPTY
            if values.dtype.kind == "f":
                values = np.where(mask, values, 0)
        out = np.zeros(around.size)
        part = np.empty_like(out)
        for row, column, weight in cells:
            np.multiply(around.part(values, row, column), weight, out=part)
            out += part
        return Raster(out.astype(type_.dtype, copy=False), valid)

    return ReachNode(source, type_, cells, convolve)


def _reduced(source: Node, kernel: Kernel, reducer: Reducer, output: int, skip: bool, weighted: bool) -> Node:
    """Return one output of a reducer over the neighbourhood."""
    cells, type_ = kernel.cells(), reducer.types(source.type)[output]
    weights = np.array([weight for _, _, weight in cells])[:, None, None] if weighted else None

    def reduce(around: Around) -> Raster:
        mask = around.raster.mask
        stack = np.stack([around.part(around.values, row, column) for row, column, _ in cells])
        valid = np.ones(stack.shape, bool)
        if mask is not None:
            valid = np.stack([around.part(mask, row, column) for row, column, _ in cells])
        result, good = reducer.run(stack, valid, weights)[output]
        centre = around.centre()
        if skip and centre is not None:
            good = good & centre
        return Raster(cast(np.asarray(result), type_), good)

    return ReachNode(source, type_, [*cells, (0, 0, 1.0)], reduce)


def _scalars(image: Image) -> None:
    for band in image.bands:
        if band.node.type.dimensions:
            raise bad_request(f"The band '{band.name}' has array pixels; scalar pixels are needed.")


@implements("Image.convolve")
def convolve(image: Image, kernel: Kernel) -> Image:
    """Each band with the kernel."""
    _scalars(image)
    return image.derived(Band(band.name, _convolved(band.node, kernel)) for band in image.bands)


@implements("Image.neighborhoodToBands")
def to_bands(image: Image, kernel: Kernel) -> Image:
    """A band a kernel cell of non-zero weight, named by its offset."""
    _scalars(image)
    return image.with_bands(
        Band(f"{band.name}_{column}_{row}", _shifted(band.node, row, column) if row or column else band.node)
        for band in image.bands
        for row, column, _ in kernel.cells()
    )


@implements("Image.neighborhoodToArray")
def to_array(image: Image, kernel: Kernel, default: float) -> Image:
    """A 2-D array a pixel, axes Y and X."""
    _scalars(image)
    if kernel.shape not in ("fixed", "square", "rectangle"):
        raise bad_request("Only fixed, square and rectangle kernels are supported.")
    return image.each(lambda node: _stacked(node, kernel, default))


def reduced(image: Image, reducer: Reducer, kernel: Kernel, suffix: bool, skip: bool, weighted: bool) -> Image:
    """Return each band reduced over the neighbourhood."""
    _scalars(image)
    return image.derived(
        Band(
            f"{band.name}_{output.name}" if suffix else band.name,
            _reduced(band.node, kernel, reducer, index, skip, weighted),
        )
        for band in image.bands
        for index, output in enumerate(reducer.outputs)
    )


@implements("Image.reduceNeighborhood", note="inputWeight 'kernel' or 'mask'")
def reduce_neighborhood(
    image: Image, reducer: Reducer, kernel: Kernel, weight: str, skip: bool, optimization: str | None
) -> Image:
    """Each band reduced over the kernel's cells of non-zero weight."""
    if weight not in ("kernel", "mask"):
        raise bad_request(f"eelocal does not implement inputWeight '{weight}'.")
    if optimization not in (None, "boxcar", "window"):
        raise bad_request(f"Unknown optimization '{optimization}'.")
    return reduced(image, reducer, kernel, True, skip, weight == "kernel")


def _register(name: str, reducer: str) -> None:
    @implements(f"Image.focal{name.capitalize()}", f"Image.focal_{name}", note="in pixels only")
    def focal(image: Image, radius: float, shape: str, units: str, iterations: int, kernel: Kernel | None) -> Image:
        kernels.need_pixels(units)
        chosen_kernel = kernel if kernel is not None else kernels.named(shape, radius)
        for _ in range(iterations):
            image = reduced(image, REDUCERS[reducer], chosen_kernel, False, False, True)
        return image


for _name in ("max", "mean", "median", "min", "mode"):
    _register(_name, _name)
