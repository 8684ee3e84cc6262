"""Surface-water maps from Landsat labels that are free and noisy, made inside Earth Engine."""

from typing import Any

__version__ = "2.0.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Give `water_gee.load`, the reader of an exported network; torch and ee are imported when it is asked for."""
    if name == "load":
        from water_gee.export import load

        return load
    raise AttributeError(f"module 'water_gee' has no attribute {name!r}")
