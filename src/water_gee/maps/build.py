"""Every raster of a set of maps and its style, made beside the parts: first what engines gave, then what follows."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from water_gee import __version__
from water_gee.earth import in_parallel
from water_gee.files import sha256, write_text
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


@dataclass(frozen=True)
class Built:
    """A file of the maps beside the parts, and its SHA-256 as it was when it had just been written."""

    path: Path
    sha256: str


def build(plan: Plan, store: PartStore, tags: Mapping[str, str]) -> dict[str, Built]:
    """Make every file of the maps beside the parts; return them by their names below `maps/`.

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

    made: dict[str, Built] = {}

    def write(raster: Raster) -> dict[str, Built]:
        layer, year = raster
        name, style = file_name(layer, year), file_name(layer, year, "qml")
        when = {"year": str(year)} if year else {"years": ",".join(map(str, plan.years))}
        told = {"layer": layer.name, "TIFFTAG_IMAGEDESCRIPTION": layer.description, "TIFFTAG_SOFTWARE": _SOFTWARE}
        write_cog(folder / name, layer, sources[name], plan.grid, plan.window, {**tags, **told, **when})
        write_text(folder / style, qml(layer, plan.years))
        return {one: Built(folder / one, sha256(folder / one)) for one in (name, style)}

    def written(rasters: Sequence[Raster]) -> Iterator[None]:
        for found in in_parallel(write, rasters, _AT_ONCE):
            yield made.update(found)

    def steps() -> Iterator[None]:
        yield from written(given)
        for found in in_parallel(partial(_follow, plan, folder), [*plan.years, None], _AT_ONCE):
            sources.update(found)
        yield from written(derived)

    for _ in track(steps(), "writing maps", len(given) + len(derived)):
        pass
    return made


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
