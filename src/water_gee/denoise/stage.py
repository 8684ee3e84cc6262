"""`water-gee denoise`: clean labels of every tile, their report and figures."""

import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from water_gee.claims import claimed
from water_gee.config.settings import Settings
from water_gee.denoise.gate import admit, judge, known_gate
from water_gee.denoise.learning import Area, Learned, forget, work_folder
from water_gee.denoise.method import Method
from water_gee.denoise.registry import build, own_settings
from water_gee.denoise.show import show
from water_gee.denoise.store import (
    clean_report_path,
    figure_name,
    fingerprint,
    is_done,
    learned_fingerprint,
    read_clean,
    read_raw,
)
from water_gee.denoise.summary import changed, choose, is_measured, measure, report
from water_gee.denoise.work import Done, Job, Worker
from water_gee.errors import TileError, WaterGeeError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.pool import Pool, run_jobs
from water_gee.progress import say, track
from water_gee.sealed import read_sealed, write_sealed
from water_gee.tiles import TileRecord, clean_path, load_tile, read_manifest

_DRAWN = 3  # tiles with a picture of their own: the most changed, and as many of the least sure
_MANAGED = re.compile(r"(\d{4}_c-?\d+_r-?\d+|\..+\.tmp)\.tif")  # clean tiles, and what a kill left half-written


def run(settings: Settings) -> None:
    """Clean the labels of the tiles of `denoise.areas` that are missing, broken or out of date.

    With `denoise.show`, draw those tiles instead, whose labels stay as they are.

    Raises:
        TileError: there are no tiles, or a tile failed; the others are cleaned all the same. Or the labels would do
            harm, by `denoise.gate`; then they stay there without a report.
        WaterGeeError: another command cleans labels now.
    """
    layout, options = Layout.of(settings).absolute(), settings.denoise
    if options.show:
        return show(layout, options.show)
    with claimed(layout, clean_report_path(layout)):
        _clean(settings, layout)


def _clean(settings: Settings, layout: Layout) -> None:
    begun, options = time.monotonic(), settings.denoise
    records = [record for record in read_manifest(layout) if record.area in options.areas]
    tiles = [record for record in records if record.status == "ok"]
    skipped = [f"{record.area}/{record.id}" for record in records if record.status == "failed"]
    if not tiles:
        raise TileError(f"no tile of denoise.areas={','.join(options.areas)} has a clear pixel; run: water-gee tiles")
    method = build(options.method, options.model_dump())
    own = {"method": options.method, **own_settings(options.method, options.model_dump())}
    areas = _areas(layout, tiles, own, settings.seed)
    todo = [job for job in _jobs(areas, method) if not is_done(layout, job.record, job.fingerprint)]
    known, known_areas = _known_rows(layout), known_gate(layout)
    threads = settings.trainer.threads or os.cpu_count() or 1
    if todo:
        # Without a report no later run takes what is there for finished.
        clean_report_path(layout).unlink(missing_ok=True)
        worker, pool = Worker(layout, method, settings.seed), _pool(settings, layout, method.heavy)
        ended: list[Done] = []
        if method.surveys:
            wanted = {job.record.area for job in todo}
            learned, ended = _learn([area for area in areas if area.name in wanted], worker, pool)
            todo = [replace(job, learned=learned[job.record.area]) for job in todo if job.record.area in learned]
        ended += _done(todo, worker, pool, "cleaning labels")
        _raise_failures(ended)
    rows = [_row(layout, record, known.get((record.area, record.id), {})) for record in tiles]
    _prune(layout, tiles)
    forget(layout)
    judged = {}
    if options.gate != "off":
        judged = judge(layout, tiles, rows, known_areas, radius=options.radius, seed=settings.seed, workers=threads)
    gate = admit(layout, options.method, options.gate, judged)
    _conclude(layout, report(layout.study, options.method, own, settings.seed, rows, skipped) | {"gate": gate}, tiles)
    if skipped:
        say(f"{len(skipped)} tiles failed to download and have no labels, first {skipped[0]}; run: water-gee tiles")
    counts = [row["counts"] for row in rows]
    flips, pixels = sum(map(changed, counts)), sum(one["kept_water"] + one["kept_land"] for one in counts)
    say(
        f"{len(tiles)} tiles by {options.method}: {len(todo)} cleaned, {len(tiles) - len(todo)} already there; "
        f"{flips} of {flips + pixels} labels changed, {time.monotonic() - begun:.1f} s"
    )


