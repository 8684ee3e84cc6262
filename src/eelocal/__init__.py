"""Earth Engine on one machine: a loopback service for the genuine ``ee`` client, on a folder of GeoTIFFs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eelocal.client import connect
from eelocal.errors import EEError

if TYPE_CHECKING:
    from eelocal.limits import Limits
    from eelocal.server import Server

__all__ = ["EEError", "Limits", "Server", "connect"]

_LATER = {"Limits": "eelocal.limits", "Server": "eelocal.server"}


def __getattr__(name: str) -> Any:
    """Import the server only where it is used: whoever just connects needs neither it nor rasterio."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'eelocal' has no attribute '{name}'")
