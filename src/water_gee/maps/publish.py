"""From finished parts to the maps: every layer, the table of areas and their report, published all at once."""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from water_gee import __version__
from water_gee.files import atomic, sha256, write_text
from water_gee.maps.areas import COLUMNS, AreaCount
from water_gee.maps.derive import derive_over_years, derive_uncertainty
from water_gee.maps.layers import LAYERS, OVER_YEARS, YEARLY, Layer, file_name
from water_gee.maps.mosaic import Stored, write_cog
from water_gee.maps.parts import KEPT, PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.style import qml
from water_gee.progress import track
from water_gee.sealed import write_sealed

_SOFTWARE = f"Water_gee {__version__}"
# A layer's files, and what tools keep beside a raster: of the raster before, it tells what is not true of this one.
_ENDINGS = ("tif", "qml", "tif.aux.xml", "tif.ovr", "tif.msk")


def publish(plan: Plan, store: PartStore, maps: Path, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write the maps, `area.csv` and their report `maps.json` from the finished parts; return the table's rows.

    All files are made beside the parts and moved into place at the end, so that a kill leaves the maps of
    before or these. Maps of years that the study no longer has are removed, and so is what other programs
    kept beside the files of before.

    Args:
        plan: what is mapped.
        store: of the finished parts.
        maps: the folder that is written to.
        tags: what the maps are made of: each file carries it, and the report.
    """
    made = _build(plan, store, tags)
    rows = []
    for year in plan.years:
        count = AreaCount(plan.grid)
        for piece in plan.of_year(year):
            count.add(piece.window, store.read_water(piece), store.read_probability(piece), plan.inside(piece.window))
        rows.append({"year": str(year), "area": plan.area, **count.row()})
    for name, built in made.items():
        with atomic(maps / name) as temporary:
            shutil.move(built, temporary)
    write_text(maps / "area.csv", _table(rows))
    files = {name: sha256(maps / name) for name in (*made, "area.csv")}
    write_sealed(maps / "maps.json", {**tags, "files": files})
    _drop_stale(maps, files)
    return rows


def _build(plan: Plan, store: PartStore, tags: Mapping[str, str]) -> dict[str, Path]:
    """Make every raster and its style beside the parts; return each one's place by its name below `maps/`."""
    built = store.folder / "built"
    shutil.rmtree(built, ignore_errors=True)
    made: dict[str, Path] = {}

    def write(layer: Layer, sources: Sequence[Stored], year: int | None, more: Mapping[str, str]) -> None:
        name = file_name(layer, year)
        made[name] = built / name
        told = {"layer": layer.name, "TIFFTAG_IMAGEDESCRIPTION": layer.description, "TIFFTAG_SOFTWARE": _SOFTWARE}
        write_cog(made[name], layer, sources, plan.grid, plan.window, {**tags, **told, **more})
        style = file_name(layer, year, "qml")
        made[style] = built / style
        write_text(made[style], qml(layer, plan.years))

    steps = [(year, layer) for year in plan.years for layer in YEARLY] + [(None, layer) for layer in OVER_YEARS]
    over_years: dict[str, list[Stored]] = {}
    for year, layer in track(steps, "writing maps", len(steps)):
        if year is None:
            if not over_years:
                waters = {one: made[file_name("water", one)] for one in plan.years}
                over_years = derive_over_years(built / "derived", waters, plan.grid, plan.window)
            write(layer, over_years[layer.name], None, {"years": ",".join(map(str, plan.years))})
            continue
        if layer.name in KEPT:
            sources = [Stored(store.path(piece, layer.name), piece.window) for piece in plan.of_year(year)]
        else:
            probability = made[file_name("probability", year)]
            sources = derive_uncertainty(built / "derived" / str(year), probability, plan.grid, plan.window)
        write(layer, sources, year, {"year": str(year)})
    return made


def _drop_stale(maps: Path, files: Mapping[str, str]) -> None:
    """Remove the years that are no longer mapped, and layers that are no longer made."""
    years = {name.split("/")[0] for name in files if "/" in name}
    for folder in maps.glob("[0-9]*"):
        if folder.is_dir() and folder.name not in years:
            shutil.rmtree(folder)
    for folder in (maps, *(maps / year for year in years)):
        for path in (folder / f"{name}.{ending}" for name in LAYERS for ending in _ENDINGS):
            if path.relative_to(maps).as_posix() not in files:
                path.unlink(missing_ok=True)


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["year", "area", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
