"""How often the 95 % interval of the water area in `maps/area.csv` holds the truth's area, on simulated landscapes.

Each landscape is a study of its own: simulated, its tiles fetched and denoised, a network trained, its maps made, with
the default choices but for sizes, since ten of the sample's size would take hours. The truth's water area is that of
the pixels which a map shows, since the interval speaks of these alone. The landscapes' seeds are not those on which
anything of the project was chosen. Some minutes a landscape; finished ones are kept in `work/area_intervals` and not
made again.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import from_bounds
from rich.console import Console
from rich.table import Table

from water_gee.config.compose import repository
from water_gee.errors import WaterGeeError
from water_gee.maps import map_path, read_areas, read_maps
from water_gee.paths import Layout
from water_gee.study import Grid, Window, pixel_areas

SEEDS = tuple(range(601, 611))
# A sixteenth of the sample's pixels and as many tiles: a network that knows less, so a harder test of its intervals.
SMALLER = {"simulate": ["simulate.size=256"], "": ["tiles.size=64"]}
WANTED = 9  # of ten


def run() -> None:
    """Make the landscapes and compare each year's interval with the truth."""
    table = Table(title="water area of the seen pixels, km2")
    for heading in ("landscape", "year", "truth", "map", "low", "high", "holds it", "width / truth"):
        table.add_column(heading, justify="right")
    held: dict[int, bool] = {}
    widths = []
    with ThreadPoolExecutor(2) as side_by_side:
        layouts = list(side_by_side.map(landscape, SEEDS))
    for seed, layout in zip(SEEDS, layouts, strict=True):
        report = read_maps(layout)
        assert report is not None, "predict has just written them"
        for row in read_areas(layout, report):
            true = truth_area(layout, map_path(layout, report, row["year"], "water"), row["year"])
            mapped, low, high = (float(row[f"water{end}_km2"]) for end in ("", "_low", "_high"))
            holds = low <= true <= high
            held[seed] = held.get(seed, True) and holds
            widths.append((high - low) / true)
            told = [f"{value:.3f}" for value in (true, mapped, low, high)]
            table.add_row(str(seed), row["year"], *told, "yes" if holds else "no", f"{widths[-1]:.3f}")
    Console().print(table)
    print(f"landscapes whose interval holds the truth in both years: {sum(held.values())} of {len(held)} ", end="")
    print(f"(wanted: at least {WANTED} of 10); mean width {np.mean(widths):.1%} of the true area")


def landscape(seed: int) -> Layout:
    """Return the place of a landscape's maps, made where they are not there yet."""
    root = repository() / "work" / "area_intervals" / str(seed)
    layout = Layout(root, "sample")
    if (layout.maps / "maps.json").is_file():
        return layout
    water_gee = [sys.executable, "-m", "water_gee"]
    steps = {
        "simulate": [*water_gee, "simulate", f"simulate.seed={seed}"],
        "tiles": [*water_gee, "tiles"],
        "denoise": [*water_gee, "denoise"],
        "train": [sys.executable, "train.py", "run.name=one"],
        "select": [*water_gee, "select", "select.run=one"],
        "predict": [*water_gee, "predict", "predict.engine=local"],
    }
    for name, words in steps.items():
        command = [*words, *SMALLER.get(name, SMALLER[""]), f"paths.root={root}"]
        done = subprocess.run(
            command,
            cwd=repository(),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        if done.returncode:
            raise WaterGeeError(f"landscape {seed}, {name}: {done.stderr.strip()[-500:]}")
    return layout


def truth_area(layout: Layout, water_map: Path, year: str) -> float:
    """Return the area of the true water among the pixels that a map shows, in km2."""
    total = 0.0
    with rasterio.open(water_map) as mapped:
        grid = Grid(str(mapped.crs), mapped.transform.a)
        for path in sorted((layout.raw / "reference").glob(f"water_{year}_*.tif")):
            with rasterio.open(path) as file:
                true, transform, bounds = file.read(1), file.transform, file.bounds
            assert transform.a == grid.scale, "the truth has the map's pixels"
            seen = mapped.read(1, window=from_bounds(*bounds, mapped.transform), boundless=True, fill_value=255) != 255
            left, top = round(transform.c / grid.scale), round(-transform.f / grid.scale)
            areas = pixel_areas(grid, Window(left, top, true.shape[1], true.shape[0]))
            total += float(areas[(true == 1) & seen].sum())
    return total / 1e6
