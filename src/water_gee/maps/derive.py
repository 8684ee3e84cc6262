"""Layers that follow from finished ones: read, computed and kept a block at a time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from water_gee.maps.blocks import blocks, read_block
from water_gee.maps.entropy import uncertainty
from water_gee.maps.layers import LAYERS, OVER_YEARS, Layer
from water_gee.maps.mosaic import Source
from water_gee.maps.years import over_years
from water_gee.rasters import new_raster
from water_gee.study import Grid, Window


def derive_uncertainty(folder: Path, probability: Path, grid: Grid, window: Window) -> list[Source]:
    """Keep the uncertainty of a year's probability map below `folder`; return the blocks that hold any."""
    layer = LAYERS["uncertainty"]

    def compute(values: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {layer.name: uncertainty(values[0])}

    return _derive(folder, [probability], compute, [layer], grid, window)[layer.name]


def derive_over_years(folder: Path, waters: Mapping[int, Path], grid: Grid, window: Window) -> dict[str, list[Source]]:
    """Keep the layers over the years of the water maps below `folder`; return each one's blocks that hold any."""
    years = sorted(waters)

    def compute(values: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return vars(over_years(zip(years, values, strict=True)))

    return _derive(folder, [waters[year] for year in years], compute, OVER_YEARS, grid, window)


def _derive(
    folder: Path,
    inputs: Sequence[Path],
    compute: Callable[[Sequence[NDArray[Any]]], Mapping[str, NDArray[Any]]],
    layers: Sequence[Layer],
    grid: Grid,
    window: Window,
) -> dict[str, list[Source]]:
    """Compute layers of the inputs' blocks; what holds nothing is not kept, so that sparse areas take little."""
    found: dict[str, list[Source]] = {layer.name: [] for layer in layers}
    with ExitStack() as stack:
        files = [stack.enter_context(rasterio.open(path)) for path in inputs]
        for block in blocks(window):
            values = [read_block(file, window, block) for file in files]
            if all(_is_empty(one, file.nodata) for one, file in zip(values, files, strict=True)):
                continue
            made = compute(values)
            for layer in layers:
                path = folder / layer.name / f"{block.top}_{block.left}.tif"
                _write(path, made[layer.name], grid, block)
                found[layer.name].append(Source(path, block))
    return found


def _write(path: Path, values: NDArray[Any], grid: Grid, window: Window) -> None:
    """Write a block that is read once and never taken up again: neither compressed nor with a hash of its pixels."""
    with new_raster(
        path, driver="GTiff", count=1, height=window.height, width=window.width, dtype=values.dtype.name,
        crs=grid.crs, transform=grid.transform(window),
    ) as file:  # fmt: skip
        file.write(values, 1)


def _is_empty(values: NDArray[Any], nodata: float) -> bool:
    return bool(np.isnan(values).all() if np.isnan(nodata) else (values == nodata).all())
