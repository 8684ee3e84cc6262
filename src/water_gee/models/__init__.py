"""The networks and how a trained one is kept."""

from water_gee.models.nets import PixelCNN, PixelMLP, PixelNetwork, Standardise, crop
from water_gee.models.pruning import multiply_adds, prune, widths
from water_gee.models.trained import TrainedModel, build_body, load_checkpoint, predict, save_checkpoint

__all__ = [
    "PixelCNN",
    "PixelMLP",
    "PixelNetwork",
    "Standardise",
    "TrainedModel",
    "build_body",
    "crop",
    "load_checkpoint",
    "multiply_adds",
    "predict",
    "prune",
    "save_checkpoint",
    "widths",
]
