"""Where and when: the pixel lattice, its tiles, and the areas of a study."""

from water_gee.study.areas import Area, check_apart, from_bbox, from_geojson, from_lonlat, to_lonlat
from water_gee.study.grid import Grid, Tile, Window, outline, tiles_of

__all__ = [
    "Area",
    "Grid",
    "Tile",
    "Window",
    "check_apart",
    "from_bbox",
    "from_geojson",
    "from_lonlat",
    "outline",
    "tiles_of",
    "to_lonlat",
]
