"""The chart of the ladder: what each method leaves of each kind of noise, and what networks make of the labels."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from water_gee.drawing import drawing
from water_gee.ladder import RAW, TRUTH, Measured, Row, Taught
from water_gee.panels import INK, LINE, MUTED
from water_gee.report import AREA_COLOURS

KIND_NAMES = {
    "shadow": "shadow, dark land", "turbid": "turbid, narrow water", "shore": "shifted shores",
    "cloud_shadow": "cloud shadow", "blocks": "missing blocks", "flips": "random flips",
}  # fmt: skip
_LEAST = 3  # panels across at least, so that titles have room


def draw(path: Path, ladders: Sequence[Measured]) -> None:
    """Draw a panel a kind: wrong labels left against those put in, a line a method; below, networks' IoU.

    The dashed line is a method that mends nothing; bars are intervals of 95 %.
    """
    kinds = list(dict.fromkeys(row.kind for row in ladders[0].rows))
    methods = list(dict.fromkeys(row.method for row in ladders[0].rows))
    colours = {method: MUTED if method == RAW else "" for method in methods}
    others = [method for method in methods if method != RAW]
    colours |= {method: AREA_COLOURS[number % len(AREA_COLOURS)] for number, method in enumerate(others)}
    colours[TRUTH] = INK
    heights = [2 if ladder.taught else 1 for ladder in ladders]
    across = max(_LEAST, len(kinds))
    with drawing(path, 0.9 + 2.3 * sum(heights), width=0.6 + 2.25 * across) as figure:
        axes = figure.subplots(sum(heights), across, squeeze=False, sharey="row", sharex="all")
        for axis in axes.flat:
            axis.set_visible(False)
        for number, ladder in enumerate(ladders):
            top = sum(heights[:number])
            for axis, kind in zip(axes[top], kinds, strict=False):
                axis.set_visible(True)
                _labels(axis, [row for row in ladder.rows if row.kind == kind], methods, colours)
                axis.set_title(KIND_NAMES[kind])
            axes[top, 0].set_ylim(bottom=0)
            axes[top, 0].set_ylabel(f"{ladder.study}\nwrong labels left (%)")
            if ladder.taught:
                for axis, kind in zip(axes[top + 1], kinds, strict=False):
                    axis.set_visible(True)
                    _networks(axis, [one for one in ladder.taught if one.kind == kind], colours)
                axes[top + 1, 0].set_ylabel(f"{ladder.study}\nIoU of networks")
        for axis in axes[-1]:
            axis.set_xlabel("wrong labels put in (%)")
            axis.tick_params(labelbottom=True)
        shown: dict[str, Artist] = {}
        for axis in axes.flat:
            handles, labels = axis.get_legend_handles_labels()
            shown = dict(zip(labels, handles, strict=True)) | shown  # a line, where there is one, before a point
        figure.legend([*shown.values()], [*shown], loc="outside lower center", ncols=min(6, len(shown)))


def _labels(axis: Axes, rows: Sequence[Row], methods: Sequence[str], colours: dict[str, str]) -> None:
    rates = sorted({row.rate for row in rows})
    axis.set_xticks(rates, [f"{rate:g}" for rate in rates])
    put = {row.rate: 100 * (row.measures["put"]["all"].value or 0.0) for row in rows}  # less where pixels ran out
    axis.plot(*[[0, max(put.values())]] * 2, color=LINE, linewidth=1, linestyle="--", zorder=1)
    for number, method in enumerate(methods):
        own = sorted((row for row in rows if row.method == method), key=lambda row: row.rate)
        left = [row.measures["left"]["all"] for row in own]
        values = [100 * (one.value or 0.0) for one in left]
        places = [put[row.rate] + _aside(number, len(methods), rates) for row in own]
        axis.plot(places, values, "o-", color=colours[method], markersize=4, linewidth=1.6, label=_name(method))
        for place, one in zip(places, left, strict=True):
            axis.plot(
                [place] * 2,
                [100 * (one.low or 0.0), 100 * (one.high or 0.0)],
                color=colours[method],
                alpha=0.45,
                linewidth=2.5,
            )
    axis.set_xlim(0, rates[-1] + _room(rates))


def _networks(axis: Axes, taught: Sequence[Taught], colours: dict[str, str]) -> None:
    rates = sorted({one.rate for one in taught})
    names = list(dict.fromkeys(each.name for one in taught for each in one.networks))
    for number, name in enumerate(names):
        for one in taught:
            for each in one.networks:
                if each.name == name:
                    place = one.rate + _aside(number, len(names), rates)
                    axis.plot(
                        [place] * 2,
                        [each.interval.low, each.interval.high],
                        color=colours[name],
                        alpha=0.45,
                        linewidth=2.5,
                    )
                    axis.plot(
                        [place],
                        [each.iou],
                        "D" if name == TRUTH else "o",
                        color=colours[name],
                        markersize=5,
                        label=_name(name),
                    )


def _aside(number: int, of: int, rates: Sequence[float]) -> float:
    """Return by how much a method's points stand aside, so that none hides another."""
    return (number - (of - 1) / 2) * 0.7 * _room(rates) / max(of, 4)


def _room(rates: Sequence[float]) -> float:
    return min((high - low for low, high in pairwise(rates)), default=5.0)


def _name(method: str) -> str:
    return {RAW: "none (labels as they are)", TRUTH: "true labels"}.get(method, method)
