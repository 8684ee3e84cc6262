"""`water-gee tiles`: every tile of the study on disk, whole, or known to be empty or failed."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

from water_gee.claims import alone, claim
from water_gee.config.settings import Settings
from water_gee.earth import (
    AccountError,
    Session,
    composite_spec,
    connect,
    in_parallel,
    label_spec,
    request_bytes,
    resolve_areas,
)
from water_gee.errors import EarthError, TileError
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.study import Grid, check_apart
from water_gee.tiles.download import Download, Fetched, still_good
from water_gee.tiles.journal import Journal, journal_path, known_records
from water_gee.tiles.lattice import on_scenes_lattice, provisional
from water_gee.tiles.manifest import TileRecord, begin_manifest, report_path, write_manifest
from water_gee.tiles.plan import Job, plan
from water_gee.tiles.requests import Request, requests_of
from water_gee.tiles.store import feature_path, label_path

_GIVE_UP = 20  # tiles that fail in turn: the service is away, and each would take minutes
_MANAGED = re.compile(r"(\d{4}_c-?\d+_r-?\d+(\.labels)?|\..+\.tmp)\.tif")  # tiles, and what a kill left half-written


def run(settings: Settings) -> None:
    """Download the tiles that are missing, broken or out of date; write the manifest.

    Raises:
        ConfigError: areas overlap, or the scenes do not tell `tiles.origin=auto`.
        EarthError: Earth Engine cannot be reached, or an area has no scene.
        TileError: a tile failed; the others are there all the same.
        WaterGeeError: another command fetches tiles now.
    """
    layout = Layout.of(settings)
    # A dry run writes nothing, and tells of what another command fetches meanwhile.
    with nullcontext() if settings.tiles.dry_run else alone(layout, layout.tiles):
        claim(layout, report_path(layout))
        _fetch(settings, layout)


def _fetch(settings: Settings, layout: Layout) -> None:
    composite_spec(provisional(settings))  # a mistake in it ends the command before anything is started
    labels = label_spec(settings)
    with connect(settings.earth, layout) as session:
        settings = on_scenes_lattice(session, settings)
        spec = composite_spec(settings)
        areas = resolve_areas(session, settings, ["train", "test", *settings.tiles.areas])
        check_apart(areas, spec.grid, settings.tiles.margin)
        jobs = plan(session, settings, spec, labels, areas)
        good = {} if settings.tiles.refresh else _good(jobs, layout, spec.grid)
        missing = [job for job in jobs if _key(job) not in good]
        if settings.tiles.dry_run:
            _announce(jobs, requests_of(missing, settings.earth.workers))
            return
        begun = time.monotonic()
        records = [*good.values()]
        if missing:
            # An unfinished download has no manifest, so that no other stage takes it for whole.
            with Journal(layout, good.values()) as journal, _log(layout) as log:
                begin_manifest(layout)
                for fetched in download(missing, layout, spec.grid, session, journal, settings.earth.workers):
                    records.append(fetched.record)
                    _write_line(log, fetched)
                records = _still_wanted(records, plan(session, settings, spec, labels, areas))
    write_manifest(layout, records)
    _prune(layout, records)
    journal_path(layout).unlink(missing_ok=True)
    _conclude(records, len(missing), time.monotonic() - begun)


def _key(job: Job) -> tuple[str, str]:
    return job.tile.area, job.tile.id


def _good(jobs: Sequence[Job], layout: Layout, grid: Grid) -> dict[tuple[str, str], TileRecord]:
    """Return the records of the tiles that are there and whole, saying how many are not what they were."""
    known = known_records(layout)
    good = {}
    for job in track(jobs, "checking tiles", len(jobs)):
        record = still_good(job, known.get(_key(job)), layout, grid)
        if record is not None:
            good[_key(job)] = record
    broken = [
        f"{job.tile.area}/{job.tile.id}"
        for job in jobs
        if (old := known.get(_key(job))) and _key(job) not in good and old.status == "ok"
        if old.fingerprint == job.fingerprint
    ]
    if broken:
        say(f"{len(broken)} tiles are damaged or missing and are fetched again, first {broken[0]}")
    return good


def download(
    jobs: Sequence[Job], layout: Layout, grid: Grid, session: Session, journal: Journal, workers: int
) -> Iterator[Fetched]:
    """Yield each tile as it is finished, several requests at once."""
    download, failures = Download(layout, grid, session.retry), _InTurn(max(_GIVE_UP, workers))

    def work(request: Request) -> list[Fetched]:
        failures.check()
        made = download.fetch(request)
        for fetched in made:
            failures.count(fetched.record)
            if fetched.record.status != "failed":
                journal.add(fetched.record)
        return made

    try:
        # Twice as many threads as requests at once: answers are worked on while others are asked for.
        made = in_parallel(work, requests_of(jobs, workers), 2 * workers)
        for fetched in track((one for some in made for one in some), "fetching tiles", len(jobs)):
            if fetched.record.status == "failed":
                session.check()
            yield fetched
    except AccountError as error:
        raise AccountError(f"{error}; then run the same command again: the tiles that are there are kept") from error
    except OSError as error:
        raise TileError(f"a tile cannot be written: {error}; see to the folder {layout.tiles}") from error


class _InTurn:
    """Counts the tiles that failed, none in between having been had, from any thread."""

    def __init__(self, most: int) -> None:
        """Give up at so many."""
        self._most, self._count = most, 0
        self._last: TileRecord | None = None
        self._lock = threading.Lock()

    def count(self, record: TileRecord) -> None:
        """Take note of a tile."""
        with self._lock:
            self._count = self._count + 1 if record.status == "failed" else 0
            self._last = record

    def check(self) -> None:
        """Go on only if it is worth it.

        Raises:
            EarthError: too many have failed.
        """
        last = self._last
        if self._count >= self._most and last is not None:
            raise EarthError(
                f"{self._count} tiles failed one after the other, the last {last.area}/{last.id}: "
                f"{last.reason.rstrip('.')}; what is there is kept, run the same command again"
            )


def _still_wanted(records: Iterable[TileRecord], jobs: Iterable[Job]) -> list[TileRecord]:
    """Return the records, as failed where the scenes of a tile are others than when its download was planned."""
    now = {_key(job): job.fingerprint for job in jobs}
    changed = "its scenes or its elevation model changed while the tiles were fetched"
    return [
        record
        if now.get((record.area, record.id), record.fingerprint) == record.fingerprint
        else replace(record, status="failed", reason=changed, water_pixels=0, clear_pixels=0, sha256="",
                     labels_sha256="", bytes=0)
        for record in records
    ]  # fmt: skip


def _announce(jobs: Sequence[Job], requests: Sequence[Request]) -> None:
    """Print what a download would fetch, by area and year, on standard output."""
    todo = Counter((one.jobs[0].tile.area, one.jobs[0].tile.year) for one in requests)
    print(f"{'area':<12} {'year':>5} {'tiles':>7} {'requests':>9} {'MB at most':>11}")
    for (area, year), count in Counter((job.tile.area, job.tile.year) for job in jobs).items():
        print(f"{area:<12} {year:>5} {count:>7} {todo[area, year]:>9} {_megabytes(requests, area, year):>11.1f}")
    print(f"{'all':<12} {'':>5} {len(jobs):>7} {len(requests):>9} {_megabytes(requests):>11.1f}")


def _megabytes(requests: Iterable[Request], area: str | None = None, year: int | None = None) -> float:
    chosen = [(one.window, one.jobs[0]) for one in requests]
    chosen = [(window, job) for window, job in chosen if area is None or (job.tile.area, job.tile.year) == (area, year)]
    return sum(request_bytes(window, len(job.bands)) for window, job in chosen) / 2**20


def _prune(layout: Layout, records: Iterable[TileRecord]) -> None:
    """Delete the tiles that are in no record any more, and what a killed run left half-written."""
    wanted = set()
    for record in records:
        if record.status == "ok":
            wanted |= {feature_path(layout, record.area, record.id), label_path(layout, record.area, record.id)}
    for path in sorted(layout.tiles.glob("*/*.tif")):
        if path not in wanted and _MANAGED.fullmatch(path.name):
            path.unlink()
    for folder in layout.tiles.glob("*/"):
        if not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _log(layout: Layout) -> Iterator[TextIO]:
    layout.logs.mkdir(parents=True, exist_ok=True)
    with (layout.logs / "tiles.jsonl").open("a", encoding="utf-8") as file:
        yield file


def _write_line(log: TextIO, fetched: Fetched) -> None:
    record = fetched.record
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"), "area": record.area, "id": record.id,
        "status": record.status, "attempts": fetched.attempts, "seconds": round(fetched.seconds, 3),
        "bytes": fetched.pixel_bytes, "reason": record.reason,
    }  # fmt: skip
    log.write(json.dumps(line) + "\n")
    log.flush()


def _conclude(records: Sequence[TileRecord], fetched: int, seconds: float) -> None:
    """Say what is there, and raise where a tile failed."""
    count = Counter(record.status for record in records)
    size = sum(record.bytes for record in records) / 2**20
    say(
        f"{len(records)} tiles: {count['ok']} whole, {count['empty']} empty, {count['failed']} failed; "
        f"{fetched} fetched, {len(records) - fetched} already there; {size:.1f} MB, {seconds:.1f} s"
    )
    failed = sorted((record for record in records if record.status == "failed"), key=lambda r: (r.area, r.id))
    if failed:
        first = failed[0]
        some = f"all {len(records)}" if len(failed) == len(records) else f"{len(failed)} of {len(records)}"
        mend = "" if "(tried" in first.reason else "mend that and "
        raise TileError(
            f"{some} tiles failed, first {first.area}/{first.id}: {first.reason.rstrip('.')}; "
            f"{mend}run the same command again to fetch them"
        )
