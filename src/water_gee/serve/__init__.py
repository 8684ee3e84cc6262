"""The page and the maps at full resolution, served to this machine alone."""

from water_gee.serve.server import Server
from water_gee.serve.shelf import Shelf

__all__ = ["Server", "Shelf"]