def _areas(layout: Layout, tiles: Sequence[TileRecord], own: dict[str, Any], seed: int) -> list[Area]:
    """Return the tiles by area, each with the fingerprint of what it alone brings to its clean labels."""
    areas = []
    for name in sorted({record.area for record in tiles}):
        records = sorted((record for record in tiles if record.area == name), key=lambda record: record.id)
        areas.append(Area(layout, name, tuple(records), {one.id: fingerprint(one, own, seed) for one in records}))
    return areas


def _jobs(areas: Sequence[Area], method: Method) -> list[Job]:
    """Return what there is to clean: where a method learns, a tile's outcome depends on all tiles of its area."""
    jobs = []
    for area in areas:
        whole = area.mark
        for record in area.records:
            mark = area.marks[record.id]
            jobs.append(Job(record, learned_fingerprint(mark, whole) if method.surveys else mark))
    return jobs


def _pool(settings: Settings, layout: Layout, heavy: bool) -> Pool:
    """Return who does the work; processes are not worth starting for a method that is not heavy."""
    cluster = settings.cluster
    processes = cluster.workers or settings.trainer.threads or os.cpu_count() or 1
    return Pool(cluster.kind, processes if heavy else 1, cluster.address, work_folder(layout))


def _learn(areas: Sequence[Area], worker: Worker, pool: Pool) -> tuple[dict[str, Learned], list[Done]]:
    """Return what the method learns of each area by its name, less those with a tile that failed, and the surveys."""
    learned = {area.name: known for area in areas if (known := area.learned())}
    areas = [area for area in areas if area.name not in learned]
    jobs = [Job(record, area.marks[record.id], "survey") for area in areas for record in area.missing()]
    ended = _done(jobs, worker, pool, "surveying tiles")
    failed = {done.record.area for done in ended if done.error}
    for area in areas:
        if area.name not in failed:
            say(f"learning from the {len(area.records)} tiles of {area.name}")
            learned[area.name] = area.learn(worker.method, worker.seed)
    return learned, ended


def _done(jobs: Sequence[Job], worker: Worker, pool: Pool, what: str) -> list[Done]:
    """Do jobs, log how each ended, and show how far they are."""
    return [_logged(worker.layout, done) for done in track(run_jobs(worker, jobs, pool), what, len(jobs))]


def _logged(layout: Layout, done: Done) -> Done:
    """Add a line on a finished tile to `logs/denoise.jsonl`, where times may differ between equal runs."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"), "area": done.record.area, "id": done.record.id,
        "step": done.step, "seconds": round(done.seconds, 3), "error": done.error,
    }  # fmt: skip
    with (layout.logs / "denoise.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return done


def _raise_failures(ended: Sequence[Done]) -> None:
    failed = sorted((done for done in ended if done.error), key=lambda done: (done.record.area, done.record.id))
    if failed:
        first, tried = failed[0].record, {(done.record.area, done.record.id) for done in ended}
        raise TileError(f"{len(failed)} of {len(tried)} tiles failed, first {first.area}/{first.id}: {failed[0].error}")


def _known_rows(layout: Layout) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of the last report, by area and id of the tile; none where it is absent or broken."""
    try:
        content = read_sealed(clean_report_path(layout), "", study=layout.study)
        return {(row["area"], row["id"]): row for row in content["tiles"]}
    except (WaterGeeError, KeyError):
        return {}


def _row(layout: Layout, record: TileRecord, known: dict[str, Any]) -> dict[str, Any]:
    """Return what the report says of a tile: what it said before where all files are the same, else counted anew."""
    files = {
        "area": record.area,
        "id": record.id,
        "sha256": record.sha256,
        "labels_sha256": record.labels_sha256,
        "clean_sha256": sha256(clean_path(layout, record.area, record.id)),
    }
    if is_measured(known) and all(known.get(key) == value for key, value in files.items()):
        return known
    clean = read_clean(layout, record)
    return {**files, **measure(clean, read_raw(layout, record), record), "notes": clean.notes}


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
    content["shown"] = choose(content["tiles"], _DRAWN)
    shown = [one for those in content["shown"].values() for one in those]
    names = content["figures"] = ["summary.png", *map(figure_name, shown)]
    folder, path = layout.clean / "figures", clean_report_path(layout)
    try:
        if read_sealed(path, "") == content and all((folder / name).is_file() for name in names):
            return
    except WaterGeeError:
        pass  # absent or broken: written anew
    from water_gee.denoise.figures import draw_summary, draw_tile

    draw_summary(folder / names[0], content)
    records = {f"{record.area}/{record.id}": record for record in tiles}
    for one, name in zip(shown, names[1:], strict=True):
        tile, clean = load_tile(layout, records[one]), read_clean(layout, records[one])
        draw_tile(folder / name, tile, clean, content["method"])
    for stale in folder.glob("*.png"):
        if stale.name not in names:
            stale.unlink()
    write_sealed(path, content)
