"""Pictures of what noise removal did: image, raw label, clean label, and the difference; and one summary."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from water_gee.denoise.labels import ABSTAIN, LAND, WATER, CleanLabel
from water_gee.denoise.store import read_clean
from water_gee.denoise.summary import count, outcomes
from water_gee.files import atomic
from water_gee.paths import Layout
from water_gee.tiles import TileData, TileRecord, load_tile

Float = NDArray[np.float32]
_COMPOSITES = (("swir1", "nir", "green"), ("nir", "red", "green"), ("red", "green", "blue"))
_LABELS = {LAND: ("land", "#e8dcc0"), WATER: ("water", "#2166ac"), ABSTAIN: ("no label", "#9e9e9e")}
# Colours that stay apart for colour-blind readers (Okabe and Ito for the two changes).
_OUTCOMES = {
    "kept_land": ("land, kept", "#efe6d0"),
    "kept_water": ("water, kept", "#9ecae1"),
    "water_to_land": ("water to land", "#d55e00"),
    "land_to_water": ("land to water", "#7b1fa2"),
    "unseen": ("fill or cloud", "#6f6f6f"),
    "neighbour": ("near fill or cloud", "#b5b5b5"),
    "unsure": ("too unsure", "#f0e442"),
    "outlier": ("outlier", "#cc79a7"),
}
_DPI = 110


def draw_tile(path: Path, layout: Layout, record: TileRecord, method: str) -> None:
    """Draw a tile's own pixels: image, raw label, clean label, and what became of each label."""
    tile, clean = load_tile(layout, record), read_clean(layout, record)
    counts = count(clean, tile.label, record)
    image, bands = composite(tile)
    figure = Figure(figsize=(17, 5.3))
    axes = figure.subplots(1, 4)
    figure.subplots_adjust(left=0.005, right=0.995, bottom=0.1, top=0.88, wspace=0.03)
    _show(axes[0], image, f"image ({bands}; grey: nothing seen)")
    _show(axes[1], _paint(tile.label[tile.core], _LABELS), "raw label (quality band)")
    _show(axes[2], _paint(clean.label[tile.core], _LABELS), f"clean label ({method})")
    _show(axes[3], _paint(_outcome(clean, tile), dict(enumerate(_OUTCOMES.values()))), "what changed")
    _legend(axes[1], list(_LABELS.values()))
    _legend(axes[2], list(_LABELS.values()))
    _legend(axes[3], [_OUTCOMES[key] for key in _OUTCOMES if counts[key]])
    labelled = sum(counts[key] for key in _OUTCOMES if key not in ("unseen", "neighbour", "unsure", "outlier"))
    figure.suptitle(
        f"{record.area} {record.id}, {record.size * record.scale / 1000:.1f} km wide, denoise={method}: "
        f"of {labelled:,} labels {counts['water_to_land']:,} went from water to land, "
        f"{counts['land_to_water']:,} from land to water; {counts['pixels'] - labelled:,} pixels are not used"
    )
    _save(figure, path)


def composite(tile: TileData) -> tuple[Float, str]:
    """Return the tile's own pixels as a colour image [y, x, 3] in 0..1, grey where masked, and its bands' names."""
    names = next((names for names in _COMPOSITES if set(names) <= set(tile.names)), (tile.names[0],) * 3)
    bands = np.stack([tile.band(name)[tile.core] for name in names], axis=-1)
    seen = np.asarray(~np.isnan(bands).any(axis=-1))
    low, high = np.percentile(bands[seen], [2, 98], axis=0) if seen.any() else (np.zeros(3), np.ones(3))
    stretched = np.clip((bands - low) / np.maximum(high - low, 1e-6), 0, 1)
    image = np.where(seen[..., None], stretched, 0.62).astype(np.float32)
    return image, ", ".join(dict.fromkeys(names))


