"""How good the map is: the model, the quality band and MNDWI against references."""

from water_gee.evaluation.area import EvaluationArea
from water_gee.evaluation.comparison import Compared, compare, counts_of
from water_gee.evaluation.count import CLEAN, Counter, Tally
from water_gee.evaluation.reference import Reference
from water_gee.evaluation.stage import Assessment, assess, count_checkpoint, count_checkpoints
from water_gee.evaluation.view import METHODS, Judge, TileView, views

__all__ = [
    "CLEAN",
    "METHODS",
    "Assessment",
    "Compared",
    "Counter",
    "EvaluationArea",
    "Judge",
    "Reference",
    "Tally",
    "TileView",
    "assess",
    "compare",
    "count_checkpoint",
    "count_checkpoints",
    "counts_of",
    "views",
]
