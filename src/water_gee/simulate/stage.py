"""`water-gee simulate`: remake the sample study's scenes."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from water_gee.claims import alone
from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.simulate.realism import LIMITS
from water_gee.simulate.simulation import simulate
from water_gee.simulate.spec import SimulationSpec

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

_PARTS = ("catalog", "reference", "fraction", "cover", "boundaries", "simulation.json")


def run(settings: "Settings") -> None:
    """Write the simulated study of `settings.simulate` to `data/raw`, in place of the one that is there.

    Raises:
        WaterGeeError: `data/raw` holds files that no simulation wrote, or another command simulates now.
    """
    layout = Layout.of(settings)
    with alone(layout, layout.raw):
        remake(settings.simulate, layout.raw)


def remake(spec: SimulationSpec, raw: Path) -> None:
    """Simulate `spec` beside `raw` and put it in its place when it is whole; say how real its labels are.

    Raises:
        WaterGeeError: `raw` holds files that no simulation wrote.
    """
    foreign = sorted(path.name for path in raw.glob("*") if path.name not in _PARTS) if raw.is_dir() else []
    if foreign:
        raise WaterGeeError(f"{raw} holds {foreign[0]}, which `simulate` did not write; move it elsewhere first")
    unfinished = raw.with_name(f".{raw.name}.simulating")
    shutil.rmtree(unfinished, ignore_errors=True)
    say(f"simulating {sum(len(strip.dates) for strip in spec.strips)} scenes of {spec.size} x {spec.size} pixels")
    report = simulate(spec, unfinished)
    shutil.rmtree(raw, ignore_errors=True)
    unfinished.rename(raw)
    label = report["realism"]["qa_label"]["pooled"]
    say(f"{raw}: {sum(file.stat().st_size for file in raw.rglob('*') if file.is_file()) / 1e6:.1f} MB, simulated")
    for kind in ("commission", "omission"):
        fit = "" if LIMITS[0] <= label[kind] <= LIMITS[1] else ", outside what real labels have"
        say(f"  {kind} of the quality band's water label: {100 * label[kind]:.1f} %{fit}")
