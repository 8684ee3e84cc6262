"""What lies on tiles as layers of the page's map: imagery, labels before and after, references, agreement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.denoise import CleanLabels
from water_gee.evaluation import TileView
from water_gee.panels import LAND, UNSEEN, Code
from water_gee.panels import WATER as WATER_CODE
from water_gee.paths import Layout
from water_gee.report import raster
from water_gee.report.atlas.frame import Frame
from water_gee.report.atlas.layer import MapLayer
from water_gee.report.atlas.picture import Picture, inlined, png, webp
from water_gee.report.atlas.style import Style
from water_gee.report.gallery import INFRARED, NATURAL
from water_gee.report.palette import CHANGES, CLASSES, ERRORS, LABELS, METHOD_NAMES
from water_gee.report.palette import UNKNOWN as UNKNOWN_CODE
from water_gee.report.thinned import Thinned
from water_gee.study import Grid, Window
from water_gee.tiles import TileData, TileRecord, load_tile

Bytes = NDArray[np.uint8]
IMAGERY, LABELLING, TRUTH = "Imagery", "Labels", "Reference"
_REFERENCE: tuple[Code, ...] = (LAND, WATER_CODE, UNKNOWN_CODE, UNSEEN)
_LARGEST, _ALL = 2e6, 16e6  # pixels on the page: of an area's picture, and of all areas and years together
_SAMPLED = 8  # tiles by which all imagery is stretched alike, so that years can be compared
_IMAGERY = {
    "infrared": (INFRARED, "Composite, infrared", "SWIR1, near infrared and red: water is dark blue to black."),
    "natural": (NATURAL, "Composite, natural colours", "Red, green and blue, as the eye sees it."),
}
_SEASON = " The median of the season's clear looks, all years stretched alike."


@dataclass
class _Canvas:
    """An area in one year: pictures of colours [y, x, 3] and of class numbers [y, x], by layer."""

    colours: dict[str, Bytes] = field(default_factory=dict)
    codes: dict[str, Bytes] = field(default_factory=dict)


class TileLayers:
    """Draws tiles as they are passed by, sorted by area and year as the manifest is, and keeps their pictures.

    Args:
        records: all tiles of the study.
        layout: of the root.
    """

    def __init__(self, records: Sequence[TileRecord], layout: Layout) -> None:
        self._pictures: dict[str, dict[str, list[Picture]]] = {}  # by layer and year
        self._frames: dict[str, Thinned] = {}
        self._current: tuple[str, int] | None = None
        self._canvas = _Canvas()
        self._layout = layout
        whole = [record for record in records if record.status == "ok"]
        years = {(record.area, record.year) for record in whole}
        for area in dict.fromkeys(record.area for record in whole):
            window = reduce(or_, (record.tile.window for record in whole if record.area == area))
            self._frames[area] = Thinned.to(window, min(_LARGEST, _ALL / len(years)))
        self._grid = _grid(whole[0]) if whole else Grid("EPSG:4326", 1.0)
        self._limits = self._stretch(whole)

    def _stretch(self, records: Sequence[TileRecord]) -> dict[str, NDArray[np.float64]]:
        """Return the 1st and the 99th percentile [limit, band] of each composite, over some tiles of the study."""
        chosen = [records[place] for place in np.linspace(0, len(records) - 1, _SAMPLED).astype(int)] if records else []
        tiles = [load_tile(self._layout, record) for record in dict.fromkeys(chosen)]
        limits = {}
        for name, (bands, _, _) in _IMAGERY.items():
            if tiles and all(set(bands) <= set(tile.names) for tile in tiles):
                values = [np.concatenate([tile.band(band)[tile.seen] for tile in tiles]) for band in bands]
                if all(one.size for one in values):
                    limits[name] = np.stack([np.percentile(one, (1, 99)) for one in values], axis=1)
        return limits

    @property
    def frame(self) -> Frame:
        """Where all areas lie."""
        windows = [thinned.window for thinned in self._frames.values()] or [Window(0, 0, 1, 1)]
        window = reduce(or_, windows)
        left, _, _, top = self._grid.bounds(window)
        return Frame(self._grid.crs, self._grid.scale, left, top, window.width, window.height)

    def places(self, first: str) -> dict[str, tuple[float, float, float, float]]:
        """Return the bounds of each area by name, an area that is named before the others."""
        names = sorted(self._frames, key=lambda name: name != first)
        return {name: self._grid.bounds(self._frames[name].window) for name in names}

    def add(self, view: TileView) -> None:
        """Draw a tile of the test area, as evaluation sees it."""
        codes = _labels(view.tile, view.clear, view.clean)
        for name, reference in view.references.items():
            truth = np.where(reference == UNKNOWN, 2, reference).astype(np.uint8)
            codes[f"reference.{name}"] = truth
            for method in ("model", "qa_water"):
                codes[f"agreement.{name}.{method}"] = raster.errors(view.water[method], reference, view.clear)
        self._put(view.tile, codes)

    def add_tiles(self, records: Iterable[TileRecord], clean: CleanLabels | None) -> None:
        """Draw tiles of the other areas, of which the imagery and the labels are known.

        Raises:
            TileError: a tile or its labels are broken.
        """
        for record in records:
            tile = load_tile(self._layout, record)
            core = tile.core
            clear = tile.seen[core] & ~np.isnan(tile.share[core])
            label = clean.read(record).label[core] if clean is not None and clean.has(record) else None
            self._put(tile, _labels(tile, clear, label))

    def layers(self) -> list[MapLayer]:
        """Return what was drawn, in the order of the menu."""
        self._finish()
        order = [*_IMAGERY, "raw", "clean", "changes"]
        names = sorted(self._pictures, key=lambda name: order.index(name) if name in order else len(order))
        step = max((thinned.step for thinned in self._frames.values()), default=1)
        pictures = {name: dict(sorted(self._pictures[name].items())) for name in names}
        return [MapLayer(f"tiles.{name}", *_words(name), _style(name), pictures[name], step=step) for name in names]

    def _put(self, tile: TileData, codes: Mapping[str, Bytes]) -> None:
        record = tile.record
        if self._current != (record.area, record.year):
            self._finish()
            self._current = (record.area, record.year)
        thinned = self._frames[record.area]
        into, cut = thinned.place(record.tile.window)
        for name, limits in self._limits.items():
            bands = _IMAGERY[name][0]
            canvas = self._canvas.colours.setdefault(name, np.zeros((*thinned.shape, 4), dtype=np.uint8))
            canvas[into] = _coloured(np.stack([tile.band(band)[tile.core][cut] for band in bands], axis=-1), limits)
        for name, values in codes.items():
            nothing = _class_style(name).nothing
            canvas = self._canvas.codes.setdefault(name, np.full(thinned.shape, nothing, dtype=np.uint8))
            canvas[into] = values[cut]

    def _finish(self) -> None:
        """Make pictures of the area and year that were drawn last."""
        if self._current is None:
            return
        area, year = self._current
        thinned = self._frames[area]
        for name, colours in self._canvas.colours.items():
            self._keep(name, inlined("webp", webp(colours[..., :3], colours[..., 3] > 0)), thinned, year)
        for name, codes in self._canvas.codes.items():
            self._keep(name, inlined("png", png(codes, _class_style(name))), thinned, year)
        self._current, self._canvas = None, _Canvas()

    def _keep(self, name: str, address: str, thinned: Thinned, year: int) -> None:
        rows, columns = thinned.shape
        picture = Picture(address, self._grid.bounds(thinned.covered()), (columns, rows))
        self._pictures.setdefault(name, {}).setdefault(str(year), []).append(picture)


def _grid(record: TileRecord) -> Grid:
    """Return the lattice of a tile."""
    west = record.left + (record.margin - record.column * record.size) * record.scale
    south = record.bottom + (record.margin - record.row * record.size) * record.scale
    return Grid(record.crs, record.scale, (west, south))


def _labels(tile: TileData, clear: NDArray[np.bool_], clean: Bytes | None) -> dict[str, Bytes]:
    """Return the class numbers [y, x] of a tile's raw label and, where it was cleaned, of what became of it."""
    raw = tile.label[tile.core] == WATER
    codes = {"raw": raster.classes(raw, clear)}
    if clean is not None:
        codes |= {"clean": raster.labels(clean, clear), "changes": raster.changes(raw, clean, clear)}
    return codes


