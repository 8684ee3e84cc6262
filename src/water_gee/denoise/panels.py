"""A tile's labels as pictures: what was given, what speaks for and against it, what became of it, why, and how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, WATER
from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason
from water_gee.denoise.summary import outcomes
from water_gee.earth import SLOPE_SCALE
from water_gee.panels import ABSTAIN as OPEN
from water_gee.panels import ADDED, REMOVED, UNSEEN, Code, Panel, colour, stretch, used
from water_gee.panels import LAND as DRY
from water_gee.panels import WATER as WET
from water_gee.tiles import WATER_SHARE, TileData

Bytes = NDArray[np.uint8]
Float = NDArray[np.float32]
_COMPOSITES = (("swir1", "nir", "red"), ("nir", "red", "green"), ("red", "green", "blue"))
LABELS = (DRY, WET, OPEN, UNSEEN)
CHANGES = (DRY, WET, replace(REMOVED, name="to land"), replace(ADDED, name="to water"), OPEN, UNSEEN)
# From Okabe and Ito's palette and greys: apart in hue or lightness for every kind of colour vision.
REASONS = {
    Reason.SHORE: Code("shore", "#0072b2"),
    Reason.EVIDENCE: Code("evidence", "#e69f00"),
    Reason.LEARNED: Code("learned", "#009e73"),
    Reason.OBJECT: Code("object", "#cc79a7"),
    Reason.TERRAIN: Code("terrain", "#3d2b1f"),
    Reason.FLIPPED: Code("network", "#d55e00"),
    Reason.UNSURE: Code("too unsure", "#f0e442"),
    Reason.OUTLIER: Code("outlier", "#56b4e9"),
    Reason.NEIGHBOUR: Code("near unseen", "#7b8189"),
    Reason.UNSEEN: UNSEEN,
}
WHY = (Code("land, kept", "#e9e5d8"), Code("water, kept", "#c9d9e8"), *REASONS.values())
_STEPS = (0.6, 0.7, 0.8, 0.9, 0.97)
SURE = (  # viridis, the least sure brightest
    Code("below 0.6", "#fde725"), Code("0.6 to 0.7", "#7ad151"), Code("0.7 to 0.8", "#22a884"),
    Code("0.8 to 0.9", "#2a788e"), Code("0.9 to 0.97", "#414487"), Code("0.97 to 1", "#2a0a3e"), OPEN, UNSEEN,
)  # fmt: skip
SHARES = (
    Code("in no look", DRY.colour), Code("in under half", "#a3c8e6"), Code("in half or more", WET.colour),
    Code("in all looks", "#123a5e"), UNSEEN,
)  # fmt: skip
_DEGREES = (5, 10, 20)
SLOPES = (
    Code("below 5°", "#efe7d2"), Code("5° to 10°", "#d9c19a"), Code("10° to 20°", "#a87d4f"),
    Code("20° or more", "#5c3a1e"), UNSEEN,
)  # fmt: skip


def tile_panels(tile: TileData, clean: CleanLabel) -> list[Panel]:
    """Return a tile's own pixels as panels; evidence that the tile does not hold is left out.

    Large ones are the composite, the raw and the clean label, which labels changed sides, why, and how sure each label
    is; small ones what each label source says, snow and slope.
    """
    own = tile.core
    raw, label, reason = tile.label[own], clean.label[own], clean.reason[own]
    unseen = reason == Reason.UNSEEN
    found = outcomes(label, reason, raw)
    sides = {0: found["kept_land"], 1: found["kept_water"], 2: found["water_to_land"], 3: found["land_to_water"]}
    return [
        _composite(tile),
        _panel("Raw label", _first({0: raw == LAND, 1: raw == WATER}, 3), LABELS),
        _panel("Clean label", _first({0: label == LAND, 1: label == WATER, 3: unseen}, 2), LABELS),
        _panel("What changed", _first({**sides, 5: unseen}, 4), CHANGES, counted=True),
        _panel("Why", _why(found, reason), WHY, counted=True),
        _panel("How sure", _sure(clean.confidence[own], label, unseen), SURE),
        *_evidence(tile),
    ]


def _panel(title: str, codes: Bytes, legend: Sequence[Code], *, counted: bool = False, small: bool = False) -> Panel:
    """Return classes [y, x] as a panel whose legend shows what occurs, with the number of pixels where `counted`."""
    shown = used(legend, [codes])
    if counted:
        pixels = np.bincount(codes.ravel(), minlength=len(legend))
        shown = [
            replace(code, name=f"{code.name} {pixels[number]:,}")
            for number, code in enumerate(legend)
            if pixels[number]
        ]
    return Panel(title, colour(codes, legend), tuple(shown), small)


def _composite(tile: TileData) -> Panel:
    names = next((names for names in _COMPOSITES if set(names) <= set(tile.names)), (tile.names[0],) * 3)
    picture = stretch(np.stack([tile.band(name)[tile.core] for name in names]))
    title = ", ".join(name if name in ("red", "green", "blue") else name.upper() for name in dict.fromkeys(names))
    return Panel(f"Composite: {title}", picture)


def _why(found: dict[str, NDArray[np.bool_]], reason: Bytes) -> Bytes:
    """Return the numbers of `WHY`: the reason of every change and of every label that was left open."""
    by_reason = np.zeros(max(Reason) + 1, dtype=np.uint8)
    by_reason[list(REASONS)] = range(2, 2 + len(REASONS))
    return np.where(found["kept_land"], 0, np.where(found["kept_water"], 1, by_reason[reason])).astype(np.uint8)


def _sure(confidence: Float, label: Bytes, unseen: NDArray[np.bool_]) -> Bytes:
    steps = np.digitize(np.nan_to_num(confidence), _STEPS).astype(np.uint8)
    steps[label == ABSTAIN] = len(SURE) - 2
    steps[unseen] = len(SURE) - 1
    return steps


def _share(share: Float) -> Bytes:
    """Return the numbers of `SHARES`."""
    return _first({4: np.isnan(share), 0: share == 0, 1: share < WATER_SHARE, 2: share < 1}, 3)


def _evidence(tile: TileData) -> list[Panel]:
    """Return what each source beside the raw label says, then snow and slope, of these what the tile holds."""
    shares = {name: share[tile.core] for name, share in tile.evidence.items() if name != "qa"}
    panels = [_panel(name, _share(share), SHARES, small=True) for name, share in shares.items()]
    if "snow" in tile.beside:
        panels.append(_panel("snow", _share(tile.beside["snow"][tile.core]), SHARES, small=True))
    if "slope" in tile.names or "slope" in tile.beside:
        degrees = tile.band("slope")[tile.core] * SLOPE_SCALE
        steps = np.digitize(np.nan_to_num(degrees), _DEGREES).astype(np.uint8)
        steps[np.isnan(degrees)] = len(SLOPES) - 1
        panels.append(_panel("slope", steps, SLOPES, small=True))
    return panels


def _first(where: Mapping[int, NDArray[np.bool_]], other: int) -> Bytes:
    """Return the number of the first condition that holds of each pixel, `other` where none does."""
    numbers = [np.uint8(number) for number in where]
    return np.select([*where.values()], numbers, default=np.uint8(other)).astype(np.uint8)
