"""From a torch network to Earth Engine operations, proven equal."""

from typing import Any

_PUBLIC = {
    "to_earth_engine": "api", "EarthEngineNetwork": "api", "Proof": "api",
    "ExportedNetwork": "network", "ExportOptions": "network", "export_network": "network", "load": "loading",
    "Parity": "parity", "compare": "parity", "trace": "tracing", "run": "stage",
    "export_of": "deployment", "read_export": "deployment",
}  # fmt: skip

__all__ = [
    "EarthEngineNetwork",
    "ExportOptions",
    "ExportedNetwork",
    "Parity",
    "Proof",
    "compare",
    "export_network",
    "export_of",
    "load",
    "read_export",
    "run",
    "to_earth_engine",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch and ee are slow to import."""
    from importlib import import_module

    if name not in _PUBLIC:
        raise AttributeError(name)
    return getattr(import_module(f"water_gee.export.{_PUBLIC[name]}"), name)
