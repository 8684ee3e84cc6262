"""Learning: tiles into batches, a network fitted to them, and what the run leaves in its folder.

Importing this room imports Lightning, which takes seconds: do it inside the stage that trains.
"""

from water_gee.training.ddp import is_follower
from water_gee.training.fit import Recipe, fit
from water_gee.training.history import OnEpoch
from water_gee.training.plan import radius_of, recipe_of
from water_gee.training.run import CHECKPOINT, Trained, follow, train
from water_gee.training.scores import Scores
from water_gee.training.split import split_tiles
from water_gee.training.store import TileStore

__all__ = [
    "CHECKPOINT",
    "OnEpoch",
    "Recipe",
    "Scores",
    "TileStore",
    "Trained",
    "fit",
    "follow",
    "is_follower",
    "radius_of",
    "recipe_of",
    "split_tiles",
    "train",
]
