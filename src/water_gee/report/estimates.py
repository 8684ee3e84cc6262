"""The parts of the page on accuracy beyond one table: by labelled points, by circumstance, and of the probabilities."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from water_gee.amounts import km2
from water_gee.drawing import drawing
from water_gee.panels import MUTED
from water_gee.report.page import Cell, Figure, Row, Section, Table
from water_gee.report.palette import METHOD_COLOURS

_MEASURES = {"users": "User's accuracy", "producers": "Producer's accuracy", "iou": "IoU", "f1": "F1"}
_LEFT_OUT = {
    "unsure": "not sure of",
    "unlabelled": "not labelled",
    "not_shown": "not shown by the map",
}


def survey(found: Mapping[str, Any] | None) -> Section:
    """Return the section on accuracy and area by labelled points; empty without them."""
    part = Section("survey", "Accuracy and area by labelled points")
    if not found:
        return part
    counts = found["counts"]
    left = ", ".join(f"{counts[name]} {what}" for name, what in _LEFT_OUT.items() if counts[name])
    part.texts.append(
        f"{counts['labelled']:,} of {counts['points']:,} points of the map of {found['year']}, drawn at random within "
        f"strata and labelled by hand{f' ({left})' if left else ''}. The estimates are area-adjusted (Stehman 2014; "
        "Olofsson et al. 2014 where strata are the map's classes): they speak for all that the sampled map shows. "
        "Beside each stands its 95 % interval (Wilson's, with the number of points that the sample is worth)."
    )
    if found["map"] == "another":
        text = "The points were drawn from an earlier map: strata and areas are of all the ground that it showed."
        if hidden := counts["not_shown"]:
            text += f" The present map does not show {hidden:,} of them; it is judged as if they were like the others."
        part.texts.append(text)
    if unsure := found.get("if_unsure"):
        part.texts.append(
            f"Were the map wrong on all points that the labeller was not sure of, overall accuracy would be "
            f"{unsure['wrong']:.4f}; were it right on them, {unsure['right']:.4f}."
        )
    part.tables += [_classes(found), _strata(found["strata"])]
    return part


def _classes(found: Mapping[str, Any]) -> Table:
    rows = []
    for name, of in found["classes"].items():
        cells = [_share(of[measure]) for measure in _MEASURES]
        area = Cell(km2(of["area_km2"]["value"]), f"{km2(of['area_km2']['low'])}-{km2(of['area_km2']['high'])}")
        rows.append(Row.of(name, *cells, area, km2(of["mapped_km2"])))
    overall, kappa = found["overall"], found["kappa"]
    note = f"Overall accuracy {overall['value']:.4f}, {_span(overall)}, standard error {overall['error']:.4f}."
    if kappa["value"] is not None:
        note += f" Kappa {kappa['value']:.3f}, {kappa['low']:.3f} to {kappa['high']:.3f}."
    columns = ("Class", *_MEASURES.values(), "Area, km²", "Mapped, km²")
    return Table(columns, tuple(rows), "Estimated from the points", note=note)


def _strata(strata: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        Row.of(
            one["stratum"].replace("_", ", "), km2(one["area_km2"]), f"{one['points']:,}", f"{one['labelled']:,}",
            f"{one['water']:,}",
        )
        for one in strata
    )  # fmt: skip
    note = "Doubtful pixels are near the map's other class, or of a probability that does not exclude it."
    return Table(("Stratum", "Area, km²", "Points", "That count", "Water"), rows, "The sample", note=note)


def circumstances(rows: Sequence[Mapping[str, Any]]) -> Section:
    """Return the section on the model's accuracy by circumstance; empty without a reference."""
    part = Section("circumstances", "Where the map is good")
    if not rows:
        return part
    lines = []
    for row in rows:
        model = row["model"]
        band = row["qa_water"]["iou"]
        cells = [_share(_named(model, measure), digits=3) for measure in ("iou", "f1", "users", "producers")]
        lines.append(Row.of(row["what"], *cells, "-" if band is None else f"{band:.3f}", f"{row['pixels']:,}"))
    part.tables.append(
        Table(
            ("Circumstance", "IoU", "F1", "User's", "Producer's", "IoU, quality band", "Pixels"),
            tuple(lines),
            "The model by circumstance, against the first reference",
            note="A pixel may be in several. Beside each stands its 95 % interval, bootstrapped over places. Where a "
            "circumstance holds water alone, only the share that was found (producer's accuracy) means something.",
            wrap=True,
        )
    )
    return part


