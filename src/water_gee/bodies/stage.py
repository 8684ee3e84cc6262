"""Stage `bodies`: water bodies as polygons, and the area of each in each year."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from water_gee.bodies.earlier import earlier_file, read_earlier
from water_gee.bodies.frames import ADVICE, Frame
from water_gee.bodies.labels import sums
from water_gee.bodies.names import names_of
from water_gee.bodies.read import REPORT
from water_gee.bodies.shapes import Shape
from water_gee.bodies.strips import Raster, Scratch
from water_gee.bodies.tables import tables_of
from water_gee.bodies.vectors import read_vectors
from water_gee.bodies.write import finish, publish
from water_gee.bodies.years import SEEN, WET, Bodies, names_of_places, over_years
from water_gee.claims import claimed
from water_gee.classes import UNKNOWN, WATER
from water_gee.config.bodies import BodiesSettings
from water_gee.config.inputs import sha256_of
from water_gee.config.settings import Settings
from water_gee.errors import WaterGeeError
from water_gee.files import sha256
from water_gee.maps import read_maps
from water_gee.paths import Layout
from water_gee.progress import say, track

_CACHE = 64 * 2**20  # bytes of blocks that GDAL may keep; else a twentieth of the machine's memory


def run(settings: Settings) -> None:
    """Find the bodies of the maps and write `bodies/`.

    Raises:
        WaterGeeError: there are no maps, they or the bodies before were changed, or another command makes bodies now.
        ConfigError: a file that is named cannot be used.
    """
    choice, layout = settings.bodies, Layout.of(settings)
    with claimed(layout, layout.bodies / REPORT), rasterio.Env(GDAL_CACHEMAX=_CACHE):
        finish(layout)
        report = read_maps(layout)
        if report is None:
            raise WaterGeeError(f"{layout.maps} holds no maps, of which bodies are made; {ADVICE}")
        _make(layout, choice, report, Scratch(layout.work))


def _make(layout: Layout, choice: BodiesSettings, report: Mapping[str, Any], scratch: Scratch) -> None:
    frame = Frame.of(layout, report)
    before = earlier_file(layout, choice.earlier)  # what is named is read now, and not after long work
    earlier = read_earlier(before, frame, scratch) if before else None
    names = layout.locate(choice.names) if choice.names else None
    named = read_vectors("bodies.names", names, "name", frame.crs) if names else None
    areas = scratch.keep(frame.areas())
    shape = Shape(choice.join, choice.min_km2 * 1e6, choice.river_width, choice.elongation, frame.sides())
    name = names_of_places(frame.grid, frame.to_degrees.transform)
    bodies = over_years(_years(frame), areas, shape, frame.corner, name, scratch, earlier)
    tables = tables_of(frame, bodies, areas, lambda shapes: names_of(shapes, bodies.parts.kinds.tolist(), named))
    made_of = {"study": layout.study, "area": report.get("area", ""), "maps_sha256": sha256(layout.maps / "maps.json")}
    counts = _counts(bodies, areas)
    publish(layout, tables, {**made_of, **_choices(layout, choice, names, before), **counts})
    _tell(bodies, counts["left_out_km2"], choice, kept=len(set(bodies.ids) & set(earlier.ids)) if earlier else None)


def _years(frame: Frame) -> Iterator[Raster]:
    for year in track(frame.years, "finding bodies", len(frame.years)):
        yield frame.layer(year, "water").map(_wet_and_seen)


def _wet_and_seen(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(WET * (classes == WATER) + SEEN * (classes != UNKNOWN), dtype=np.uint8)


def _choices(layout: Layout, choice: BodiesSettings, names: Path | None, earlier: Path | None) -> dict[str, Any]:
    """Return the choices that the bodies follow; of files that were read, the hashes."""
    # Of its own result before nothing is said: then two runs would never be the same.
    others = None if earlier and earlier.parent.absolute() == layout.bodies.absolute() else earlier
    hashes = {f"{key}_sha256": sha256_of(path) for key, path in (("names", names), ("earlier", others)) if path}
    return {"settings": choice.model_dump(), **hashes}


def _counts(bodies: Bodies, areas: Raster) -> dict[str, Any]:
    dropped = sums(bodies.parts.dropped.map(lambda left: left.astype(np.int32)), 1, areas)[1]
    return {"bodies": bodies.parts.count, "left_out_km2": round(float(dropped) / 1e6, 6)}


def _tell(bodies: Bodies, left_out: float, choice: BodiesSettings, kept: int | None) -> None:
    lakes = int((bodies.parts.kinds == "lake").sum())
    say(
        f"lakes: {lakes}, rivers: {bodies.parts.count - lakes}; water of bodies below {choice.min_km2:g} km2, "
        f"{left_out:.3f} km2 in all, is left out"
    )
    if kept is not None:
        say(f"{kept} of them have the ids that they had before")
