"""What lies on disk for the page: the selected model, and what was made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from water_gee.errors import ModelError
from water_gee.export import export_of
from water_gee.files import is_there, sha256
from water_gee.maps import map_path, read_areas, read_maps
from water_gee.models import Checkpoint, selected
from water_gee.paths import Layout
from water_gee.sealed import read_checked

_HASHED = (
    "data/tiles/tiles.csv", "data/clean/report.json", "models/model.ckpt", "models/model.json",
    "export/expression.json", "export/export.json", "maps/maps.json", "maps/area.csv",
    "bodies/bodies.json",
)  # fmt: skip


@dataclass(frozen=True)
class Products:
    """What was made of the selected model; of another model nothing is shown, but `stale` says that it is there."""

    checkpoint: Checkpoint
    model: Mapping[str, Any]  # model.json
    curves: bytes | None  # curves.csv of the selected run, where it has any
    export: Mapping[str, Any] | None  # export.json
    maps: Mapping[str, Any] | None  # maps.json
    areas: Sequence[Mapping[str, str]]  # rows of area.csv
    stale: tuple[str, ...]  # a sentence each

    @property
    def parity(self) -> Mapping[str, Any]:
        """The proof of the export; empty without one."""
        return dict((self.export or {}).get("parity") or {})


def products(layout: Layout) -> Products:
    """Return what was made of the selected model, every file checked against its report.

    Raises:
        ModelError: nothing is selected.
        WaterGeeError: a file was changed since it was written, or is of another study.
    """
    chosen = selected(layout)
    checkpoint = chosen.checkpoint
    export, maps = export_of(layout, checkpoint.sha256), read_maps(layout)
    stale = []
    if export is None and is_there(layout.export / "export.json"):
        stale.append("The export is of another model and is not shown; run again: water-gee export.")
    if maps is not None and not _of(maps, checkpoint, export):
        maps = None
        stale.append("The maps are of another model or export and are not shown; run again: water-gee predict.")
    areas = read_areas(layout, maps) if maps is not None else []
    return Products(checkpoint, chosen.report, _curves(layout, chosen.report), export, maps, areas, tuple(stale))


def of_season(made: Products, months: tuple[int, int], sensor: str) -> Products:
    """Return the same without maps that are of other months or of another sensor than the page says that it is."""
    for key, now in (("months", "{}-{}".format(*months)), ("sensor", sensor)):
        if made.maps is not None and (mapped := made.maps.get(key, now)) != now:
            sentence = (
                f"The maps are of the {key} {mapped}, not {now}, and are not shown; run again: water-gee predict."
            )
            made = replace(made, maps=None, areas=[], stale=(*made.stale, sentence))
    return made


def _curves(layout: Layout, model: Mapping[str, Any]) -> bytes | None:
    known = model.get("curves_sha256")
    path = layout.models / "curves.csv"
    return read_checked(path, known, "run again: water-gee select", error=ModelError) if known else None


def check_maps(layout: Layout, made: Products) -> None:
    """Check the water map of every year that is shown.

    Raises:
        WaterGeeError: one is not the file that was written.
    """
    if made.maps is not None:
        for row in made.areas:
            map_path(layout, made.maps, row["year"], "water")


def _of(maps: Mapping[str, Any], checkpoint: Checkpoint, export: Mapping[str, Any] | None) -> bool:
    """Return whether maps are of a checkpoint and, where Earth Engine made them, of the export that is there."""
    exported = (export or {}).get("expression_sha256")
    return maps.get("checkpoint_sha256") == checkpoint.sha256 and maps.get("expression_sha256") in (None, exported)


def water_map(layout: Layout, maps: Mapping[str, Any], year: str, limit: int = 1000) -> NDArray[np.uint8]:
    """Return a year's water map [y, x], thinned to at most `limit` pixels a side by its most frequent class.

    Raises:
        WaterGeeError: the file is not the one that was written.
    """
    with rasterio.open(map_path(layout, maps, year, "water")) as file:
        step = max(1, -(-max(file.shape) // limit))
        shape = (-(-file.height // step), -(-file.width // step))
        water: NDArray[np.uint8] = file.read(1, out_shape=shape, resampling=Resampling.mode)
        return water


def hashes(layout: Layout) -> dict[str, str]:
    """Return the SHA-256 of the files that everything follows from, of those that are there."""
    return {name: sha256(layout.root / name) for name in _HASHED if (layout.root / name).is_file()}
