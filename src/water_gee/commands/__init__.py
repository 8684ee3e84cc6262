"""The commands of `water-gee`, one file each: its docstring is the help, its `run` takes the settings.

A file put here is a command of its name; nothing else lists them.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings


@dataclass(frozen=True)
class Command:
    """A command: its name on the command line, one line of help, and what it does."""

    name: str
    help: str
    run: Callable[["Settings"], None]


def commands() -> dict[str, Command]:
    """Return every command by its name, in the order of `--help`."""
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    modules.sort(key=lambda module: (module.ORDER, module.__name__))
    names = [module.__name__.rpartition(".")[2].replace("_", "-") for module in modules]
    return {
        name: Command(name, (module.__doc__ or "").splitlines()[0].rstrip("."), module.run)
        for name, module in zip(names, modules, strict=True)
    }
