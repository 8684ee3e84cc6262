"""Stage `summary`: what was made, in a few tables on the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from water_gee.config.settings import Settings
from water_gee.errors import WaterGeeError
from water_gee.evaluation import METHODS, reference_hashes
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import found
from water_gee.report.accuracy import ranked, signed
from water_gee.report.palette import METHOD_NAMES
from water_gee.sealed import read_checked, read_sealed

_ADVICE = "run again: water-gee evaluate"
_MEASURES = {"iou": "IoU", "f1": "F1", "precision": "precision", "recall": "recall"}


def run(settings: Settings) -> None:
    """Print the accuracy, the map's area, the export's parity, and where to look, on standard output.

    Raises:
        ModelError: nothing is selected.
        WaterGeeError: there is no evaluation of what is selected, or a file was changed since it was written.
    """
    layout = Layout.of(settings)
    made = found.products(layout)
    metrics, details = measured(layout, made.checkpoint.sha256)
    for name, known in reference_hashes(settings, layout).items():
        if details.get("reference_files", {}).get(name) != known:
            say(f"the reference {name} was changed since it was measured against; {_ADVICE}")
    Console(highlight=False).print(summary(layout, made, metrics, details))


def measured(layout: Layout, model_sha256: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the contents of `metrics.json` and `details.json`, which must be of the model that is deployed now.

    Raises:
        WaterGeeError: there is no evaluation yet, it was changed since, or it is of another model or study.
    """
    path = layout.reports / "details.json"
    if not path.is_file():
        raise WaterGeeError(f"{path} does not exist; run first: water-gee evaluate")
    details = read_sealed(path, _ADVICE, study=layout.study)
    metrics = json.loads(read_checked(layout.reports / "metrics.json", details.get("metrics_sha256"), _ADVICE))
    read_checked(layout.reports / "index.html", details.get("page_sha256"), _ADVICE)
    if details.get("model_sha256") != model_sha256:
        raise WaterGeeError(f"{layout.reports} is of another model than the one that is selected; {_ADVICE}")
    return metrics, details


def summary(
    layout: Layout, made: found.Products, metrics: Mapping[str, Any], details: Mapping[str, Any]
) -> RenderableType:
    """Return the tables."""
    parts: list[RenderableType] = [
        _accuracy(name, measures, details.get("references", {}).get(name, {})) for name, measures in metrics.items()
    ]
    if made.areas:
        parts.append(_areas(made.areas))
    if made.export is not None:
        parts.append(_parity(made.export, made.parity))
    parts += [Text(sentence, style="bold red") for sentence in made.stale]
    parts.append(_where(layout))
    head = Text(f"Water_gee, study {layout.study}", style="bold")
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


def _areas(rows: Sequence[Mapping[str, str]]) -> Table:
    table = _table("The map")
    for name in ("year", "area", "water, km2", "land, km2", "not seen, km2"):
        table.add_column(name, justify="left" if name in ("year", "area") else "right")
    for row in rows:
        numbers = (f"{float(row[key]):,.1f}" for key in ("water_km2", "land_km2", "unseen_km2"))
        table.add_row(row["year"], row["area"], *numbers)
    return table


def _parity(content: Mapping[str, Any], parity: Mapping[str, Any]) -> Text:
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
