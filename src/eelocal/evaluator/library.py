"""Loading every module that registers operations."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def load() -> None:
    """Import all `functions_*` modules, so that the registry is complete."""
    for file in sorted(Path(__file__).parent.glob("functions_*.py")):
        import_module(f"eelocal.evaluator.{file.stem}")
