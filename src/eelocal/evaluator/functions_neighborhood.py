"""Operations on a pixel's neighbourhood: each asks its input for the window grown by the kernel's reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator import kernels
from eelocal.evaluator.functions_reducer import REDUCERS
from eelocal.evaluator.grid import Lattice, Window
from eelocal.evaluator.image import Band, Image
from eelocal.evaluator.kernels import Kernel
from eelocal.evaluator.node import Node
from eelocal.evaluator.pixeltype import PixelType, cast, widen
from eelocal.evaluator.raster import EMPTY, Mask, Raster, Values
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements


class ReachNode(Node):
    """A node that needs its inputs on a larger window: `reach` is the pixels above, left, below and right."""

    def __init__(self, type_: PixelType, inputs: Sequence[Node], cells: Sequence[tuple[int, int, float]]) -> None:
        """Find the reach of the cells (dy, dx, weight)."""
        super().__init__(type_, inputs)
        rows, columns = [c[0] for c in cells] or [0], [c[1] for c in cells] or [0]
        self.reach = (min(rows), min(columns), max(rows), max(columns))

    def windows(self, lattice: Lattice, window: Window) -> Sequence[Window | None]:
        """The window and what the kernel reaches."""
        top, left, bottom, right = window
        up, back, down, ahead = self.reach
        return [(top + up, left + back, bottom + down, right + ahead)] * len(self.inputs)

    def view(self, data: Values, window: Window, row: int, column: int) -> Values:
        """Return the part of an input `[..., y, x]` that lies (row, column) from the window."""
        height, width = window[2] - window[0], window[3] - window[1]
        top, left = row - self.reach[0], column - self.reach[1]
        return data[..., top : top + height, left : left + width]

    def full(self, raster: Raster, window: Window) -> tuple[Values, Mask | None]:
        """Return the input's values and mask on the grown window, uniform pixels written out."""
        height = window[2] - window[0] + self.reach[2] - self.reach[0]
        width = window[3] - window[1] + self.reach[3] - self.reach[1]
        values = raster.spread
        return np.broadcast_to(values, (*values.shape[:-2], height, width)), raster.mask


class ShiftNode(ReachNode):
    """The pixel that lies (dy, dx) away."""

    def __init__(self, source: Node, row: int, column: int) -> None:
        super().__init__(source.type, [source], [(row, column, 1.0)])

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """The input's window is the shifted one already."""
        return rasters[0]


class StackNode(ReachNode):
    """The neighbourhood as an array `[ky, kx]` a pixel, masked neighbours replaced, the mask the centre's."""

    def __init__(self, source: Node, kernel: Kernel, default: float) -> None:
        # The centre's mask is needed too, should the focus lie outside of the cells that are used.
        super().__init__(source.type.with_dimensions(2), [source], [*kernel.cells(zero=True), (0, 0, 1.0)])
        self.kernel = kernel
        self.default = cast(np.asarray(default), source.type)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Return a view: nothing is copied but where pixels are masked."""
        (raster,) = rasters
        if raster.values is None:
            return EMPTY
        height, width = self.kernel.weights.shape
        if raster.uniform and raster.mask is None:
            return Raster(np.broadcast_to(raster.values, (height, width)), None, True)
        values, mask = self.full(raster, window)
        centre: Mask | None = None
        if mask is not None:
            centre = self.view(mask, window, 0, 0)
            if not centre.any():
                return EMPTY
            values = np.where(mask, values, self.default)
        values = np.ascontiguousarray(values, self.type.dtype)
        windows = np.lib.stride_tricks.sliding_window_view(values, (height, width))
        return Raster(windows.transpose(2, 3, 0, 1), centre)


class ConvolveNode(ReachNode):
    """The sum of weighted neighbours, the kernel not flipped; masked where a weighted neighbour is."""

    def __init__(self, source: Node, kernel: Kernel) -> None:
        self.cells = kernel.cells()
        super().__init__(widen(source.type), [source], self.cells)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Sum."""
        (raster,) = rasters
        if raster.values is None:
            return EMPTY
        total = sum(weight for _, _, weight in self.cells)
        if raster.uniform and raster.mask is None:
            return Raster((raster.values * total).astype(self.type.dtype), None, True)
        values, mask = self.full(raster, window)
        valid: Mask | None = None
        if mask is not None and not mask.all():
            valid = np.ones((window[2] - window[0], window[3] - window[1]), bool)
            for row, column, _ in self.cells:
                valid &= self.view(mask, window, row, column)
            if not valid.any():
                return EMPTY
            if values.dtype.kind == "f":
                values = np.where(mask, values, 0)
        out = np.zeros((window[2] - window[0], window[3] - window[1]))
        part = np.empty_like(out)
        for row, column, weight in self.cells:
            np.multiply(self.view(values, window, row, column), weight, out=part)
            out += part
        return Raster(out.astype(self.type.dtype, copy=False), valid)


