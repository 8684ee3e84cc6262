"""Timing that can be trusted: contenders in turn, several rounds, medians, ratios to the first."""

import statistics
import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table

Work = Callable[[], float]  # does the work and returns how many units of it were done


def compare(title: str, unit: str, contenders: Mapping[str, Work], rounds: int = 5) -> dict[str, float]:
    """Run the contenders in turn and print units a second, with the ratio to the first contender.

    Args:
        title: what is compared.
        unit: what a contender's return value counts.
        contenders: by name; the first is the baseline.
        rounds: counted rounds, after one warm-up.

    Returns:
        The median ratio to the baseline, by name.
    """
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for counted in range(-1, rounds):
        for name, work in contenders.items():
            began = time.perf_counter()
            done = work()
            if counted >= 0:
                speeds[name].append(done / (time.perf_counter() - began))
    baseline = next(iter(contenders))
    table = Table(title=title)
    for heading in ("", f"{unit}/s, median", "min - max", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    ratios = {}
    for name, rates in speeds.items():
        ratios[name] = statistics.median(a / b for a, b in zip(rates, speeds[baseline], strict=True))
        spread = f"{min(rates):,.0f} - {max(rates):,.0f}"
        table.add_row(name, f"{statistics.median(rates):,.0f}", spread, f"{ratios[name]:.2f}")
    Console().print(table)
    return ratios
