"""Maps: predicted piece by piece, by either of two engines, and written as cloud-optimised GeoTIFFs."""

from water_gee.maps.areas import AreaCount, bounds
from water_gee.maps.layers import LAYERS, OVER_YEARS, YEARLY, Layer, classes_of, file_name
from water_gee.maps.parts import UNSEEN
from water_gee.maps.read import map_path, map_years, read_areas, read_maps

__all__ = [
    "LAYERS",
    "OVER_YEARS",
    "UNSEEN",
    "YEARLY",
    "AreaCount",
    "Layer",
    "bounds",
    "classes_of",
    "file_name",
    "map_path",
    "map_years",
    "read_areas",
    "read_maps",
]
