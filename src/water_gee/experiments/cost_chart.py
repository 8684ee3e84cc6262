"""The chart of accuracy against multiply-adds a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from water_gee.drawing import drawing
from water_gee.experiments.networks import TrainedNetwork
from water_gee.panels import INK, MUTED
from water_gee.report import AREA_COLOURS

_WITHIN = 0.01  # IoU: what a cheaper network may lose
_NEAR = 1.35  # cost of a network, that of another by which their numbers would lie on each other
_PLACES = ((0, 8), (13, -4), (-13, -4), (0, -18), (15, 9), (-15, 9), (15, -17), (-15, -17))  # of numbers, in points
_QUARTER = 0.25  # of the multiply-adds of the costliest network


def draw(
    path: Path, shown: Sequence[TrainedNetwork], tested: Mapping[str, Mapping[str, float]], references: Sequence[str]
) -> None:
    """Draw the IoU of validation and of each test reference against cost; write it to `path` as a PNG.

    Args:
        path: of the PNG.
        shown: the networks, the costliest first; the others are compared with it.
        tested: IoU by run folder and reference.
        references: the references, in the order of the panels.
    """
    series = [("Validation", [one.validation for one in shown])]
    for name in references:
        values = [tested[one.checkpoint.path.parent.name].get(name, float("nan")) for one in shown]
        series.append((f"Test, against the reference “{name}”", values))
    with drawing(path, 1.3 + 2.5 * len(series) + 0.22 * len(shown), width=7.6) as figure:
        axes = figure.subplots(len(series), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (title, values) in zip(axes, series, strict=True):
            _panel(axis, shown, values)
            axis.set_title(title)
        axes[-1].set_xlabel("multiply-adds a pixel (left is cheaper)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=1, fontsize=9)


def _panel(axis: Axes, shown: Sequence[TrainedNetwork], values: Sequence[float]) -> None:
    full = values[0]
    for number, (one, value) in enumerate(zip(shown, values, strict=True)):
        marker, colour = ("s", AREA_COLOURS[0]) if one.pruned else ("o", AREA_COLOURS[1])
        if one.distilled:
            marker, colour = "^", AREA_COLOURS[2]
        axis.plot(
            [one.macs], [value], marker, color=colour, markersize=8, label=f"{number + 1}  {one.name}", linestyle=""
        )
        beside = sum(other.macs < _NEAR * one.macs for other in shown[:number])  # of networks that cost as much
        place = _PLACES[beside % len(_PLACES)]
        axis.annotate(str(number + 1), (one.macs, value), place, textcoords="offset points", ha="center", color=INK)
    axis.axhline(full - _WITHIN, color=MUTED, linewidth=1, linestyle="--")
    axis.axvline(_QUARTER * shown[0].macs, color=MUTED, linewidth=1, linestyle=":")
    axis.annotate(
        "one point below the costliest", (1, full - _WITHIN), (-4, -12), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", color=MUTED, fontsize=9,
    )  # fmt: skip
    axis.annotate(
        "a quarter of its cost", (_QUARTER * shown[0].macs, 1), (4, -14), xycoords=("data", "axes fraction"),
        textcoords="offset points", color=MUTED, fontsize=9,
    )  # fmt: skip
    axis.set_xscale("log")
    ticks = sorted({one.macs for one in shown})
    axis.set_xticks([], minor=True)
    spaced = [tick for place, tick in enumerate(ticks) if place == 0 or tick > 1.35 * ticks[place - 1]]
    axis.set_xticks(spaced, [f"{tick:,}" for tick in spaced])
    low, high = min([*values, full - _WITHIN]), max(values)
    axis.set_ylim(low - 0.15 * (high - low), high + 0.25 * (high - low))
    axis.set_ylabel("intersection over union")
