"""Which tiles a study needs, and what exactly each is: an expression, its scenes and a window."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from water_gee.config.settings import Settings
from water_gee.earth import (
    CompositeSpec,
    LabelSpec,
    Prepared,
    Session,
    expression_hash,
    feature_image,
    history_versions,
    label_image,
    possible_ranges,
    scene_versions,
    sun_hours,
)
from water_gee.study import Area, Tile, tiles_of
from water_gee.tiles.cut import Marks

FORMAT = 3  # raise when the same pixels would be written otherwise


@dataclass(frozen=True)
class Job:
    """A tile to have: its image (features, then labels), its area, and the fingerprint of what it must hold."""

    tile: Tile
    features: tuple[str, ...]
    labels: tuple[str, ...]
    fingerprint: str
    image: Prepared = field(compare=False, repr=False)
    ranges: Mapping[str, tuple[float, float]] = field(compare=False, repr=False)  # by band, what its values can be
    area: Area | None = field(default=None, compare=False, repr=False)  # masked outside of it; None: nowhere

    @property
    def bands(self) -> tuple[str, ...]:
        """All bands of the image, in their order."""
        return (*self.features, *self.labels)


def plan(
    session: Session, settings: Settings, spec: CompositeSpec, labels: LabelSpec, areas: Mapping[str, Area]
) -> list[Job]:
    """Return the tiles of `tiles.areas` in all years, in a fixed order.

    Raises:
        EarthError: an area has no scene in a year, or a label source's own imagery is not there.
    """
    study = settings.study
    history = history_versions(session, spec, study.years) if "jrc" in labels.sources else {}
    bands, ranges = (*spec.features, *labels.bands), possible_ranges(spec, labels)
    jobs = []
    for name in dict.fromkeys(settings.tiles.areas):
        area = areas[name]
        found, marks = scene_versions(session, spec, area, study.years), Marks(area, spec.grid)
        hours = "" if area.strips else f" {sun_hours(spec, area)} h"  # of where it lies, the one thing besides filters
        for year in study.years:
            somewhere = _image(spec, area.anywhere, year, labels)
            # To build an image takes a good part of a second: of tiles that are all there it is not built.
            own = somewhere if area.strips else partial(_image, spec, area, year, labels)
            prepared = Prepared(own, bands)
            grid = [spec.grid.crs, spec.grid.scale, *spec.grid.origin]
            form = expression_hash(somewhere) + hours
            what = [FORMAT, form, [*found[year], *history.get(year, ())], bands, grid]
            for tile in tiles_of(
                name, area.geometry, spec.grid, year=year, size=settings.tiles.size, margin=settings.tiles.margin
            ):
                fingerprint = _fingerprint([*what, *marks.of(tile)], tile)
                jobs.append(Job(tile, spec.features, labels.bands, fingerprint, prepared, ranges, area))
    return jobs


def _image(spec: CompositeSpec, area: Area, year: int, labels: LabelSpec) -> Any:
    return feature_image(spec, area, year).addBands(label_image(spec, area, year, labels))


def _fingerprint(what: list[Any], tile: Tile) -> str:
    outer = tile.outer
    text = json.dumps([*what, tile.size, outer.left, outer.top, outer.width, outer.height])
    return hashlib.sha256(text.encode()).hexdigest()
