"""The catalogue as files: the same bytes for the same products, and never half of one and half of another."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pystac

from water_gee.errors import WaterGeeError
from water_gee.files import atomic, is_there, sha256, write_json
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

REPORT = "report.json"
_ADVICE = "run again: water-gee catalogue"


def publish(layout: Layout, root: pystac.Catalog, made_of: Mapping[str, Any]) -> list[str]:
    """Write `catalogue/` and return the names of its files: all are made beside the last good ones, then moved.

    Items of years that are no longer mapped are removed; files of others stay.

    Args:
        layout: the root.
        root: the catalogue, every href set.
        made_of: what the report says beside the files' hashes.

    Raises:
        WaterGeeError: a file could not be written.
    """
    built = layout.work / "catalogue"
    shutil.rmtree(built, ignore_errors=True)
    folder = layout.catalogue
    files: dict[str, str] = {}
    try:
        for one in _objects(root):
            name = Path(one.self_href).relative_to(folder.absolute()).as_posix()
            write_json(built / name, _plain(one))
            files[name] = sha256(built / name)
        before = _names_of(folder)
        (folder / REPORT).unlink(missing_ok=True)  # until all is in its place, it speaks for nothing
        for name in reversed(files):  # the items before what lists them
            with atomic(folder / name) as temporary:
                shutil.move(built / name, temporary)
        write_sealed(folder / REPORT, {**made_of, "files": files})
    except OSError as error:
        raise WaterGeeError(f"{folder} could not be written ({error}); see to the disk and run again") from error
    shutil.rmtree(built, ignore_errors=True)
    for name in before - files.keys():
        (folder / name).unlink(missing_ok=True)
        if (folder / name).parent != folder and not any((folder / name).parent.iterdir()):
            (folder / name).parent.rmdir()
    return list(files)


def _objects(root: pystac.Catalog) -> Iterator[pystac.STACObject]:
    """Yield the catalogue, its collections and their items."""
    yield root
    for collection in root.get_children():
        yield collection
        yield from collection.get_items()


def _plain(one: pystac.STACObject) -> dict[str, Any]:
    """Return an object as plain types; every href that is of a file is relative to the object's own.

    pystac's own relative hrefs end at a `#` or `?` in the name of a folder above the root.
    """
    content: dict[str, Any] = one.to_dict(include_self_link=False, transform_hrefs=False)
    base = Path(one.self_href).parent
    for link in (*content["links"], *content.get("assets", {}).values()):
        if Path(link["href"]).is_absolute():
            relative = Path(os.path.relpath(link["href"], base)).as_posix()
            link["href"] = relative if relative.startswith("../") else f"./{relative}"
    return content


def _names_of(folder: Path) -> set[str]:
    """Return the files of the catalogue that is there, as its report names them; none where that is not to be had."""
    if not is_there(folder / REPORT):
        return set()
    try:
        known = read_sealed(folder / REPORT, _ADVICE).get("files", {})
    except WaterGeeError:
        return set()
    return {str(name) for name in known}