class NeighborhoodReduceNode(ReachNode):
    """One output of a reducer over the neighbourhood."""

    def __init__(self, source: Node, kernel: Kernel, reducer: Reducer, output: int, skip: bool, weighted: bool) -> None:
        self.cells = kernel.cells()
        super().__init__(reducer.types(source.type)[output], [source], [*self.cells, (0, 0, 1.0)])
        self.reducer, self.output, self.skip, self.weighted = reducer, output, skip, weighted

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Reduce the stack of shifted windows."""
        (raster,) = rasters
        if raster.values is None:
            return EMPTY
        values, mask = self.full(raster, window)
        stack = np.stack([self.view(values, window, row, column) for row, column, _ in self.cells])
        if mask is None:
            valid = np.ones(stack.shape, bool)
        else:
            valid = np.stack([self.view(mask, window, row, column) for row, column, _ in self.cells])
        weights = np.array([weight for _, _, weight in self.cells])[:, None, None] if self.weighted else None
        result, good = self.reducer.run(stack, valid, weights)[self.output]
        if self.skip and mask is not None:
            good = good & self.view(mask, window, 0, 0)
        return Raster(cast(np.asarray(result), self.type), good)


def _scalars(image: Image) -> None:
    for band in image.bands:
        if band.node.type.dimensions:
            raise bad_request(f"The band '{band.name}' has array pixels; scalar pixels are needed.")


@implements("Image.convolve")
def convolve(image: Image, kernel: Kernel) -> Image:
    """Each band with the kernel."""
    _scalars(image)
    return image.derived(Band(band.name, ConvolveNode(band.node, kernel)) for band in image.bands)


@implements("Image.neighborhoodToBands")
def to_bands(image: Image, kernel: Kernel) -> Image:
    """A band a kernel cell of non-zero weight, named by its offset."""
    _scalars(image)
    return image.with_bands(
        Band(f"{band.name}_{column}_{row}", ShiftNode(band.node, row, column) if row or column else band.node)
        for band in image.bands
        for row, column, _ in kernel.cells()
    )


@implements("Image.neighborhoodToArray")
def to_array(image: Image, kernel: Kernel, default: float) -> Image:
    """A 2-D array a pixel, axes Y and X."""
    _scalars(image)
    if kernel.shape not in ("fixed", "square", "rectangle"):
        raise bad_request("Only fixed, square and rectangle kernels are supported.")
    return image.each(lambda node: StackNode(node, kernel, default))


def reduced(image: Image, reducer: Reducer, kernel: Kernel, suffix: bool, skip: bool, weighted: bool) -> Image:
    """Return each band reduced over the neighbourhood."""
    _scalars(image)
    return image.derived(
        Band(
            f"{band.name}_{output.name}" if suffix else band.name,
            NeighborhoodReduceNode(band.node, kernel, reducer, index, skip, weighted),
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
    @implements(f"Image.focal{name.capitalize()}", note="in pixels only")
    def focal(image: Image, radius: float, shape: str, units: str, iterations: int, kernel: Kernel | None) -> Image:
        kernels.need_pixels(units)
        chosen_kernel = kernel if kernel is not None else kernels.named(shape, radius)
        for _ in range(iterations):
            image = reduced(image, REDUCERS[reducer], chosen_kernel, False, False, True)
        return image


for _name in ("max", "mean", "median", "min", "mode"):
    _register(_name, _name)
