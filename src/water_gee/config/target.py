"""Networks of the user's own: a class that a configuration names by `_target_`, found on disk without importing it.

A checkpoint that names a class may have come from anywhere. It is imported only where the user's own configuration
names the same class: what is named is kept here, one fact of the process.
"""

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import sha256

TARGET = "_target_"  # Hydra's name for it
_named: set[str] = set()
_folders: list[Path] = []  # with groups of the configuration


def name_target(target: str) -> None:
    """Remember that the configuration of this process names a class."""
    _named.add(target)


def remember_folders(folders: Iterable[Path]) -> None:
    """Remember where the configuration comes from: what a file of `model` there names is named too."""
    _folders.extend(one for one in folders if one not in _folders)


def is_named(target: str) -> bool:
    """Return whether the user's configuration names a class: the one that was composed, or a file of `model`."""
    return target in _named or any(target == one for one in _in_files())


def _in_files() -> Iterator[Any]:
    from water_gee.config.yaml_file import read_mapping

    for path in (path for folder in _folders for path in sorted((folder / "model").glob("*.yaml"))):
        try:
            yield read_mapping(path).get(TARGET)
        except ConfigError:  # whoever chooses that file is told
            continue


def search_here() -> None:
    """Let modules be found in the project's and the working folder too, last, whichever command runs.

    `python train.py` looks there by itself, and the command `water-gee` does not.
    """
    from water_gee.config.compose import repository

    folders = [str(Path.cwd())]
    with suppress(ConfigError):  # where a model is served there need be no project
        folders.insert(0, str(repository()))
    importlib.invalidate_caches()
    sys.path.extend(folder for folder in folders if folder not in sys.path)


@cache
def code_hash(target: str) -> str:
    """Return a hash of the source of a class, as this process found it first and so runs it: see `sources`."""
    lines = [f"{name} {sha256(path)}" for name, path in sources(target).items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def sources(target: str) -> dict[str, Path]:
    """Return the source files of a class by module: its own, and those that it imports of what lies beside it.

    Beside it lies its package, and where that is not installed, each module of the same folder. Nothing is imported.

    Raises:
        ConfigError: there is no such module, or a file cannot be read as Python.
    """
    search_here()
    module, _, name = target.rpartition(".")
    if not module or not all(part.isidentifier() for part in (*module.split("."), name)):
        raise ConfigError(f"model.{TARGET}: {target!r} is no module and class, such as mypackage.nets.MyNet")
    top, start = _spec(module.partition(".")[0]), _spec(module)
    if top is not None and (start is None or _file(start) is None):
        raise ConfigError(f"model.{TARGET}: {module.partition('.')[0]} is at {_place(top)}, without a module {module}")
    if start is None or top is None:
        raise ConfigError(
            f"model.{TARGET}: there is no module {module}; put the folder that holds {module.partition('.')[0]} on "
            "PYTHONPATH, or move it into the project's folder"
        )
    found: dict[str, Path] = {}
    todo = [module]
    while todo:
        one = todo.pop()
        spec = _spec(one)
        path = _file(spec) if spec else None
        if spec is None or one in found:
            continue
        if path is not None:
            found[one] = path
            todo += [other for other in _imports(one, path) if _is_beside(module, other)]
        todo += [one.rpartition(".")[0]] if "." in one else []
    return dict(sorted(found.items()))


def project_files(target: str) -> list[str]:
    """Return the source files of a class that lie in the project, as DVC names them.

    Raises:
        ConfigError: there is no such module, or a file cannot be read as Python.
    """
    from water_gee.config.compose import repository

    root = repository().resolve()
    own = [path for path in sources(target).values() if path.is_relative_to(root) and not is_installed(path)]
    return sorted(path.relative_to(root).as_posix() for path in own)


def is_installed(path: Path) -> bool:
    """Return whether a file belongs to an installed package, whose version is the environment's business."""
    return any(path.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> tuple[Path, ...]:
    known = sysconfig.get_paths()
    return tuple(Path(known[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _spec(module: str) -> ModuleSpec | None:
    """Return where a module lies. Of its packages, none is imported for it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec


def _file(spec: ModuleSpec) -> Path | None:
    return Path(spec.origin).resolve() if spec.has_location and spec.origin and spec.origin.endswith(".py") else None


def _is_beside(module: str, other: str) -> bool:
    """Return whether what a module imports is of its own package or, of code that is not installed, of its folder."""
    top, mine = other.partition(".")[0], module.partition(".")[0]
    if top == mine:
        return True
    here, there = _spec(mine), _spec(top)
    if here is None or there is None or top in sys.stdlib_module_names:
        return False
    one, two = _place(here), _place(there)
    return one is not None and one == two and not is_installed(one)


def _place(spec: ModuleSpec) -> Path | None:
    """Return the folder that holds a top module or package."""
    if spec.submodule_search_locations is not None:
        return next((Path(one).resolve().parent for one in spec.submodule_search_locations), None)
    path = _file(spec)
    return path.parent if path else None


def _imports(module: str, path: Path) -> set[str]:
    """Return all that a file imports, by full name, within functions too; a name may be no module."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise ConfigError(f"{path}{line}: this is not Python ({str(error).partition(' (')[0]}); mend it") from error
    except OSError as error:
        raise WaterGeeError(f"{path} cannot be read ({error.strerror})") from error
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            around = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names - {""}
