"""What an exported network costs: the estimate of each form against eelocal's clock, and the default network's tile."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ee
import numpy as np
import torch
from ee import apitestcase
from rich.console import Console
from rich.table import Table
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benchmarks.memory import Peak
from export import local
from export import networks as drawn
from water_gee.export import export_network
from water_gee.models import PixelCNN, PixelMLP, PixelNetwork, Standardise

NAMES = tuple(f"f{index}" for index in range(8))
SIDE, TILE = 160, 512


class Layers(nn.Module):
    """A body of layers that reaches some pixels."""

    def __init__(self, radius: int, *layers: nn.Module) -> None:
        super().__init__()
        self.radius, self.layers = radius, nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [n, band, y, x] to logits [n, 2, y - 2r, x - 2r]."""
        logits: torch.Tensor = self.layers(x)
        return logits


BODIES: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: Layers(0, nn.Conv2d(8, 2, 1)),
    "mlp": lambda: PixelMLP(8, (32, 32)),
    "depthwise": lambda: Layers(3, nn.Conv2d(8, 8, 7, groups=8), nn.ReLU(), nn.Conv2d(8, 2, 1)),
    "grouped": lambda: Layers(1, nn.Conv2d(8, 16, 3, groups=4), nn.ReLU(), nn.Conv2d(16, 2, 1)),
    "dilated": lambda: Layers(9, nn.Conv2d(8, 32, 3), nn.ReLU(), nn.Conv2d(32, 16, 3, dilation=8), nn.Conv2d(16, 2, 1)),
    "wide": lambda: Layers(1, nn.Conv2d(8, 32, 3), nn.ReLU(), nn.Conv2d(32, 2, 1)),
    "narrow pixelcnn": lambda: PixelCNN(8, (8, 8, 16, 32)),
}


def network(body: Callable[[], nn.Module]) -> PixelNetwork:
    """A network of random weights."""
    torch.manual_seed(0)
    return PixelNetwork(Standardise([0.1] * 8, [0.2] * 8), body(), NAMES).eval()


def run() -> None:
    """Print the tables."""
    apitestcase.ApiTestCase().setUp()  # the client, from the algorithms that its wheel ships
    with tempfile.TemporaryDirectory() as folder:
        _tile(Path(folder))
        _estimates(Path(folder))


def _clock(folder: Path, expression: dict[str, object], side: int, rounds: int) -> float:
    """Seconds of the processor: the least of some rounds."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        local.pixels_of(folder, expression, (side, side))
        times.append(time.process_time() - begun)
    return min(times)


def _estimates(folder: Path) -> None:
    local.write_features(folder, drawn.holey_image(8, (SIDE, SIDE), seed=1), NAMES)
    table = Table(title="Exported networks: nanoseconds a pixel, eelocal's clock against the estimate")
    for heading in ("network", "form", "clock", "estimate", "ratio", "ranked alike"):
        table.add_column(heading, justify="right")
    for name, body in BODIES.items():
        rows = []
        for form in ("array", "kernel"):
            exported = export_network(network(body), NAMES, form=form)
            expression = json.loads(exported.image(ee.Image("features")).serialize())
            seconds = _clock(folder, expression, SIDE, 3)
            rows.append((form, seconds / SIDE**2 * 1e9, exported.cost.nanoseconds_per_pixel))
        (_, first, guess), (_, second, other) = rows
        for form, clock, estimate in rows:
            alike = "yes" if (first < second) == (guess < other) else "no"
            table.add_row(name, form, f"{clock:,.0f}", f"{estimate:,.0f}", f"{estimate / clock:.2f}", alike)
    Console().print(table)


def _tile(folder: Path) -> None:
    image = np.repeat(np.repeat(drawn.holey_image(8, (TILE // 4, TILE // 4), seed=1), 4, axis=1), 4, axis=2)
    local.write_features(folder, image, NAMES)
    exported = export_network(network(lambda: PixelCNN(8)), NAMES)
    expression = json.loads(exported.image(ee.Image("features")).serialize())
    _clock(folder, expression, SIDE, 1)  # what is made once and kept, before memory is watched
    before = _resting()
    peak = Peak() if before else None
    seconds = _clock(folder, expression, TILE, 1)
    more = "memory is not told by this system" if peak is None else f"{peak.stop() - before:,.0f} MiB more than before"
    cost = exported.cost
    Console().print(
        f"pixelcnn, a tile of {TILE} x {TILE} in eelocal: {seconds:.1f} s of the processor, {more}; "
        f"estimate {cost.peak_bytes:,} bytes a pixel at once, {cost.array_bytes:,} in all"
    )


def _resting() -> float:
    """MiB of this process's anonymous memory now; 0 where the system does not tell."""
    return Peak().stop() if Path("/proc/self/status").is_file() else 0.0
