"""Stage `summary`: what was made, in a few tables on the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from water_gee.config.settings import Settings
from water_gee.evaluation import METHODS
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.report import found
from water_gee.report.accuracy import ranked, signed
from water_gee.report.palette import METHOD_NAMES

_MEASURES = {"iou": "IoU", "f1": "F1", "precision": "precision", "recall": "recall"}


def run(settings: Settings) -> None:
    """Print the accuracy, the map's area, the export's parity, and where to look, on standard output.

    Raises:
        WaterGeeError: there is no evaluation yet.
    """
    layout = Layout(Path(settings.paths.root))
    Console(highlight=False).print(summary(layout, settings.study.name))


def summary(layout: Layout, study: str) -> RenderableType:
    """Return the tables.

    Raises:
        WaterGeeError: there is no evaluation yet.
    """
    metrics = read_json(layout.reports / "metrics.json")
    details = found.json_or_none(layout.reports / "details.json") or {}
    parts: list[RenderableType] = [
        _accuracy(name, measures, details.get("references", {}).get(name, {})) for name, measures in metrics.items()
    ]
    if rows := found.areas(layout):
        parts.append(_areas(rows))
    if text := _parity(layout):
        parts.append(text)
    parts.append(_where(layout))
    head = Text(f"Water_gee, study {study}", style="bold")
    return Group(*(part for each in (head, *parts) for part in (Text(), each)))


def _accuracy(reference: str, metrics: Mapping[str, Any], detail: Mapping[str, Any]) -> Table:
    table = _table(f"Accuracy on the test area, against “{reference}”")
    table.add_column("", no_wrap=True)
    for name in _MEASURES.values():
        table.add_column(name, justify="right")
    table.add_column("pixels", justify="right")
    best = max(METHODS, key=lambda method: float(metrics[method]["iou"]))
    for method, measures in ranked(metrics, detail.get("where_denoised")):
        cells = [f"{measures[name]:.3f}" for name in _MEASURES]
        table.add_row(METHOD_NAMES[method], *cells, f"{measures['pixels']:,}", style="bold" if method == best else "")
    if difference := detail.get("iou_differences", {}).get("model - qa_water"):
        table.caption = (
            f" model less quality band: {signed(difference['difference'])} IoU "
            f"(95 %: {signed(difference['low'])} to {signed(difference['high'])})"
        )
        table.caption_justify = "left"
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=True)


def _areas(rows: list[dict[str, str]]) -> Table:
    table = _table("The map")
    for name in ("year", "area", "water, km2", "land, km2", "not seen, km2"):
        table.add_column(name, justify="left" if name in ("year", "area") else "right")
    for row in rows:
        numbers = (f"{float(row[key]):,.1f}" for key in ("water_km2", "land_km2", "unseen_km2"))
        table.add_row(row["year"], row["area"], *numbers)
    return table


def _parity(layout: Layout) -> Text | None:
    content = found.json_or_none(layout.export / "export.json") or {}
    parity = content.get("parity")
    if not isinstance(parity, Mapping):
        return None
    verdict = "equal to" if parity.get("equal") else "DIFFERENT from"
    text = Text("Exported network: ", style="bold")
    text.append(
        f"{verdict} PyTorch on {parity.get('pixels', 0):,} pixels, largest difference {parity.get('max_abs', 0):.1e}, "
        f"{parity.get('flips', 0)} classes differ; {content.get('calls', '?')} operations",
        style="not bold",
    )
    return text


def _where(layout: Layout) -> Text:
    places = {
        "the page": layout.reports / "index.html",
        "the maps": layout.maps,
        "the Earth Engine code": layout.export / "code_editor.js",
    }
    text = Text("Where to look\n", style="bold")
    for name, path in places.items():
        if path.exists():
            text.append(f"  {name:<22} {path}\n", style="not bold")
    text.append("  the runs               make ui", style="not bold")
    return text