def _coloured(values: NDArray[np.float32], limits: NDArray[np.float64]) -> Bytes:
    """Return reflectance [y, x, 3] as colours between two limits [limit, band], with a fourth band: 255 where seen."""
    seen = np.asarray(~np.isnan(values).any(axis=-1))
    low, high = limits
    scaled = np.clip((np.where(seen[..., None], values, low) - low) / np.maximum(high - low, 1e-6), 0, 1)
    colours = np.round(255 * scaled**0.8).astype(np.uint8)
    return np.dstack([colours, np.where(seen, np.uint8(255), np.uint8(0))])


def _style(name: str) -> Style | None:
    """Return how a layer looks; None of imagery."""
    codes = {"raw": CLASSES, "clean": LABELS, "changes": CHANGES}.get(name)
    if name in _IMAGERY:
        return None
    return Style.of_codes(codes or (_REFERENCE if name.startswith("reference.") else ERRORS))


def _class_style(name: str) -> Style:
    style = _style(name)
    assert style is not None, "imagery has colours of its own"
    return style


def _words(name: str) -> tuple[str, str, str]:
    """Return the group, the title and the text of a layer."""
    if name in _IMAGERY:
        return IMAGERY, _IMAGERY[name][1], _IMAGERY[name][2] + _SEASON
    if name in _LABELS:
        return LABELLING, *_LABELS[name]
    kind, _, rest = name.partition(".")
    if kind == "reference":
        return TRUTH, f"Reference “{rest}”", "What the maps are measured against; nothing is trained on it."
    reference, _, method = rest.rpartition(".")
    title = f"{METHOD_NAMES[method]} against “{reference}”"
    return TRUTH, title, "Where the two agree, and how the method errs, on the area that nothing was trained on."


_LABELS = {
    "raw": ("Raw label", "The free label of the imagery's quality band, with its noise."),
    "clean": ("Clean label", "The label after noise removal; what is left open teaches the network nothing."),
    "changes": ("What noise removal changed", "Raw and clean label in one: what was taken out, put in and left open."),
}
