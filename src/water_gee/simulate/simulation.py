"""The whole simulation: landscapes, looks and truth of every strip, written below one folder."""

import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

import water_gee
from water_gee.files import write_json
from water_gee.simulate.causes import Cause, circumstances
from water_gee.simulate.landscape import elevation_model, make_landscape
from water_gee.simulate.realism import measure
from water_gee.simulate.scenes import Look, take_look
from water_gee.simulate.spec import SimulationSpec, Strip
from water_gee.simulate.spectra import Cover
from water_gee.simulate.writer import (
    middle,
    write_boundary,
    write_elevation,
    write_scene,
    write_truth,
)

_LEGENDS = {
    "cover": {int(cover): cover.name.lower() for cover in Cover},
    "cause": {int(cause): cause.name.lower() for cause in Cause},
}


def simulate(spec: SimulationSpec, raw: Path) -> dict[str, Any]:
    """Write the scenes of `spec` and their truth below `raw`, and return what `simulation.json` there says of them.

    The same spec writes the same bytes: every strip, and every day of it, has a generator of its own.
    """
    # NumPy and SciPy let go of the interpreter in their loops, so that two strips keep two cores busy.
    with ThreadPoolExecutor(max_workers=2) as pool:
        names = list(pool.map(lambda strip: _write_strip(spec, strip, raw), spec.strips))
    for role in ("train", "test"):
        strips = [strip for strip in spec.strips if strip.role == role]
        if strips:
            write_boundary(raw, spec, role, strips)
    report = {
        "simulated": "These scenes are simulated: no satellite took them, and no such place exists.",
        "version": water_gee.__version__,
        "seed": spec.seed,
        "spec": spec.model_dump(mode="json"),
        "scenes": [name for strip in names for name in strip],
        "legends": {name: {str(key): text for key, text in legend.items()} for name, legend in _LEGENDS.items()},
        "realism": measure(raw),
    }
    write_json(raw / "simulation.json", report)
    return report


def _write_strip(spec: SimulationSpec, strip: Strip, raw: Path) -> list[str]:
    landscape = make_landscape(spec, strip)
    write_elevation(raw, spec, strip, elevation_model(landscape, np.random.default_rng([spec.seed, strip.path, 1])))
    place = middle(spec, strip)
    names = []
    for year in strip.years:
        looks: list[Look] = []
        for day in sorted(day for day in strip.dates if day.year == year):
            generator = np.random.default_rng([spec.seed, strip.path, day.toordinal()])
            cut = day == min(strip.dates)
            look = take_look(landscape, day, place, spec.cloud_share, generator, cut=cut)
            names.append(write_scene(raw, spec, strip, _noon(day), look))
            looks.append(look)
        cover, cause = circumstances(landscape.years[year], looks)
        fraction = landscape.years[year].fraction
        layers = {
            "water": (fraction > 0.5).astype(np.uint8),
            "fraction": np.rint(100.0 * fraction).astype(np.uint8),
            "cover": cover,
            "cause": cause,
        }
        write_truth(raw, spec, strip, year, layers, _LEGENDS)
        gc.collect()
    return names


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
