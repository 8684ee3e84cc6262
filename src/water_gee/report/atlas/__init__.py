"""The page's map: layers of maps, labels, references and imagery as pictures that lie in the page itself."""

from water_gee.report.atlas.contents import Explorer, explorer
from water_gee.report.atlas.frame import Frame
from water_gee.report.atlas.layer import MapLayer
from water_gee.report.atlas.of_maps import drawn, frame_of, map_layers
from water_gee.report.atlas.of_tiles import TileLayers
from water_gee.report.atlas.picture import png
from water_gee.report.atlas.style import Style, numbers

__all__ = [
    "Explorer",
    "Frame",
    "MapLayer",
    "Style",
    "TileLayers",
    "drawn",
    "explorer",
    "frame_of",
    "map_layers",
    "numbers",
    "png",
]
