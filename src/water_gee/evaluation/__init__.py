"""How good the map is: the model, the quality band and MNDWI against references."""

from water_gee.evaluation.comparison import Compared, compare, counts_of
from water_gee.evaluation.count import CLEAN, Counter, Tally
from water_gee.evaluation.reference import Reference
from water_gee.evaluation.stage import (
    Assessment,
    assess,
    is_simulated,
    judged,
    judged_together,
    reference_hashes,
    references_of,
    test_tiles,
)
from water_gee.evaluation.view import METHODS, Judge, TileView, views

__all__ = [
    "CLEAN",
    "METHODS",
    "Assessment",
    "Compared",
    "Counter",
    "Judge",
    "Reference",
    "Tally",
    "TileView",
    "assess",
    "compare",
    "counts_of",
    "is_simulated",
    "judged",
    "judged_together",
    "reference_hashes",
    "references_of",
    "test_tiles",
    "views",
]
