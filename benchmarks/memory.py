"""What training keeps in memory of its own, with few tiles and with many: the peak of anonymous memory.

The tiles are memory-mapped files, as in training, and not counted: the system drops their pages when it needs room.
The files are sparse and take no space on the disk. Each measurement is a process of its own, which makes the feed,
and trains the first steps of an epoch.
"""

import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

FEW, MANY = 10, 500  # tiles
STEPS = {"pixels": 12, "crops": 60}
WANTED = 1.05  # at most so many times the memory


def run() -> None:
    """Compare the peaks of few and many tiles, for both feeds."""
    if not Path("/proc/self/status").is_file():
        print("memory: this system has no /proc/self/status, which tells anonymous memory; nothing is measured")
        return
    table = Table(title="training, peak of anonymous memory (tiles of 512 pixels)")
    for heading in ("", f"{FEW} tiles, MiB", f"{MANY} tiles, MiB", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    ratios = {}
    for feed in STEPS:
        few, many = (peak_of(feed, tiles) for tiles in (FEW, MANY))
        ratios[feed] = many / few
        table.add_row(feed, f"{few:,.0f}", f"{many:,.0f}", f"{ratios[feed]:.3f}")
    Console().print(table)
    for feed, ratio in ratios.items():
        print(f"{feed}, {MANY} / {FEW} tiles: {ratio:.3f} (wanted: at most {WANTED:g})")


def peak_of(feed: str, tiles: int) -> float:
    """Return the peak, in MiB, of a new process that trains."""
    command = [sys.executable, "-m", "benchmarks.memory", feed, str(tiles)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout)


def measure(kind: str, tiles: int) -> float:
    """Train in this process and return the peak of its anonymous memory in MiB."""
    from benchmarks.training import FEATURES, RADIUS, SIZE, batches, feed_steps
    from water_gee.config.compose import compose
    from water_gee.config.settings import load
    from water_gee.study import Grid, Tile
    from water_gee.tiles import TileRecord
    from water_gee.training.feeds import CropFeed, PixelFeed, Sampling
    from water_gee.training.store import TileStore

    data = load(compose(["model=pixelcnn"])).data
    with tempfile.TemporaryDirectory() as name:
        folder, side, grid = Path(name), SIZE + 2 * RADIUS, Grid("EPSG:32648", 30.0)
        store = TileStore(
            tuple(TileRecord.of(Tile("train", 2020, tile, 0, SIZE, RADIUS), grid, "ok") for tile in range(tiles)),
            FEATURES,
            np.memmap(folder / "features", np.float32, "w+", shape=(tiles, side, side, len(FEATURES))),
            np.memmap(folder / "labels", np.uint8, "w+", shape=(tiles, SIZE, SIZE)),  # all land
            np.memmap(folder / "confidence", np.float32, "w+", shape=(tiles, SIZE, SIZE)),
        )
        peak = Peak()
        sampling = Sampling.of(store, range(tiles), RADIUS)
        feed = PixelFeed(sampling, data.batch) if kind == "pixels" else CropFeed(sampling, data.crop, data.crop_batch)
        feed_steps(batches(feed), STEPS[kind])()
        return peak.stop()


class Peak:
    """Watches the anonymous memory of this process from its making to `stop`."""

    def __init__(self) -> None:
        self.mebibytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MiB."""
        self._ended.set()
        self._thread.join()
        return self.mebibytes

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(0.002)
            found = re.search(
                r"^RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE
            )
            self.mebibytes = max(self.mebibytes, int(found[1]) / 1024 if found else 0.0)


if __name__ == "__main__":
    print(measure(sys.argv[1], int(sys.argv[2])))
