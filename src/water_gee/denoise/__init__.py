"""Noise removal: clean labels of every tile, where to abstain, and how sure each label is."""

from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason, agreement, usable, visible
from water_gee.denoise.method import Method, Survey, TileByTile
from water_gee.denoise.methods import METHODS
from water_gee.denoise.methods.confident import Confident
from water_gee.denoise.methods.label_model import LabelModel
from water_gee.denoise.methods.none import Raw
from water_gee.denoise.methods.v1 import V1
from water_gee.denoise.methods.vote import Vote
from water_gee.denoise.methods.water_gee import Joined
from water_gee.denoise.panels import tile_panels
from water_gee.denoise.registry import build
from water_gee.denoise.store import CLEAN_BANDS, CleanLabels, clean_report_path, own_seed, read_clean, write_clean
from water_gee.denoise.training_tiles import training_records

__all__ = [
    "ABSTAIN",
    "CLEAN_BANDS",
    "METHODS",
    "V1",
    "CleanLabel",
    "CleanLabels",
    "Confident",
    "Joined",
    "LabelModel",
    "Method",
    "Raw",
    "Reason",
    "Survey",
    "TileByTile",
    "Vote",
    "agreement",
    "build",
    "clean_report_path",
    "own_seed",
    "read_clean",
    "tile_panels",
    "training_records",
    "usable",
    "visible",
    "write_clean",
]
