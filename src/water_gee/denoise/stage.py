"""`water-gee denoise`: clean labels of every tile, their report and figures."""

import json
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from water_gee.claims import claim
from water_gee.config.settings import Settings
from water_gee.denoise.registry import build, own_settings
from water_gee.denoise.store import clean_report_path, fingerprint, is_done, read_clean
from water_gee.denoise.summary import changed, choose, count, report
from water_gee.denoise.work import Done, Job, clean_tiles
from water_gee.errors import TileError, WaterGeeError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.sealed import read_sealed, write_sealed
from water_gee.tiles import TileRecord, clean_path, read_manifest

_MOST_CHANGED, _TYPICAL = 4, 2  # tiles with a picture of their own
_MANAGED = re.compile(r"(\d{4}_c-?\d+_r-?\d+|\..+\.tmp)\.tif")  # clean tiles, and what a kill left half-written


def run(settings: Settings) -> None:
    """Clean the labels of the tiles of `denoise.areas` that are missing, broken or out of date.

    Raises:
        TileError: there are no tiles, or a tile failed; the others are cleaned all the same.
    """
    begun = time.monotonic()
    layout, options = Layout.of(settings), settings.denoise
    claim(layout, clean_report_path(layout))
    records = [record for record in read_manifest(layout) if record.area in options.areas]
    tiles = [record for record in records if record.status == "ok"]
    skipped = [f"{record.area}/{record.id}" for record in records if record.status == "failed"]
    if not tiles:
        raise TileError(f"no tile of denoise.areas={','.join(options.areas)} has a clear pixel; run: water-gee tiles")
    method = build(options.method, options.model_dump())
    own = {"method": options.method, **own_settings(options.method, options.model_dump(mode="json"))}
    jobs = [Job(record, fingerprint(record, own, settings.seed)) for record in tiles]
    todo = [job for job in jobs if not is_done(layout, job.record, job.fingerprint)]
    if todo:
        # Without a report no later run takes what is there for finished.
        clean_report_path(layout).unlink(missing_ok=True)
        workers = settings.trainer.threads or os.cpu_count() or 1
        finished = clean_tiles(todo, layout, method, settings.seed, workers)
        ended = [_logged(layout, done) for done in track(finished, "cleaning labels", len(todo))]
        _raise_failures(ended)
    rows = [_row(layout, record) for record in tiles]
    _prune(layout, tiles)
    _conclude(layout, report(layout.study, options.method, own, settings.seed, rows, skipped), tiles)
    if skipped:
        say(f"{len(skipped)} tiles failed to download and have no labels, first {skipped[0]}; run: water-gee tiles")
    counts = [row["counts"] for row in rows]
    flips, pixels = sum(map(changed, counts)), sum(one["kept_water"] + one["kept_land"] for one in counts)
    say(
        f"{len(tiles)} tiles by {options.method}: {len(todo)} cleaned, {len(tiles) - len(todo)} already there; "
        f"{flips} of {flips + pixels} labels changed, {time.monotonic() - begun:.1f} s"
    )


def _logged(layout: Layout, done: Done) -> Done:
    """Add a line on a finished tile to `logs/denoise.jsonl`, where times may differ between equal runs."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"), "area": done.record.area, "id": done.record.id,
        "seconds": round(done.seconds, 3), "error": done.error,
    }  # fmt: skip
    with (layout.logs / "denoise.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return done


def _raise_failures(ended: Sequence[Done]) -> None:
    failed = sorted((done for done in ended if done.error), key=lambda done: (done.record.area, done.record.id))
    if failed:
        first = failed[0].record
        raise TileError(f"{len(failed)} of {len(ended)} tiles failed, first {first.area}/{first.id}: {failed[0].error}")


def _row(layout: Layout, record: TileRecord) -> dict[str, Any]:
    clean = read_clean(layout, record)
    return {
        "area": record.area,
        "id": record.id,
        "counts": count(clean, record),
        "notes": clean.notes,
        "sha256": record.sha256,
        "labels_sha256": record.labels_sha256,
        "clean_sha256": sha256(clean_path(layout, record.area, record.id)),
    }


def _prune(layout: Layout, tiles: Sequence[TileRecord]) -> None:
    """Delete clean labels of tiles that are no longer the study's, and what a killed run left half-written."""
    wanted = {clean_path(layout, record.area, record.id) for record in tiles}
    for path in layout.clean.glob("*/*.tif"):  # hidden ones too
        if path not in wanted and _MANAGED.fullmatch(path.name):
            path.unlink()
    for folder in layout.clean.glob("*/"):
        if not any(folder.iterdir()):
            folder.rmdir()


def _conclude(layout: Layout, content: dict[str, Any], tiles: Sequence[TileRecord]) -> None:
    """Draw the figures and write the report, unless both are there already and would be the same."""
    counts = [row["counts"] for row in content["tiles"]]
    shown = choose(list(zip(tiles, counts, strict=True)), _MOST_CHANGED, _TYPICAL)
    names = ["summary.png", *(f"{record.area}_{record.id}.png" for record in shown)]
    content["figures"] = names
    folder, path = layout.clean / "figures", clean_report_path(layout)
    try:
        if read_sealed(path, "") == content and all((folder / name).is_file() for name in names):
            return
    except WaterGeeError:
        pass  # absent or broken: written anew
    from water_gee.denoise.figures import draw_summary, draw_tile

    draw_summary(folder / names[0], content)
    for record, name in zip(shown, names[1:], strict=True):
        draw_tile(folder / name, layout, record, content["method"])
    for stale in folder.glob("*.png"):
        if stale.name not in names:
            stale.unlink()
    write_sealed(path, content)
