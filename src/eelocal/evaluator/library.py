"""Loading every module that registers operations."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import eelocal.evaluator as package


def load() -> None:
    """Import all `functions_*` modules, so that the registry is complete."""
    for module in iter_modules(package.__path__):
        if module.name.startswith("functions_"):
            import_module(f"{package.__name__}.{module.name}")
