"""The files that a configuration names: which they are, and a hash by key, by which a change of them is noticed."""

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from water_gee.config.base import Group, NamesFiles
from water_gee.config.settings import Settings
from water_gee.files import digest, sha256
from water_gee.paths import Layout

_OF_ONE_NAME = {".shp", ".tab", ".mif"}  # formats of several files of one name
_BESIDE = (".msk", ".aux.xml", "-wal")  # after a file's whole name: mask, metadata, and what SQLite has not moved yet
_WORLD = (".tfw", ".tifw", ".wld")  # in place of a file's suffix: where a raster without a place of its own lies


def matching(root: Path, pattern: str, year: int) -> list[Path]:
    """Return the files of one year that a glob names, sorted by name: below the root, else the working directory."""
    named = pattern.replace("{year}", str(year))
    for folder in (root, Path.cwd()):
        if found := glob.glob(named, root_dir=folder, recursive=True):
            return [Path(os.path.join(folder, name)) for name in sorted(found)]
    return []


def parts(path: Path) -> list[Path]:
    """Return all files that a file of data is made of, sorted: itself and those beside it, or all of a folder."""
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file())
    if path.suffix.lower() in _OF_ONE_NAME:
        return sorted(one for one in path.parent.glob(f"{glob.escape(path.stem)}.*") if one.is_file())
    if path.suffix.lower() == ".vrt":
        return _of_virtual(path)
    beside = [path.with_name(f"{path.name}{end}") for end in _BESIDE]
    beside += [path.with_suffix(end) for end in _WORLD]
    return [path, *sorted(one for one in beside if one.is_file() and one.stat().st_size)]


def _of_virtual(path: Path) -> list[Path]:
    """Return a virtual raster and the files that it is made of, of as many as can be read."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path) as file:
            named = {Path(one) for one in file.files}
    except RasterioError:
        named = set()
    return [path, *sorted(one for one in named if one.is_file() and one != path)]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; of one made of several files, that of all of them."""
    files = parts(path)
    if files == [path]:
        return sha256(path)
    names = (f"{os.path.relpath(one, path.parent)} {sha256(one)}" for one in files)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


@cache
def file_keys(kind: type[Group] = Settings, at: str = "") -> tuple[str, ...]:
    """Return the keys of the configuration that name files; of files by name (areas, references), that of all."""
    found = []
    for name, field in kind.model_fields.items():
        inner = get_args(field.annotation)[-1] if str(field.annotation).startswith("dict[") else field.annotation
        if _mark(field) is not None:
            found.append(f"{at}{field.alias or name}")
        elif isinstance(inner, type) and issubclass(inner, Group):
            below = file_keys(inner, f"{at}{name}.")
            found += below if inner is field.annotation else [f"{at}{name}"] if below else []
    return tuple(found)


def marks(settings: Settings, keys: Iterable[str], *, known: bool = False) -> dict[str, str]:
    """Return a hash of the files that each key below `keys` names; where they lie does not count.

    A key whose files are not there has none. Those that DVC looks at by itself have one only where `known` is set.
    """
    layout, wanted = Layout.of(settings), tuple(keys)
    found = {}
    for one in _named(settings, wanted):
        if known or not one.is_known(layout):
            files = [part for path in one.paths(layout) for part in parts(path)]
            if one.key == "evaluate.points":
                files.append(layout.survey / "survey.json")  # the sample that the labels are of
            if files := [file for file in files if file.is_file()]:
                found[one.key] = digest(files)
    return found


def unwatched(settings: Settings, keys: Iterable[str], known: Iterable[Path]) -> dict[str, str]:
    """Return what the keys below `keys` name outside of the known folders, by key."""
    layout, folders = Layout.of(settings), tuple(known)
    return {
        one.key: one.name
        for one in _named(settings, tuple(keys))
        if not one.is_known(layout) and not any(_is_below(one.place(layout), folder) for folder in folders)
    }


@dataclass(frozen=True)
class _Named:
    """A key that names files."""

    key: str
    name: str
    mark: NamesFiles
    years: tuple[int, ...]  # that are put into a pattern

    def place(self, layout: Layout) -> Path:
        """Return where the file lies, or would; of a pattern, the pattern below the root."""
        return layout.root / self.name if self.mark.is_pattern else layout.locate(self.name)

    def paths(self, layout: Layout) -> list[Path]:
        """Return the files."""
        if not self.mark.is_pattern:
            return [layout.locate(self.name)]
        return sorted({path for year in self.years for path in matching(layout.root, self.name, year)})

    def is_known(self, layout: Layout) -> bool:
        """Return whether DVC sees a change by itself.

        It does in `data/raw`, which every stage but training depends on; a stage's own result is no choice, and a run
        that is named is known by its record.
        """
        if self.mark.may_be_run:
            return not self.place(layout).exists()
        place = layout.root / self.name
        return _is_below(place, layout.raw) or (self.key == "bodies.earlier" and _is_below(place, layout.bodies))


def _named(settings: Settings, keys: tuple[str, ...]) -> Iterator[_Named]:
    """Yield what the keys below `keys` name."""
    for one in _all_named(settings):
        if any(one.key == key or one.key.startswith(f"{key}.") for key in keys):
            yield one


def _all_named(group: Group, at: str = "", years: tuple[int, ...] = ()) -> Iterator[_Named]:
    for name, field in type(group).model_fields.items():
        value, mark = group.__dict__.get(name), _mark(field)
        if name == "study" and isinstance(value, Group):
            years = tuple(value.__dict__.get("years", ()))
        if mark is not None and value:
            yield _Named(f"{at}{field.alias or name}", str(value), mark, years)
        for word, one in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(one, Group):
                yield from _all_named(one, f"{at}{name}.{word}." if word else f"{at}{name}.", years)


def _mark(field: Any) -> NamesFiles | None:
    """Return what a field's annotation says of the files that it names, None where it names none."""
    todo = [*field.metadata, field.annotation]
    while todo:
        one = todo.pop()
        if isinstance(one, NamesFiles):
            return one
        todo += [*get_args(one), *getattr(one, "__metadata__", ())]
    return None


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))
