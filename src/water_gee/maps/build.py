"""Every raster of a set of maps and its style, made beside the parts: first what engines gave, then what follows."""

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from water_gee import __version__
from water_gee.earth import in_parallel
from water_gee.files import write_text
from water_gee.maps.derive import derive_over_years, derive_uncertainty
from water_gee.maps.layers import LAYERS, OVER_YEARS, YEARLY, Layer, file_name
from water_gee.maps.mosaic import Source, write_cog
from water_gee.maps.parts import KEPT, PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.style import qml
from water_gee.progress import track

_SOFTWARE = f"Water_gee {__version__}"
_AT_ONCE = min(4, os.cpu_count() or 1)  # layers: GDAL and NumPy work beside each other, each in a few blocks of memory

Raster = tuple[Layer, int | None]  # a layer and, where there is one a year, the year


def build(plan: Plan, store: PartStore, tags: Mapping[str, str]) -> dict[str, Path]:
    """Make every file of the maps beside the parts; return each one's place by its name below `maps/`.

    Args:
        plan: what is mapped.
        store: of the finished parts.
        tags: what the maps are made of: each file carries it.
    """
    folder = store.folder / "built"
    shutil.rmtree(folder, ignore_errors=True)
    given = [(layer, year) for year in plan.years for layer in YEARLY if layer.name in KEPT]
    derived: list[Raster] = [(LAYERS["uncertainty"], year) for year in plan.years]
    derived += [(layer, None) for layer in OVER_YEARS]
    sources: dict[str, list[Source]] = {
        file_name(layer, year): [
            Source(store.path(piece, layer.name), piece.window) for piece in plan.of_year(year or 0)
        ]
        for layer, year in given
    }

    def write(raster: Raster) -> None:
        layer, year = raster
        name = file_name(layer, year)
        when = {"year": str(year)} if year else {"years": ",".join(map(str, plan.years))}
        told = {"layer": layer.name, "TIFFTAG_IMAGEDESCRIPTION": layer.description, "TIFFTAG_SOFTWARE": _SOFTWARE}
        write_cog(folder / name, layer, sources[name], plan.grid, plan.window, {**tags, **told, **when})
        write_text(folder / file_name(layer, year, "qml"), qml(layer, plan.years))

    def steps() -> Iterator[None]:
        yield from in_parallel(write, given, _AT_ONCE)
        for found in in_parallel(partial(_follow, plan, folder), [*plan.years, None], _AT_ONCE):
            sources.update(found)
        yield from in_parallel(write, derived, _AT_ONCE)

    rasters = [*given, *derived]
    for _ in track(steps(), "writing maps", len(rasters)):
        pass
    names = [file_name(*raster, ending) for raster in rasters for ending in ("tif", "qml")]
    return {name: folder / name for name in names}


def _follow(plan: Plan, folder: Path, year: int | None) -> dict[str, list[Source]]:
    """Compute what follows from the finished layers of a year, or with None of all years; return it by file."""
    if year is not None:
        layer = LAYERS["uncertainty"]
        probability = folder / file_name("probability", year)
        blocks = derive_uncertainty(folder / "derived" / str(year), probability, plan.grid, plan.window)
        return {file_name(layer, year): blocks}
    waters = {one: folder / file_name("water", one) for one in plan.years}
    layers = derive_over_years(folder / "derived", waters, plan.grid, plan.window)
    return {file_name(name): blocks for name, blocks in layers.items()}
