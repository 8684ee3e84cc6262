"""The study's areas as geometries, and the scenes that fill them, as Earth Engine knows them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import ee
from shapely import get_num_coordinates
from shapely.geometry import LineString, Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from water_gee.config.settings import Settings
from water_gee.config.study import AreaSettings
from water_gee.earth.composite import elevation_versions
from water_gee.earth.looks import scenes
from water_gee.earth.session import Session
from water_gee.earth.spec import CompositeSpec, composite_spec
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.study import Area, from_bbox, from_lonlat, from_region, simplified, unwrapped


def resolve_areas(session: Session, settings: Settings, names: Iterable[str]) -> dict[str, Area]:
    """Return the named areas; one named by strips or scenes is the union of its scenes' footprints in all years.

    Raises:
        ConfigError: a region's file is missing or broken.
        EarthError: a strips area has no scene in the season, or the service refused.
    """
    study, spec = settings.study, composite_spec(settings)
    layout = Layout.of(settings)
    areas = {}
    for name in dict.fromkeys(names):
        wanted = study.areas[name]
        if wanted.bbox is not None:
            areas[name] = from_bbox(name, wanted.bbox, study.crs)
        elif wanted.region is not None:
            areas[name] = from_region(name, layout.locate(wanted.region), spec.grid, wanted.layer)
        else:
            areas[name] = _from_strips(session, spec, _unbounded(name, wanted), study.years)
    return areas


def drawn(spec: CompositeSpec, area: Area) -> Area:
    """Return an area with an outline light enough to be sent, where this machine cannot mask: scripts and exports.

    It is off by a twentieth of a pixel at most, or by what is said.
    """
    if area.strips:
        return area
    outline, off = simplified(area.geometry, spec.grid.scale)
    if off > spec.grid.scale / 10:
        say(
            f"study.areas.{area.name}: the outline has {get_num_coordinates(area.geometry):,} vertices; what runs in "
            f"Earth Engine alone uses one of {get_num_coordinates(outline):,}, off by up to {off:g} of the crs's units "
            f"({off / spec.grid.scale:.2g} pixels)"
        )
    return replace(area, geometry=outline)


def scene_versions(
    session: Session, spec: CompositeSpec, area: Area, years: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Return what each year's pixels are made of: the ids and versions of its scenes and of its elevation model.

    An asset that was replaced under its id has another version (`system:version`), where the service tells it.

    Raises:
        EarthError: there is no scene in a year, or the service refused.
    """
    images = [scenes(spec, area, year) for year in years]
    listed = [[one.aggregate_array(name) for name in ("system:index", "system:version")] for one in images]
    found = session.value(ee.List([*listed, elevation_versions(spec, area)]))
    *by_year, elevation = ([[str(value) for value in values] for values in one] for one in found)
    for year, (ids, _) in zip(years, by_year, strict=True):
        if not ids:
            raise EarthError(_no_scene(spec, f"study.areas.{area.name}", str(year), "that year from study.years"))
    model = [f"{spec.dem.asset}/{one}" for one in _named(*elevation)]
    return {year: tuple(sorted([*_named(*one), *model])) for year, one in zip(years, by_year, strict=True)}


def _named(ids: Sequence[str], versions: Sequence[str]) -> list[str]:
    """Return ids with their versions; without, where some images have none."""
    return [f"{i}@{v}" for i, v in zip(ids, versions, strict=True)] if len(ids) == len(versions) else list(ids)


def _unbounded(name: str, wanted: AreaSettings) -> Area:
    return Area(name, Polygon(), wanted.tracks, tuple(wanted.scenes or ()))


def _from_strips(session: Session, spec: CompositeSpec, area: Area, years: Sequence[int]) -> Area:
    name, strips = area.name, area.strips
    single = [replace(area, strips=(strip,)) for strip in strips]
    counts = session.value(ee.List([[scenes(spec, one, year).size() for year in years] for one in single]))
    for strip, in_years in zip(strips, counts, strict=True):
        of = "scenes" if area.scenes else "strips"
        key = f"study.areas.{name}.{of}: the strip {list(strip)}"
        if not any(in_years):
            raise EarthError(_no_scene(spec, key, ", ".join(map(str, years)), f"it from {of}"))
        for year, count in zip(years, in_years, strict=True):
            if not count:
                say(f"{key} has no scene in {year}; its tiles of that year stay empty")
    outlines = [scenes(spec, area, year).geometry() for year, *some in zip(years, *counts, strict=True) if any(some)]
    found = session.value(ee.List(outlines))
    outline = from_lonlat(unary_union([_polygons(part) for part in found]), spec.grid.crs)
    return replace(area, geometry=outline)


def _polygons(geojson: dict[str, Any]) -> BaseGeometry:
    """Return the polygons of a footprint; a scene's outline may come as a closed line."""
    geometry = shape(geojson)
    parts = list(getattr(geometry, "geoms", [geometry]))
    polygons = [Polygon(part) if isinstance(part, LineString) else part for part in parts]
    return unary_union([unwrapped(part).buffer(0) for part in polygons])  # a ring's edges are the shortest ways


def _no_scene(spec: CompositeSpec, where: str, years: str, drop: str) -> str:
    first, last = spec.months
    return (
        f"{where} has no scene of {' or '.join(spec.sensor.assets)} in {years}, months {first}-{last}; "
        f"correct it, widen study.months, or drop {drop}"
    )