def reliability(folder: Path, found: Mapping[str, Any]) -> Section:
    """Return the section on the calibrated probability, with its diagram; empty without a reference."""
    part = Section("reliability", "What the probability means")
    if not found or not found["bins"]:
        return part
    span = f" ({found['ece_low']:.4f} to {found['ece_high']:.4f})" if "ece_low" in found else ""
    part.texts.append(
        f"Expected calibration error {found['ece']:.4f}{span}, Brier score {found['brier']:.4f}, against the reference "
        f"“{found['reference']}”."
    )
    path = folder / "reliability.png"
    _diagram(path, found["bins"])
    part.figures.append(
        Figure(
            path, "Reliability diagram",
            "On the diagonal a probability is the share of water among the pixels that have it. Bands are 95 % "
            "intervals, bootstrapped over places; below, how many pixels have each probability.",
        )
    )  # fmt: skip
    rows = tuple(
        Row.of(
            f"{one['from']:.2f}-{one['to']:.2f}", f"{one['probability']:.3f}",
            Cell(f"{one['water']:.3f}", _between(one)),
            f"{one['pixels']:,}",
        )
        for one in found["bins"]
    )  # fmt: skip
    part.tables.append(Table(("Probability", "Mean", "Share of water", "Pixels"), rows, "The same in numbers"))
    return part


def _diagram(path: Path, bins: Sequence[Mapping[str, Any]]) -> None:
    means, shares = [one["probability"] for one in bins], [one["water"] for one in bins]
    with drawing(path, 4.6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
        if all("water_low" in one for one in bins):
            lows, highs = [one["water_low"] for one in bins], [one["water_high"] for one in bins]
            upper.fill_between(means, lows, highs, color=METHOD_COLOURS["model"], alpha=0.25, linewidth=0)
        upper.plot(means, shares, "o-", markersize=4, color=METHOD_COLOURS["model"])
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is water")
        middles = [(one["from"] + one["to"]) / 2 for one in bins]
        widths = [0.9 * (one["to"] - one["from"]) for one in bins]
        lower.bar(middles, [one["pixels"] for one in bins], widths, color=MUTED)
        lower.set(yscale="log", xlabel="calibrated probability of water", ylabel="pixels")


def as_rows(found: Mapping[str, Any]) -> list[list[str]]:
    """Return the estimates by labelled points as rows of a table: measure, class, value, standard error, bounds."""
    entries = [("overall_accuracy", "", found["overall"]), ("kappa", "", found["kappa"])]
    for name, of in found["classes"].items():
        entries += [(measure, name, of[measure]) for measure in (*_MEASURES, "area_km2")]
    rows = [["measure", "class", "value", "standard_error", "low", "high"]]
    for measure, name, of in entries:
        numbers = ("" if of[key] is None else f"{of[key]:.6f}" for key in ("value", "error", "low", "high"))
        rows.append([measure, name, *numbers])
    return rows


def _named(measures: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"value": measures[name], "low": measures.get(f"{name}_low"), "high": measures.get(f"{name}_high")}


def _share(found: Mapping[str, Any], digits: int = 4) -> Cell:
    if found["value"] is None:
        return Cell("-")
    note = "" if found["low"] is None else f"{found['low']:.{digits}f}-{found['high']:.{digits}f}"
    return Cell(f"{found['value']:.{digits}f}", note)


def _between(one: Mapping[str, Any]) -> str:
    return f"{one['water_low']:.3f}-{one['water_high']:.3f}" if "water_low" in one else ""


def _span(found: Mapping[str, Any]) -> str:
    return f"95 % interval {found['low']:.4f} to {found['high']:.4f}"
