"""The probe: what the service does with kernels, at masked pixels and at edges, where its documentation does not say.

The image is known: in the window each pixel holds its column and 16 times its row, computed of longitude and latitude
on a lattice on which both are exact numbers. An asymmetric kernel of powers of two then tells from one value which
neighbours it fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import ee
import numpy as np
from numpy.typing import NDArray

from water_gee.earth import Session, fetch
from water_gee.study import Grid, Window

_PER_DEGREE = 64  # pixels: a power of two, so that no coordinate is rounded
_GRID = Grid("EPSG:4326", 1 / _PER_DEGREE)
_WINDOW = Window(64, 64, 9, 9)
_HOLE = (4, 4)  # column and row of the pixel that is masked
_EDGE = 6  # columns that the clipped image has
_KERNEL = [[1, 2, 4], [8, 16, 32], [64, 128, 256]]
_CORNERS = ((-1, -1), (0, -1), (1, -1), (-1, 0), (0, 0), (1, 0), (-1, 1), (0, 1), (1, 1))  # x, y of a 3x3 window
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """What was found; each in one word or two, `other` where it is none of those that are known.

    Attributes:
        direction: of `convolve`'s kernel: `as written` (the weight at the left goes with the neighbour to the left), or
            `turned` by 180 degrees.
        focus: of a kernel whose focus is its first cell: `as written` or `turned`.
        masked_neighbour: what a masked neighbour does to `convolve`: `masked`, `skipped` (counts 0), or `scaled` (the
            other weights are scaled up).
        masked_centre: what becomes of a masked pixel itself: `masked` or `filled`.
        edge: as `masked_neighbour`, beyond the edge of a clipped image.
        bands: `neighborhoodToBands`: `as documented`, a band `v_<x>_<y>` by the offset from the centre.
        array: `neighborhoodToArray`: `as documented`, axes y and x from the top left.
        array_neighbour: a masked neighbour there: `0`, or `masked` where it masks the pixel.
        array_centre: a masked pixel itself there: `masked` or `filled`.
    """

    direction: str
    focus: str
    masked_neighbour: str
    masked_centre: str
    edge: str
    bands: str
    array: str
    array_neighbour: str
    array_centre: str

    def as_dict(self) -> dict[str, str]:
        """For the record."""
        return asdict(self)

    def differences(self) -> list[str]:
        """Return in words what is not as this project's exporter and eelocal take it."""
        ours = asdict(ASSUMED)
        return [
            f"{one.name.replace('_', ' ')} is {getattr(self, one.name)} and not {ours[one.name]}"
            for one in fields(self)
            if getattr(self, one.name) != ours[one.name]
        ]

    def wrong(self, exported: Mapping[str, Any] | None) -> str:
        """Return why networks, or the one that is exported, would be other ones there; empty where they are not."""
        if self.array != ASSUMED.array or self.array_neighbour == "other":
            return "the form array would be another network there; write its networks with export.form=kernel"
        if self.direction == "other":
            return "convolve does what is not understood; use export.form=array"
        flip = (exported or {}).get("flip")
        if flip is not None and flip != (self.direction == "turned"):
            return "export/ was written for another direction of convolve; run again: water-gee export"
        return ""


ASSUMED = Probe(
    direction="as written",
    focus="as written",
    masked_neighbour="masked",
    masked_centre="masked",
    edge="masked",
    bands="as documented",
    array="as documented",
    array_neighbour="0",
    array_centre="masked",
)
"""What eelocal does. The exporter depends on `array` alone, and on `direction` as far as it asks for it."""


def probe(session: Session) -> Probe:
    """Ask the service.

    Raises:
        EarthError: it refused all of it, or went on failing.
    """
    known = _known()
    hole = known.updateMask(known.neq(_HOLE[0] + 16 * _HOLE[1]))
    left, top = _WINDOW.left / _PER_DEGREE, -_WINDOW.top / _PER_DEGREE
    right, bottom = left + _EDGE / _PER_DEGREE, top - _WINDOW.height / _PER_DEGREE
    clipped = known.clip(ee.Geometry.Rectangle([left, bottom, right, top], "EPSG:4326", False))
    kernel, east = ee.Kernel.fixed(3, 3, _KERNEL), ee.Kernel.fixed(3, 1, [[0, 0, 1]], 0, 0)
    images = {
        "plain": known.convolve(kernel), "east": known.convolve(east), "hole": hole.convolve(kernel),
        "edge": clipped.convolve(kernel),
    }  # fmt: skip
    plain, shifted, holed, edged = _fetched(session, images)
    turned = [row[::-1] for row in _KERNEL[::-1]]
    weights = turned if _is(plain, lambda x, y: _sum(turned, x, y)) else _KERNEL
    return Probe(
        direction=_name(
            plain, {"as written": lambda x, y: _sum(_KERNEL, x, y), "turned": lambda x, y: _sum(turned, x, y)}
        ),
        focus=_name(shifted, {"as written": lambda x, y: _value(x + 2, y), "turned": lambda x, y: _value(x - 2, y)}),
        masked_neighbour=_gap(holed[_HOLE[1], _HOLE[0] - 1], weights, (_HOLE[0] - 1, _HOLE[1]), [_HOLE]),
        masked_centre="masked" if np.isnan(holed[_HOLE[1], _HOLE[0]]) else "filled",
        edge=_gap(edged[4, _EDGE - 1], weights, (_EDGE - 1, 4), [(_EDGE, 3), (_EDGE, 4), (_EDGE, 5)]),
        bands=_bands(session, known),
        **_array(session, known, hole),
    )


