"""Pictures of what noise removal did: one of a tile, and a summary of all."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from water_gee.board import board
from water_gee.denoise.labels import CleanLabel, Reason
from water_gee.denoise.panels import CHANGES, REASONS, WHY, tile_panels
from water_gee.denoise.summary import CHANGES as SIDES
from water_gee.denoise.summary import changed, count
from water_gee.drawing import drawing
from water_gee.panels import MUTED, Code
from water_gee.tiles import TileData

_WIDTH, _COLUMNS = 14.6, 4  # inches; a tile of 512 pixels is shown whole
_OUTCOMES = {
    "kept_land": WHY[0],
    "kept_water": WHY[1],
    "water_to_land": Code("water to land", CHANGES[2].colour),
    "land_to_water": Code("land to water", CHANGES[3].colour),
    "unsure": REASONS[Reason.UNSURE],
    "outlier": REASONS[Reason.OUTLIER],
    "neighbour": REASONS[Reason.NEIGHBOUR],
    "unseen": Code("not seen", "#343b44"),
}
_KINDS = {"most_changed": ("D", CHANGES[2].colour), "least_sure": ("s", REASONS[Reason.SHORE].colour)}


def draw_tile(path: Path, tile: TileData, clean: CleanLabel, method: str) -> None:
    """Draw a tile's own pixels: composite, labels, what changed and why, how sure they are, and the evidence."""
    record = tile.record
    counts = count(clean, tile.label, record)
    labelled = sum(counts[key] for key in ("kept_land", "kept_water", *SIDES))
    extent = record.size * record.scale
    wide = f"{extent / 1000:.1f} km" if record.scale >= 0.1 else f"{extent:.3g} degrees"
    heading = (
        f"{record.area}/{record.id}, {wide} wide, labels by denoise={method}\n"
        f"Of {labelled:,} labels {counts['water_to_land']:,} went from water to land and {counts['land_to_water']:,} "
        f"from land to water. {counts['pixels'] - labelled:,} pixels have no label, {counts['unsure']:,} of them since "
        "the method was too unsure."
    )
    board(path, tile_panels(tile, clean), _COLUMNS, _WIDTH, heading)


def draw_summary(path: Path, content: dict[str, Any]) -> None:
    """Draw what became of all labels by area, the changes by reason and by class, and each tile's change and sureness.

    Args:
        path: the PNG to write.
        content: the content of `report.json`.
    """
    groups = {**content["areas"], "all": content["total"]}
    exact = [*_OUTCOMES.values()]
    with drawing(path, 2.6 + 0.5 * len(groups) + 3.4, 12.0, exact) as figure:
        axes = figure.subplots(2, 2, height_ratios=[1.6 + 0.5 * len(groups), 4.0])
        _draw_outcomes(axes[0, 0], groups)
        _draw_classes(axes[0, 1], groups)
        _draw_reasons(axes[1, 0], content["changes"]["total"])
        _draw_tiles(axes[1, 1], content)
        given = sum(content["total"][key] for key in ("kept_land", "kept_water", *SIDES))
        title = f"Labels by denoise={content['method']}: {len(content['tiles'])} tiles, {given:,} labels"
        figure.suptitle(title, x=0.01, ha="left", weight="bold")


def _draw_outcomes(axes: Axes, groups: dict[str, dict[str, int]]) -> None:
    left = np.zeros(len(groups))
    for key, code in _OUTCOMES.items():
        share = np.array([100 * one[key] / max(one["pixels"], 1) for one in groups.values()])
        if share.any():
            axes.barh(list(groups), share, left=left, color=code.colour, label=code.name)
            left += share
    axes.set(title="What became of the pixels", xlabel="share of all pixels (%)", xlim=(0, 100))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=3, fontsize=9, handlelength=1.2)


def _draw_classes(axes: Axes, groups: dict[str, dict[str, int]]) -> None:
    names = {
        "water_to_land": ("kept_water", "of raw water, now land"),
        "land_to_water": ("kept_land", "of raw land, now water"),
    }
    for offset, (flip, (kept, name)) in zip((-0.2, 0.2), names.items(), strict=True):
        share = [100 * one[flip] / max(one[flip] + one[kept], 1) for one in groups.values()]
        bars = axes.barh(np.arange(len(groups)) + offset, share, height=0.38, color=_OUTCOMES[flip].colour, label=name)
        axes.bar_label(bars, labels=[f"{value:.2f} %" for value in share], padding=3, fontsize=9)
    axes.set(title="Labels that changed sides", xlabel="share of the class (%)")
    _finish_bars(axes, list(groups), 0.25)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2, fontsize=9, handlelength=1.2)


def _draw_reasons(axes: Axes, changes: dict[str, dict[str, int]]) -> None:
    """Draw how many labels changed for which reason, in either direction."""
    reasons = [reason for reason in REASONS if any(changes[side][reason.name.lower()] for side in SIDES)]
    for offset, side in zip((-0.2, 0.2), SIDES, strict=True):
        counts = [changes[side][reason.name.lower()] for reason in reasons]
        code = _OUTCOMES[side]
        bars = axes.barh(np.arange(len(reasons)) + offset, counts, height=0.38, color=code.colour, label=code.name)
        axes.bar_label(bars, labels=[f"{value:,}" for value in counts], padding=3, fontsize=9)
    axes.set(title="Why labels changed", xlabel="labels" if reasons else "no label changed")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _finish_bars(axes, [REASONS[reason].name for reason in reasons], 0.2)
    if reasons:
        axes.legend(loc="lower right", fontsize=9, handlelength=1.2)


def _finish_bars(axes: Axes, names: list[str], room: float) -> None:
    axes.set_yticks(np.arange(len(names)), names)
    axes.margins(x=room)  # for the numbers
    axes.set_xlim(left=0, right=max(axes.get_xlim()[1], 1))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def _draw_tiles(axes: Axes, content: dict[str, Any]) -> None:
    """Draw each tile by how many of its labels changed and by how sure its labels are."""
    places = {
        f"{row['area']}/{row['id']}": (changed(row["counts"]), row["sureness"])
        for row in content["tiles"]
        if row["sureness"] is not None
    }
    shown = {name for names in content["shown"].values() for name in names}
    rest = _columns([place for name, place in places.items() if name not in shown])
    axes.plot(*rest, "o", color=MUTED, alpha=0.5, markersize=5, label="tiles")
    for kind, (mark, colour) in _KINDS.items():
        chosen = _columns([places[name] for name in content["shown"][kind]])
        axes.plot(*chosen, mark, color=colour, markersize=6, label=f"{kind.replace('_', ' ')}, drawn")
    axes.set(title="Which tiles to look at", xlabel="labels changed", ylabel="mean probability of the labels")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlim(left=0)
    axes.legend(loc="best", fontsize=9)


def _columns(places: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [place[0] for place in places], [place[1] for place in places]
