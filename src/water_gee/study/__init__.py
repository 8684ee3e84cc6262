"""Where and when: the pixel lattice, its tiles, and the areas of a study."""

from water_gee.study.antimeridian import unwrapped, wrapped
from water_gee.study.areas import Area, check_apart, from_bbox, from_lonlat, from_region, to_lonlat
from water_gee.study.grid import Grid, Tile, Window, outline, tiles_of
from water_gee.study.ground import pixel_areas
from water_gee.study.inside import Mask, inside, mark, simplified, within_window
from water_gee.study.polygons import Notes, check_degrees, flat, polygons_of
from water_gee.study.vectors import Features, read_features

__all__ = [
    "Area",
    "Features",
    "Grid",
    "Mask",
    "Notes",
    "Tile",
    "Window",
    "check_apart",
    "check_degrees",
    "flat",
    "from_bbox",
    "from_lonlat",
    "from_region",
    "inside",
    "mark",
    "outline",
    "pixel_areas",
    "polygons_of",
    "read_features",
    "simplified",
    "tiles_of",
    "to_lonlat",
    "unwrapped",
    "within_window",
    "wrapped",
]
