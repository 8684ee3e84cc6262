"""The lattice of the scenes' own pixels, for `tiles.origin=auto`: on it no pixel of a scene is moved."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import ee
from pyproj import Transformer
from pyproj.exceptions import ProjError

from water_gee.config.sensor import SourceSettings
from water_gee.earth.looks import scenes_of
from water_gee.earth.session import Session
from water_gee.earth.spec import CompositeSpec
from water_gee.errors import ConfigError
from water_gee.study import Area

_PIXELS = 5000  # across which a scene's lattice must be the study's
_APART = 1e-4  # of a pixel, by which they may differ there
_ELEMENT = re.compile(r'"elt_(\d)_(\d)",\s*([-+.\deE]+)')
_CRS, _TRANSFORM = "water_gee_crs", "water_gee_transform"  # properties that a scene's projection is read from
_INSTEAD = "give it in numbers: tiles.origin=[x,y], a corner of a pixel"


def scenes_origin(
    session: Session, spec: CompositeSpec, areas: Iterable[Area], years: Iterable[int]
) -> tuple[float, float]:
    """Return the corner (x, y), modulo the scale, of the lattice that the areas' scenes share in the study's crs.

    A scene in another crs counts where that differs from the study's by a shift alone, as UTM's northern and southern
    halves of a zone do; in any other, as of the next zone, it is resampled whatever the lattice is.

    Raises:
        ConfigError: the scenes disagree, none has pixels of the study's size in its crs, or there is none.
        EarthError: the service refused.
    """
    places = list(product(spec.sensor.sources, areas, years))
    found = [scenes_of(spec, source, area, year).map(_with_lattice(source)) for source, area, year in places]
    names = ("system:index", _CRS, _TRANSFORM)
    answer = session.value(ee.List([[one.aggregate_array(name) for name in names] for one in found]))
    by_origin: dict[tuple[float, float], str] = {}
    others: dict[str, str] = {}
    for lists in answer:
        for scene, crs, text in zip(*lists, strict=True):
            if (origin := origin_of(spec, str(crs), str(text))) is None:
                others.setdefault(str(crs), str(scene))
            else:
                by_origin.setdefault(origin, str(scene))
    return _agreed(spec, by_origin, others)


def _with_lattice(source: SourceSettings) -> Callable[[Any], Any]:
    band = next(iter(source.bands.values()))

    def told(scene: Any) -> Any:
        projection = scene.select(band).projection()
        return scene.set({_CRS: projection.crs(), _TRANSFORM: projection.transform()})

    return told


def origin_of(spec: CompositeSpec, crs: str, transform: str) -> tuple[float, float] | None:
    """Return the origin of a scene's lattice in the study's crs, or None where its pixels are not the study's there.

    Args:
        spec: names the study's crs and scale.
        crs: of the scene.
        transform: its affine transform in the service's text.
    """
    element: defaultdict[tuple[int, int], float] = defaultdict(float, {(0, 0): 1.0, (1, 1): 1.0})
    element.update({(int(row), int(column)): float(value) for row, column, value in _ELEMENT.findall(transform)})
    scale, x, y = spec.grid.scale, element[0, 2], element[1, 2]
    step_x, step_y = element[0, 0], element[1, 1]
    if element[0, 1] or element[1, 0] or not (math.isclose(step_x, scale) and math.isclose(-step_y, scale)):
        return None
    if crs == spec.grid.crs:
        return _modulo(x, scale), _modulo(y, scale)
    far = _PIXELS * scale
    try:
        there = Transformer.from_crs(crs, spec.grid.crs, always_xy=True)
        corner, east, south = (there.transform(*point) for point in ((x, y), (x + far, y), (x, y - far)))
    except ProjError:
        return None
    shift = max(abs(east[0] - corner[0] - far), abs(east[1] - corner[1]), abs(south[0] - corner[0]),
                abs(south[1] - corner[1] + far))  # fmt: skip
    if not shift <= _APART * scale:  # neither where it is no number
        return None
    return _modulo(corner[0], scale), _modulo(corner[1], scale)


def _agreed(
    spec: CompositeSpec, by_origin: dict[tuple[float, float], str], others: dict[str, str]
) -> tuple[float, float]:
    if not by_origin:
        where = "; ".join(f"{scene} is in {crs}" for crs, scene in others.items()) or "there is none"
        raise ConfigError(
            f"tiles.origin=auto: no scene has pixels of {spec.grid.scale:g} in {spec.grid.crs} ({where}); {_INSTEAD}, "
            "or set study.crs and study.scale to those of the scenes"
        )
    if len(by_origin) > 1:
        told = ", ".join(f"{scene} [{x:g},{y:g}]" for (x, y), scene in by_origin.items())
        raise ConfigError(f"tiles.origin=auto: the scenes lie on {len(by_origin)} lattices ({told}); {_INSTEAD}")
    return next(iter(by_origin))


def _modulo(value: float, scale: float) -> float:
    """Return a coordinate modulo the scale, free of the last digits in which equal lattices may differ."""
    digits = 3 - math.floor(math.log10(scale))
    left = round(value % scale, digits)
    return 0.0 if left == round(scale, digits) else left
