"""The networks and baselines, and how a trained one is kept."""

from water_gee.models.baselines import BoostedTrees, CFMaskRule, PixelLinear, raw_network
from water_gee.models.nets import PixelNetwork, Standardise, crop
from water_gee.models.networks import NETWORKS
from water_gee.models.networks.mlp import PixelMLP
from water_gee.models.networks.pixelcnn import PixelCNN
from water_gee.models.own import Own, check_sendable
from water_gee.models.pruning import multiply_adds, prune, widths
from water_gee.models.runtimes import AUTO, Predictor, choose, one_thread, predictor, require_runtime, to_onnx
from water_gee.models.selection import Checkpoint, Selected, selected, selected_report_path
from water_gee.models.trained import (
    TrainedModel,
    build_body,
    learned_numbers,
    load_checkpoint,
    predict,
    save_checkpoint,
)

__all__ = [
    "AUTO",
    "NETWORKS",
    "BoostedTrees",
    "CFMaskRule",
    "Checkpoint",
    "Own",
    "PixelCNN",
    "PixelLinear",
    "PixelMLP",
    "PixelNetwork",
    "Predictor",
    "Selected",
    "Standardise",
    "TrainedModel",
    "build_body",
    "check_sendable",
    "choose",
    "crop",
    "learned_numbers",
    "load_checkpoint",
    "multiply_adds",
    "one_thread",
    "predict",
    "predictor",
    "prune",
    "raw_network",
    "require_runtime",
    "save_checkpoint",
    "selected",
    "selected_report_path",
    "to_onnx",
    "widths",
]
