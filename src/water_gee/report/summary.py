"""Stage `summary`: what was made, in a few tables on the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from water_gee.amounts import km2
from water_gee.config.settings import Settings
from water_gee.errors import WaterGeeError
from water_gee.evaluation import METHODS, EvaluationArea
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import artifacts
from water_gee.report.accuracy import ranked, signed
from water_gee.report.area_years import is_seen
from water_gee.report.changed import changed_files
from water_gee.report.palette import METHOD_NAMES
from water_gee.report.tables import show, write
from water_gee.sealed import read_checked, read_sealed

_ADVICE = "run again: water-gee evaluate"
_MEASURES = {"iou": "IoU", "f1": "F1", "precision": "precision", "recall": "recall"}
_AREAS = {"water_km2": "water, km2", "land_km2": "land, km2", "unseen_km2": "not seen, km2"}


def run(settings: Settings) -> None:
    """Print the accuracy, the map's area, the export's parity, and where to look, on standard output.

    Raises:
        ModelError: nothing is selected.
        WaterGeeError: there is no evaluation of what is selected, or a file was changed since it was written.
    """
    layout = Layout.of(settings)
    made = artifacts.products(layout)
    metrics, details = measured(layout, made.checkpoint.sha256)
    for name, known in EvaluationArea.of(settings).reference_hashes().items():
        if details.get("reference_files", {}).get(name) != known:
            say(f"the reference {name} was changed since it was measured against; {_ADVICE}")
    for sentence in changed_files(settings, layout):
        say(sentence)
    write()
    write(Text(f"Water_gee, study {settings.study.name}", style="bold"))
    for reference, measures in metrics.items():
        _accuracy(reference, measures, details.get("references", {}).get(reference, {}))
    _areas(made.areas)
    if made.export is not None:
        _parity(made.export, made.parity)
    for sentence in made.stale:
        write()
        write(Text(sentence, style="bold red"))
    _where(layout)


def measured(layout: Layout, model_sha256: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the contents of `metrics.json` and `details.json`, which must be of the model that is deployed now.

    Raises:
        WaterGeeError: there is no evaluation yet, it was changed since, or it is of another model or study.
    """
    path = layout.reports / "details.json"
    if not is_there(path):
        raise WaterGeeError(f"{path} does not exist; run first: water-gee evaluate")
    details = read_sealed(path, _ADVICE, study=layout.study)
    metrics = json.loads(read_checked(layout.reports / "metrics.json", details.get("metrics_sha256"), _ADVICE))
    read_checked(layout.reports / "index.html", details.get("page_sha256"), _ADVICE)
    if details.get("model_sha256") != model_sha256:
        raise WaterGeeError(f"{layout.reports} is of another model than the one that is selected; {_ADVICE}")
    return metrics, details


def _accuracy(reference: str, metrics: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
    best = max(METHODS, key=lambda method: float(metrics[method]["iou"]))
    known = ranked(metrics, detail.get("where_denoised"))
    rows = [["method", *_MEASURES.values(), "pixels"]]
    for method, measures in known:
        rows.append([METHOD_NAMES[method], *(f"{measures[name]:.3f}" for name in _MEASURES), f"{measures['pixels']:,}"])
    write()
    show(
        f"Accuracy on the test area, against “{reference}”",
        rows,
        best=[method for method, _ in known].index(best),
    )
    if difference := detail.get("iou_differences", {}).get("model - qa_water"):
        write(
            f"  model less quality band: {signed(difference['difference'])} IoU "
            f"(95 %: {signed(difference['low'])} to {signed(difference['high'])})"
        )


def _areas(areas: Sequence[Mapping[str, str]]) -> None:
    if not areas:
        return
    rows = [["year", "area", *_AREAS.values()]]
    for row in areas:
        hidden = () if is_seen(row) else ("water_km2", "land_km2")
        rows.append([row["year"], row["area"], *("-" if key in hidden else km2(float(row[key])) for key in _AREAS)])
    write()
    show("The map", rows, texts=2)


def _parity(content: Mapping[str, Any], parity: Mapping[str, Any]) -> None:
    verdict = "equal to" if parity.get("equal") else "DIFFERENT from"
    write()
    write(Text("The exported network", style="bold"))
    write(f"  {verdict} PyTorch on {parity.get('pixels', 0):,} pixels")
    write(f"  largest difference {parity.get('max_abs', 0):.1e}")
    write(f"  {parity.get('flips', 0)} classes differ")
    write(f"  {content.get('calls', '?')} operations")


def _where(layout: Layout) -> None:
    places = {
        "the page": layout.reports / "index.html",
        "the maps": layout.maps,
        "the Earth Engine code": layout.export / "code_editor.js",
    }
    write()
    write(Text("Where to look", style="bold"))
    for name, path in places.items():
        if path.exists():
            write(f"  {name:<22} {path}")
    write("  the runs               make ui")
