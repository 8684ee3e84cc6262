"""From a torch network to Earth Engine operations, proven equal."""

from typing import Any

_PUBLIC = {
    "ExportedNetwork": "network", "ExportOptions": "network", "export_network": "network", "load": "network",
    "Parity": "parity", "compare": "parity", "trace": "tracing", "run": "stage",
    "export_of": "deployment", "read_export": "deployment",
}  # fmt: skip

__all__ = [
    "ExportOptions",
    "ExportedNetwork",
    "Parity",
    "compare",
    "export_network",
    "export_of",
    "load",
    "read_export",
    "run",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch and ee are slow to import."""
    from importlib import import_module

    if name not in _PUBLIC:
        raise AttributeError(name)
    return getattr(import_module(f"water_gee.export.{_PUBLIC[name]}"), name)
