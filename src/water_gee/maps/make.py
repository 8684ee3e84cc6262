"""From an engine to finished maps: pieces in parallel, kept as they come, published all at once."""

import csv
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from water_gee.earth import in_parallel
from water_gee.errors import EarthError, WaterGeeError
from water_gee.files import atomic, sha256, write_text
from water_gee.maps.areas import CLASSES, AreaCount
from water_gee.maps.engines import Engine
from water_gee.maps.mosaic import write_cog
from water_gee.maps.parts import LAYERS, Part, PartStore, Piece
from water_gee.maps.plan import Plan
from water_gee.progress import say, track
from water_gee.sealed import write_sealed

_GIVE_UP = 8  # failed pieces after which the rest is not tried


def predict_pieces(
    plan: Plan, engine: Engine, store: PartStore, *, workers: int, on_failure: Callable[[], None] = lambda: None
) -> None:
    """Predict every piece that is not finished yet; `on_failure` is called when one fails.

    Raises:
        EarthError: a piece failed; the finished ones are kept, and the same command takes them up.
    """
    todo = [piece for piece in plan.pieces if not store.has(piece)]
    if len(todo) < len(plan.pieces):
        say(f"{len(plan.pieces) - len(todo)} of {len(plan.pieces)} pieces were finished before and are kept")

    def work(piece: Piece) -> tuple[Piece, str]:
        try:
            probability, water, looks = engine(piece)
        except EarthError as error:
            return piece, str(error)
        store.write(piece, Part.of(probability, water, looks, plan.inside(piece.window)))
        return piece, ""

    failed: dict[str, str] = {}
    try:
        for piece, reason in track(in_parallel(work, todo, workers), "predicting", len(todo)):
            if reason:
                failed[piece.name] = reason
                on_failure()
            if len(failed) >= _GIVE_UP:
                break
    except OSError as error:
        raise WaterGeeError(f"{store.folder} cannot be written ({error}); see to the disk, run again") from error
    if failed:
        name = min(failed)
        raise EarthError(
            f"{len(failed)} of {len(plan.pieces)} pieces of the map failed, first {name}: {failed[name].rstrip('.')}; "
            "no map was written, run the same command again to go on"
        )


def publish(plan: Plan, store: PartStore, maps: Path, tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write the maps, `area.csv` and their report `maps.json` from the finished parts; return the table's rows.

    All files are made beside the parts and moved into place at the end, so that a kill leaves the maps of
    before or these, and maps of years that the study no longer has are removed.

    Args:
        plan: what is mapped.
        store: of the finished parts.
        maps: the folder that is written to.
        tags: what the maps are made of: each file carries it, and the report.
    """
    rows = []
    steps = [(year, layer) for year in plan.years for layer in LAYERS]
    made: dict[Path, Path] = {}
    for year, layer in track(steps, "writing maps", len(steps)):
        built = store.folder / f"{year}.{layer}.tif"
        write_cog(built, layer, store, plan.of_year(year), plan.window, {**tags, "year": str(year)})
        made[maps / str(year) / f"{layer}.tif"] = built
    for year in plan.years:
        count = AreaCount(plan.grid)
        for piece in plan.of_year(year):
            count.add(piece.window, store.read_water(piece), plan.inside(piece.window))
        rows.append({"year": str(year), "area": plan.area, **count.row()})
    for destination, built in made.items():
        with atomic(destination) as temporary:
            shutil.move(built, temporary)
    write_text(maps / "area.csv", _table(rows))
    files = [*(path.relative_to(maps) for path in made), Path("area.csv")]
    write_sealed(maps / "maps.json", {**tags, "files": {path.as_posix(): sha256(maps / path) for path in files}})
    for folder in maps.glob("[0-9]*"):
        if folder.is_dir() and folder.name not in {str(year) for year in plan.years}:
            shutil.rmtree(folder)
    return rows


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    columns = ["year", "area", *(f"{name}_km2" for name in CLASSES), *(f"{name}_pixels" for name in CLASSES)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
