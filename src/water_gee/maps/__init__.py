"""Maps: predicted piece by piece, by either of two engines, and written as cloud-optimised GeoTIFFs."""

from water_gee.maps.areas import AreaCount, pixel_areas
from water_gee.maps.parts import LAND, UNSEEN, WATER

__all__ = ["LAND", "UNSEEN", "WATER", "AreaCount", "pixel_areas"]