def _known() -> Any:
    place = ee.Image.pixelLonLat()
    column = place.select("longitude").multiply(_PER_DEGREE).floor().subtract(_WINDOW.left)
    row = place.select("latitude").multiply(-_PER_DEGREE).floor().subtract(_WINDOW.top)
    image = column.add(row.multiply(16)).toFloat().rename("v")
    return image.reproject(crs=_GRID.crs, crsTransform=[_GRID.scale, 0, 0, 0, -_GRID.scale, 0])


def _fetched(session: Session, images: Mapping[str, Any]) -> Values:
    """Return images of one band each as one array [image, y, x], NaN where masked."""
    named = ee.Image.cat([image.rename(name) for name, image in images.items()])
    found: Values = fetch(named, _GRID, _WINDOW, list(images), session.retry).astype(np.float64)
    return found


def _value(x: int, y: int) -> float:
    return float(x + 16 * y)


def _sum(weights: list[list[int]], x: int, y: int, without: list[tuple[int, int]] | None = None) -> float:
    """Return the weighted sum around a pixel as a kernel that is not turned gives it."""
    cells = [(x + dx, y + dy, weights[dy + 1][dx + 1]) for dx, dy in _CORNERS]
    return sum(_value(column, row) * weight for column, row, weight in cells if (column, row) not in (without or []))


def _is(found: Values, expected: Any) -> bool:
    """Return whether every pixel but those at the window's rim is what is expected of its column and row."""
    rows, columns = found.shape
    return all(found[y, x] == expected(x, y) for y in range(2, rows - 2) for x in range(2, columns - 2))


def _name(found: Values, expected: Mapping[str, Any]) -> str:
    return next((name for name, rule in expected.items() if _is(found, rule)), "other")


def _gap(found: float, weights: list[list[int]], at: tuple[int, int], missing: list[tuple[int, int]]) -> str:
    """Name what pixels that are missing around `at` have done to its sum."""
    if np.isnan(found):
        return "masked"
    rest = _sum(weights, *at, without=missing)
    if found == rest:
        return "skipped"
    whole = sum(map(sum, weights))
    kept = whole - sum(weights[row - at[1] + 1][column - at[0] + 1] for column, row in missing)
    return "scaled" if np.isclose(found, rest * whole / kept, rtol=1e-5) else "other"


def _shifts(found: Values, offsets: Sequence[tuple[int, int]]) -> bool:
    """Return whether each band holds the neighbours at its offset (x, y)."""
    return all(
        _is(band, lambda x, y, dx=dx, dy=dy: _value(x + dx, y + dy))
        for band, (dx, dy) in zip(found, offsets, strict=True)
    )


def _bands(session: Session, known: Any) -> str:
    names = [f"v_{x}_{y}" for x, y in _CORNERS]
    around = known.neighborhoodToBands(ee.Kernel.rectangle(1, 1, "pixels")).select(names)
    found = _fetched(session, {f"n{index}": around.select(index) for index in range(len(names))})
    return "as documented" if _shifts(found, _CORNERS) else "other"


def _array(session: Session, known: Any, hole: Any) -> dict[str, str]:
    """Probe a window of 2 rows to each side and 1 column, which no swapped axes could fill."""
    kernel = ee.Kernel.rectangle(1, 2, "pixels")
    labels = [[str(row) for row in range(5)], [str(column) for column in range(3)]]
    offsets = [(x - 1, y - 2) for y in range(5) for x in range(3)]
    flat, holed = (image.neighborhoodToArray(kernel).arrayFlatten(labels) for image in (known, hole))
    found = _fetched(session, {f"n{index}": flat.select(index) for index in range(len(offsets))})
    gaps = _fetched(session, {f"n{index}": holed.select(index) for index in range(len(offsets))})
    right = _shifts(found, offsets)
    neighbour = gaps[offsets.index((1, 0)), _HOLE[1], _HOLE[0] - 1]
    centre = gaps[:, _HOLE[1], _HOLE[0]]
    return {
        "array": "as documented" if right else "other",
        "array_neighbour": "masked" if np.isnan(neighbour) else "0" if neighbour == 0 else "other",
        "array_centre": "masked" if np.isnan(centre).all() else "filled",
    }
