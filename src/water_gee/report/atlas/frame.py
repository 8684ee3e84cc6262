"""Where the page's map lies: its lattice, its zoom levels, metres and degrees."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
from affine import Affine

_SIDE = 256  # pixels of a tile of a web map
_NET = (9, 41)  # points a side at which the page's script knows longitude and latitude, at least and at most
_MESH = 10_000.0  # metres between them: what lies between is read to the fourth decimal of a degree


@dataclass(frozen=True)
class Frame:
    """A window of pixels that the map's zoom levels divide: at `levels` a pixel of the screen is one of the study.

    Attributes:
        crs: of the study.
        scale: its pixel in crs units.
        left: the window's left edge.
        top: its upper edge.
        width: in pixels.
        height: in pixels.
    """

    crs: str
    scale: float
    left: float
    top: float
    width: int
    height: int

    @property
    def levels(self) -> int:
        """The zoom level of full resolution; at level 0 the window fits into one tile."""
        return max(0, int(np.ceil(np.log2(max(self.width, self.height, 1) / _SIDE))))

    @property
    def transform(self) -> Affine:
        """From pixel (column, row) to crs (x, y)."""
        return Affine(self.scale, 0.0, self.left, 0.0, -self.scale, self.top)

    def data(self) -> dict[str, Any]:
        """Return it as the page's script reads it."""
        crs = pyproj.CRS(self.crs)
        right, bottom = self.left + self.width * self.scale, self.top - self.height * self.scale
        across, down = self._metres(crs)
        side = self.scale * max(self.width * across, self.height * down)
        points = int(np.clip(np.ceil(side / _MESH) + 1, *_NET))
        x, y = np.meshgrid(np.linspace(self.left, right, points), np.linspace(self.top, bottom, points))
        longitude, latitude = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
        if np.isfinite(longitude).all():  # across the antimeridian they run on past 180
            longitude = longitude[0, 0] + (longitude - longitude[0, 0] + 180) % 360 - 180
        whole = np.isfinite(longitude).all() and np.isfinite(latitude).all() and np.ptp(longitude) < 180
        return {
            "crs": self.crs,
            "decimals": 5 if crs.is_geographic else 0,
            "scale": self.scale,
            "left": self.left,
            "top": self.top,
            "width": self.width,
            "height": self.height,
            "levels": self.levels,
            "metres": [round(across, 6), round(down, 6)],
            "net": {
                "longitude": np.round(longitude, 6).tolist() if whole else [],
                "latitude": np.round(latitude, 6).tolist() if whole else [],
            },
        }

    def _metres(self, crs: pyproj.CRS) -> tuple[float, float]:
        """Return the metres of the ground that a crs unit across and down is, in the window's middle."""
        geodesic = pyproj.Geod(ellps="WGS84")
        to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        x, y = self.left + self.width * self.scale / 2, self.top - self.height * self.scale / 2
        found = []
        for dx, dy in ((self.scale, 0.0), (0.0, self.scale)):
            (a, c), (b, d) = to_degrees.transform([x, x + dx], [y, y + dy])
            length = float(geodesic.inv(a, b, c, d)[2]) / self.scale
            found.append(length if np.isfinite(length) and length > 0 else 1.0)
        return found[0], found[1]
