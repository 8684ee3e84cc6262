"""Maps: predicted piece by piece, by either of two engines, and written as cloud-optimised GeoTIFFs."""

from water_gee.maps.areas import AreaCount
from water_gee.maps.parts import UNSEEN
from water_gee.maps.read import map_path, read_areas, read_maps

__all__ = ["UNSEEN", "AreaCount", "map_path", "read_areas", "read_maps"]
