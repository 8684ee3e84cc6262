"""Figures that are charts: accuracy, training, area by year, the study's tiles."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from water_gee.amounts import km2
from water_gee.drawing import WIDTH, drawing
from water_gee.panels import INK, MUTED
from water_gee.report.area_years import is_seen, unseen_share
from water_gee.report.palette import AREA_COLOURS, METHOD_COLOURS, METHOD_NAMES
from water_gee.tiles import TileRecord

Rows = Sequence[Mapping[str, str]]


def accuracy(path: Path, metrics: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """Draw the IoU of every method against every reference, with its 95 % interval."""
    lines = [(reference, method) for reference in metrics for method in _methods(reference, metrics, details)]
    with drawing(path, 0.75 + 0.42 * len(lines) + 0.35 * len(metrics)) as figure:
        axes = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)
        for axis, reference in zip(axes[:, 0], metrics, strict=True):
            _intervals(axis, reference, metrics, details)
            axis.set_title(f"Against the reference “{reference}”")
        low, high = axes[0, 0].get_xlim()
        axes[0, 0].set_xlim(max(0.0, low - 0.01), high + 0.2 * (high - low))  # room for the numbers
        axes[-1, 0].set_xlabel("intersection over union of water (right is better)")


def _methods(reference: str, metrics: Mapping[str, Any], details: Mapping[str, Any]) -> list[str]:
    order = ("mndwi_0", "qa_water", "clean_label", "model")
    known = set(metrics[reference]) | set(details["references"][reference].get("where_denoised", {}))
    return [method for method in order if method in known]


def _intervals(axis: Axes, reference: str, metrics: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    methods = _methods(reference, metrics, details)
    denoised = details["references"][reference].get("where_denoised", {})
    intervals = {**denoised.get("iou_intervals", {}), **details["references"][reference].get("iou_intervals", {})}
    for height, method in enumerate(methods):
        value = (metrics[reference].get(method) or denoised[method])["iou"]
        colour = METHOD_COLOURS[method]
        right = value
        if method in intervals:
            low, right = intervals[method]["low"], intervals[method]["high"]
            axis.plot([low, right], [height, height], color=colour, linewidth=5, alpha=0.3, solid_capstyle="round")
        axis.plot([value], [height], "o", color=colour, markersize=8)
        axis.annotate(
            f"{value:.3f}", (max(right, value), height), (10, 0), textcoords="offset points", va="center", color=INK
        )
    axis.set_yticks(range(len(methods)), [METHOD_NAMES[method] for method in methods], color=INK)
    axis.set_ylim(-0.6, len(methods) - 0.4)
    axis.grid(axis="y", visible=False)


def training(path: Path, curves: bytes) -> bool:
    """Draw the loss and the validation IoU by epoch; return whether `curves`, a `curves.csv`, holds them."""
    try:
        table = csv.DictReader(io.StringIO(curves.decode(), newline=""))
        rows = [{key: float(value) for key, value in row.items()} for row in table]
    except (ValueError, TypeError):
        return False
    if not rows or not {"epoch", "train_loss", "valid_loss", "valid_iou"} <= set(rows[0]):
        return False
    epochs = [row["epoch"] + 1 for row in rows]
    with drawing(path, 2.9) as figure:
        left, right = figure.subplots(1, 2)
        for name, label, colour in (
            ("train_loss", "training", METHOD_COLOURS["mndwi_0"]),
            ("valid_loss", "validation", METHOD_COLOURS["model"]),
        ):
            left.plot(epochs, [row[name] for row in rows], "o-", markersize=4, color=colour, label=label)
        left.set_title("Loss")
        left.legend()
        scores = [row["valid_iou"] for row in rows]
        right.plot(epochs, scores, "o-", markersize=4, color=METHOD_COLOURS["model"])
        best = scores.index(max(scores))
        right.plot([epochs[best]], [scores[best]], "o", markersize=10, fillstyle="none", color=INK)
        right.set_title(f"Validation IoU, best {scores[best]:.3f}")
        for axis in (left, right):
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
    return True


def area(path: Path, rows: Rows) -> None:
    """Draw the water area of each year with its 95 % interval, and how much was not seen."""
    years = [row["year"] for row in rows]
    water = [float(row["water_km2"]) for row in rows]
    unseen = [float(row["unseen_km2"]) for row in rows]
    most = 1e-9
    with drawing(path, 0.95 + 0.5 * len(rows)) as figure:
        axis = figure.subplots()
        axis.barh(years, water, height=0.6, color=METHOD_COLOURS["model"])
        for number, (value, hidden) in enumerate(zip(water, unseen, strict=True)):
            low, high = (float(rows[number].get(f"water_{end}_km2") or value) for end in ("low", "high"))
            if high > low:
                axis.plot([low, high], [number, number], color=INK, linewidth=1.4, marker="|", markersize=9)
            most = max(most, value, high)
            is_told = hidden >= 0.05 or unseen_share(rows[number]) >= 0.01
            note = f"{km2(value)} km²" + (f", {km2(hidden)} not seen" if is_told else "")
            note = note if is_seen(rows[number]) else "not seen"
            axis.annotate(note, (max(value, high), number), (6, 0), textcoords="offset points", va="center")
        axis.set_xlim(0, most * 1.75)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_xlabel("water, km²")
        axis.grid(axis="y", visible=False)


def study(path: Path, records: Sequence[TileRecord], unit: str) -> None:
    """Draw the tiles of each area on the study's grid, shaded by their share of water."""
    names = list(dict.fromkeys(record.area for record in records))
    colours = {name: AREA_COLOURS[number % len(AREA_COLOURS)] for number, name in enumerate(names)}
    year = max(record.year for record in records)
    shown = [record for record in records if record.year == year]
    left, right = min(record.left for record in shown), max(record.right for record in shown)
    bottom, top = min(record.bottom for record in shown), max(record.top for record in shown)
    ratio = min(max((top - bottom) / (right - left), 0.3), 1.3)
    with drawing(path, WIDTH * 0.85 * ratio + 0.95) as figure:
        axis = figure.subplots()
        for record in shown:
            inset = record.margin * record.scale
            side = record.size * record.scale
            share = record.water_pixels / record.clear_pixels if record.clear_pixels else 0.0
            corner = (record.left + inset, record.bottom + inset)
            colour = colours[record.area]
            if record.status == "ok":
                axis.add_patch(Rectangle(corner, side, side, facecolor=colour, alpha=0.12 + 0.8 * share, linewidth=0))
            hatch = None if record.status == "ok" else "////"
            axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=colour, linewidth=0.8, hatch=hatch))
        axis.set_xlim(left, right)
        axis.set_ylim(bottom, top)
        axis.set_aspect("equal")
        thousand = 1000 if unit == "metres" else 1
        for ruler in (axis.xaxis, axis.yaxis):
            ruler.set_major_formatter(lambda value, _: f"{value / thousand:,.6g}")
        axis.locator_params(nbins=4)
        axis.set_xlabel(f"{shown[0].crs}, {'kilometres' if thousand > 1 else unit}")
        handles = [Patch(facecolor=colours[name], alpha=0.5, label=name) for name in names]
        if any(record.status != "ok" for record in shown):
            handles.append(Patch(fill=False, hatch="////", edgecolor=MUTED, label="empty or failed"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
