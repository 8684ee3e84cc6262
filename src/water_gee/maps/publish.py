"""From finished parts to the maps: every layer, the table of areas and their report, published all at once."""

import csv
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from water_gee.earth import in_parallel
from water_gee.errors import WaterGeeError
from water_gee.files import atomic, sha256, write_text
from water_gee.maps.areas import COLUMNS, AreaCount
from water_gee.maps.build import Built, build
from water_gee.maps.layers import LAYERS
from water_gee.maps.parts import PartStore, Piece
from water_gee.maps.plan import Plan
from water_gee.sealed import write_sealed

# A layer's files, and what tools keep beside a raster: of the raster before, it tells what is not true of this one.
_ENDINGS = ("tif", "qml", "tif.aux.xml", "tif.ovr", "tif.msk")


def publish(plan: Plan, store: PartStore, maps: Path, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write the maps, `area.csv` and their report `maps.json` from the finished parts; return the table's rows.

    All files are made beside the parts and moved into place at the end, their report last: a kill leaves the maps of
    before or these, or, within the moments of moving, files that the report of before does not know, which no stage
    reads; the same command then finishes. Maps of years that the study no longer has are removed, and so is what
    other programs kept beside the files of before.

    Args:
        plan: what is mapped.
        store: of the finished parts.
        maps: the folder that is written to.
        tags: what the maps are made of: each file carries it, and the report.

    Raises:
        WaterGeeError: a map could not be written, or it or a part was damaged since; the maps of before stay.
    """
    made = build(plan, store, tags)
    rows = _areas(plan, store)
    for _ in in_parallel(_check, list(made.values()), os.cpu_count() or 1):
        pass
    for name, built in made.items():
        with atomic(maps / name) as temporary:
            shutil.move(built.path, temporary)
    write_text(maps / "area.csv", _table(rows))
    # Of the maps the hashes of when they were written: a reader notices whatever has befallen them since.
    files = {name: built.sha256 for name, built in made.items()} | {"area.csv": sha256(maps / "area.csv")}
    write_sealed(maps / "maps.json", {**tags, "files": files})
    _drop_stale(maps, files)
    return rows


def _check(built: Built) -> None:
    if sha256(built.path) != built.sha256:
        raise WaterGeeError(f"{built.path} was damaged since it was written; see to the disk and run again")


def _areas(plan: Plan, store: PartStore) -> list[dict[str, str]]:
    """Return the rows of `area.csv`, a row a year."""
    counts = {year: AreaCount(plan.grid) for year in plan.years}

    def counted(piece: Piece) -> tuple[int, AreaCount]:
        count = AreaCount(plan.grid)
        count.add(piece.window, store.read_water(piece), store.read_probability(piece), plan.inside(piece.window))
        return piece.year, count

    for year, count in in_parallel(counted, plan.pieces, os.cpu_count() or 1):
        counts[year].add_all(count)
    return [{"year": str(year), "area": plan.area, **count.row()} for year, count in counts.items()]


def _drop_stale(maps: Path, files: Mapping[str, str]) -> None:
    """Remove the maps of years that are no longer mapped, and layers that are no longer made.

    What is not ours stays: a copy that somebody keeps beside the maps, as `2019_before`, and files in a year's folder.
    """
    folders = [path for path in maps.glob("[0-9][0-9][0-9][0-9]") if path.is_dir()]
    for folder in (maps, *folders):
        for path in (folder / f"{name}.{ending}" for name in LAYERS for ending in _ENDINGS):
            if path.relative_to(maps).as_posix() not in files:
                path.unlink(missing_ok=True)
    for folder in folders:
        if not any(folder.iterdir()):
            folder.rmdir()


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["year", "area", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
