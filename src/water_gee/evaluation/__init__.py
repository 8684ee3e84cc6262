"""How good the map is: the model, the quality band and MNDWI against references."""

from water_gee.evaluation.count import CLEAN, Counter, Tally
from water_gee.evaluation.reference import Reference
from water_gee.evaluation.stage import Assessment, assess, is_simulated, judged_iou
from water_gee.evaluation.view import METHODS, Judge, TileView, views

__all__ = [
    "CLEAN",
    "METHODS",
    "Assessment",
    "Counter",
    "Judge",
    "Reference",
    "Tally",
    "TileView",
    "assess",
    "is_simulated",
    "judged_iou",
    "views",
]
