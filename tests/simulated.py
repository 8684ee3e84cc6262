"""Small simulated studies for the tests."""

from datetime import date
from pathlib import Path

import yaml

from water_gee.simulate import SimulationSpec, Strip

PROJECT = Path(__file__).parents[1]

SMALL_DATES = [date(2019, 6, 27), date(2019, 7, 29), date(2020, 6, 13), date(2020, 7, 15), date(2020, 8, 16)]


def small_spec(seed: int, size: int = 256, dates: list[date] | None = None, strips: int = 1) -> SimulationSpec:
    both = [
        Strip(path=131, role="train", left=407040.0, top=5798400.0, dates=dates or SMALL_DATES),
        Strip(path=135, role="test", left=299520.0, top=5798400.0, dates=dates or SMALL_DATES),
    ]
    known = yaml.safe_load((PROJECT / "conf" / "simulate" / "default.yaml").read_text(encoding="utf-8"))
    return SimulationSpec(**{**known, "seed": seed, "size": size, "strips": both[:strips]})
