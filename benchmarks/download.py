"""Tiles a second at 300 ms a request and 20 at once: this project, v1.0's requests, geedim 2, and what is possible.

The service is a recording: each answer is ready when it is asked for, and comes `LATENCY` later, so that what is
measured is the client's work. Tiles are written, checked and recorded as always.
"""

import importlib.util
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.replay import LATENCY, replaying
from benchmarks.timing import compare
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.earth import (
    Prepared,
    Session,
    composite_spec,
    connect,
    feature_image,
    label_image,
    label_spec,
    possible_ranges,
)
from water_gee.paths import Layout
from water_gee.study import Area, Tile, Window, outline
from water_gee.tiles import requests
from water_gee.tiles.journal import Journal
from water_gee.tiles.plan import Job
from water_gee.tiles.stage import download

AT_ONCE = 20
SIDE = 20  # tiles a side
SIZE = 64  # pixels: small tiles, for which a request costs more than its pixels
V1_REQUESTS = 11  # a tile: v1.0 asks for each band by itself
MANY = (100, 2000)  # tiles for the memory


def run() -> None:
    """Measure the speed of the contenders, and the memory of ours."""
    settings = _settings()
    with replaying(_bands(settings), SIDE * SIZE) as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with connect(_settings(url).earth, Layout(root)) as session:
            jobs = _jobs(settings, SIDE * SIDE)
            contenders: dict[str, Callable[[], float]] = {
                "one tile a request": lambda: _ours(jobs, session, root, 10**9),
                "as shipped, small tiles together": lambda: _ours(jobs, session, root, requests._ROUNDS),
                "v1.0's 11 requests a tile": lambda: _v1(jobs[: len(jobs) // 8]),
            }
            if importlib.util.find_spec("geedim"):
                contenders["geedim 2, the tiles as one image"] = lambda: _geedim(root)
            else:
                print("geedim is not installed, and left out: pip install 'geedim>=2'")
            compare(f"tiles of {SIZE} px, {LATENCY * 1000:.0f} ms, {AT_ONCE} at once", "tiles", contenders, rounds=3)
        bound = AT_ONCE / LATENCY
        print(f"at most {bound:.1f} tiles/s are possible with one tile a request, {bound / V1_REQUESTS:.1f} with 11")
        _memory(url)


def _settings(url: str = "http://127.0.0.1:9") -> Settings:
    return load(compose([f"earth.url={url}", f"earth.workers={AT_ONCE}", f"tiles.size={SIZE}", "earth.wait=0.1"]))


def _bands(settings: Settings) -> tuple[str, ...]:
    return (*settings.features.names, *label_spec(settings).bands)


def _jobs(settings: Settings, count: int) -> list[Job]:
    """Return so many tiles of one image, in a square."""
    spec, labels = composite_spec(settings), label_spec(settings)
    side = math.isqrt(count)
    area = Area("train", outline(spec.grid, Window(20_000, -190_000, side * SIZE, -(-count // side) * SIZE)))
    image = feature_image(spec, area, 2020).addBands(label_image(spec, area, 2020, labels))
    prepared = Prepared(image, (*spec.features, *labels.bands))
    ranges = possible_ranges(spec, labels)
    tiles = [Tile("train", 2020, 300 + n % side, 2900 + n // side, SIZE, settings.tiles.margin) for n in range(count)]
    return [Job(tile, spec.features, labels.bands, f"{n:064x}", prepared, ranges) for n, tile in enumerate(tiles)]


def _ours(jobs: list[Job], session: Session, root: Path, rounds: int) -> float:
    shipped, requests._ROUNDS = requests._ROUNDS, rounds
    try:
        with tempfile.TemporaryDirectory(dir=root) as folder:
            layout = Layout(Path(folder))
            with Journal(layout, []) as journal:
                grid = composite_spec(_settings()).grid
                made = list(download(jobs, layout, grid, session, journal, AT_ONCE))
            if any(one.record.status != "ok" for one in made):
                raise SystemExit(f"download: {next(one.record.reason for one in made if one.record.status != 'ok')}")
            return len(made)
    finally:
        requests._ROUNDS = shipped


def _v1(jobs: list[Job]) -> float:
    """Ask for each band of each tile by itself, at equal concurrency, and keep nothing."""
    import ee

    def ask(job: Job) -> Any:
        outer = job.tile.outer
        return ee.data.computePixels(
            {
                "expression": ee.Image.constant(1.0),
                "fileFormat": "NUMPY_NDARRAY",
                "grid": {"dimensions": {"width": outer.width, "height": outer.height}},
            }
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, [job for job in jobs for _ in range(V1_REQUESTS)]))
    return len(jobs)


def _geedim(root: Path) -> float:
    """Download the tiles' square as one image into one GeoTIFF."""
    import ee
    import geedim  # noqa: F401  # adds `gd` to images
    from geedim.enums import Driver

    path = root / "geedim.tif"
    image: Any = ee.Image("the/recorded/image")
    image.gd.toGeoTIFF(path, overwrite=True, max_requests=AT_ONCE, driver=Driver.gtiff)
    path.unlink()
    return SIDE * SIDE


def _memory(url: str) -> None:
    """Print the peak memory of a process that downloads few tiles, and many."""
    if not Path("/proc/self/status").is_file():
        print("download: this system has no /proc/self/status, which tells the peak of memory; it is not measured")
        return
    table = Table(title="download, peak memory of the process")
    for heading in ("tiles", "MiB", "tiles/s"):
        table.add_column(heading, justify="right")
    for count in MANY:
        command = [sys.executable, "-m", "benchmarks.download", url, str(count)]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        table.add_row(*done.stdout.split())
    Console().print(table)


def _alone(url: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, connect(_settings(url).earth, Layout(Path(folder))) as session:
        jobs = _jobs(_settings(), count)
        begun = time.perf_counter()
        _ours(jobs, session, Path(folder), requests._ROUNDS)
        seconds = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(count, f"{peak / 1024:.0f}", f"{count / seconds:.1f}")


if __name__ == "__main__":
    _alone(sys.argv[1], int(sys.argv[2]))