def draw_summary(path: Path, content: dict[str, Any]) -> None:
    """Draw the outcome of all labels by area, what share of each class changed, and the tiles in order of change.

    Args:
        path: the PNG to write.
        content: the content of `report.json`.
    """
    groups = {**content["areas"], "all": content["total"]}
    figure = Figure(figsize=(15, 4.8), layout="constrained")
    shares, classes, order = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    left = np.zeros(len(groups))
    for key, (name, colour) in _OUTCOMES.items():
        share = np.array([100 * one[key] / max(one["pixels"], 1) for one in groups.values()])
        if share.any():
            shares.barh(list(groups), share, left=left, color=colour, label=name, edgecolor="white", linewidth=0.4)
            left += share
    shares.set(title="what became of the pixels", xlabel="share of all pixels (%)", xlim=(0, 100))
    shares.invert_yaxis()
    shares.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=8, frameon=False)
    _draw_classes(classes, groups)
    _draw_order(order, content["tiles"])
    used = sum(content["total"][key] for key in ("kept_land", "kept_water", "water_to_land", "land_to_water"))
    figure.suptitle(f"denoise={content['method']}: {len(content['tiles'])} tiles, {used:,} labelled pixels")
    _save(figure, path)


def _draw_classes(axes: Axes, groups: dict[str, dict[str, int]]) -> None:
    places = np.arange(len(groups))
    for offset, flip, kept, name in (
        (-0.2, "water_to_land", "kept_water", "of raw water, now land"),
        (0.2, "land_to_water", "kept_land", "of raw land, now water"),
    ):
        share = [100 * one[flip] / max(one[flip] + one[kept], 1) for one in groups.values()]
        bars = axes.barh(places + offset, share, height=0.38, color=_OUTCOMES[flip][1], label=name)
        axes.bar_label(bars, labels=[f"{value:.1f} %" for value in share], padding=3, fontsize=8)
    axes.set(title="labels that changed sides", xlabel="share of the class (%)", yticks=places, yticklabels=[*groups])
    axes.margins(x=0.18)
    axes.set_xlim(left=0, right=max(axes.get_xlim()[1], 1))
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=8, frameon=False)


def _draw_order(axes: Axes, rows: list[dict[str, Any]]) -> None:
    shares = []
    for counts in (row["counts"] for row in rows):
        flips = counts["water_to_land"] + counts["land_to_water"]
        shares.append(100 * flips / max(flips + counts["kept_water"] + counts["kept_land"], 1))
    axes.bar(np.arange(1, len(shares) + 1), sorted(shares, reverse=True), width=0.9, color="#555555")
    axes.set(title="how unevenly the change is spread", xlabel="tiles, most changed first", ylabel="labels changed (%)")
    axes.set_ylim(bottom=0, top=max(1.0, 1.05 * max(shares)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _outcome(clean: CleanLabel, tile: TileData) -> NDArray[np.uint8]:
    """Return, for the tile's own pixels, the place of each one's outcome among `_OUTCOMES`."""
    found = outcomes(clean.label[tile.core], clean.reason[tile.core], tile.label[tile.core])
    return np.select([found[name] for name in _OUTCOMES], list(range(len(_OUTCOMES)))).astype(np.uint8)


def _paint(codes: NDArray[np.uint8], colours: dict[int, tuple[str, str]]) -> Float:
    """Return codes [y, x] in colours, [y, x, 3]."""
    table = np.zeros((256, 3), dtype=np.float32)
    for code, (_, colour) in colours.items():
        table[code] = to_rgb(colour)
    painted: Float = table[codes]
    return painted


def _show(axes: Axes, image: Float, title: str) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set(title=title, xticks=[], yticks=[])


def _legend(axes: Axes, entries: list[tuple[str, str]]) -> None:
    patches = [Patch(facecolor=colour, edgecolor="#666666", label=name) for name, colour in entries]
    axes.legend(
        handles=patches,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=3,
        fontsize=8.5,
        columnspacing=1.2,
        frameon=False,
    )


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the picture alone."""
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, metadata={"Software": None})
