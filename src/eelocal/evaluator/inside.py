"""Which pixels lie in a geometry."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.geometry import Geometry
from eelocal.evaluator.grid import Lattice, Window, parse_crs
from eelocal.evaluator.node import LatticeNode
from eelocal.evaluator.pixeltype import BOOLEAN
from eelocal.evaluator.raster import EMPTY, Raster


def covering(geometry: Geometry, lattice: Lattice, window: Window) -> NDArray[np.bool_] | bool:
    """Return which pixels of a window have their centre in a geometry, its border included.

    The answer is True or False where all pixels are alike.
    """
    if geometry.unbounded:
        return True
    inside = geometry.to(lattice.crs).shape
    shapely.prepare(inside)
    box = shapely.box(*lattice.bounds(window))
    x, y = np.broadcast_arrays(*lattice.centres(window))
    if parse_crs(lattice.crs).is_geographic and not -180 <= box.bounds[0] <= box.bounds[2] <= 180:
        x = (x + 180) % 360 - 180
    elif not inside.intersects(box):
        return False
    elif inside.covers(box):
        return True
    return np.asarray(shapely.intersects_xy(inside, x.ravel(), y.ravel())).reshape(x.shape)


def outline_window(geometry: Geometry, lattice: Lattice) -> Window:
    """Return the window of the pixels that a geometry's bounds touch.

    Raises:
        EEError: it is empty, has no extent, or lies where the coordinate system does not reach.
    """
    if geometry.shape.is_empty:
        raise bad_request("The region is empty: nothing of the image lies in it.")
    if not geometry.shape.area:
        raise bad_request("The region has no area.")
    left, bottom, right, top = geometry.to(lattice.crs).shape.bounds
    if not np.isfinite([left, bottom, right, top]).all():
        raise bad_request(f"The region cannot be transformed to {lattice.crs[:40]}.")
    x, y = np.array([left, right, left, right]), np.array([bottom, bottom, top, top])
    columns, rows = lattice.pixels(x, y)
    near = 1e-6
    first_row, first_column = int(np.floor(rows.min() + near)), int(np.floor(columns.min() + near))
    last_row, last_column = int(np.ceil(rows.max() - near)), int(np.ceil(columns.max() - near))
    return first_row, first_column, max(last_row, first_row + 1), max(last_column, first_column + 1)


class InsideNode(LatticeNode):
    """1 where a pixel's centre is in a geometry, masked elsewhere."""

    def __init__(self, geometry: Geometry) -> None:
        placed: dict[str, Geometry] = {}

        def inside(lattice: Lattice, window: Window) -> Raster:
            if lattice.crs not in placed:
                placed[lattice.crs] = geometry if geometry.unbounded else geometry.to(lattice.crs)
            found = covering(placed[lattice.crs], lattice, window)
            if found is False:
                return EMPTY
            return Raster(np.ones((), np.uint8), None if found is True else np.asarray(found), True)

        super().__init__(inside, BOOLEAN)
