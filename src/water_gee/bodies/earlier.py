"""Bodies of an earlier result, whose ids are kept."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from water_gee.bodies.frames import Frame
from water_gee.bodies.identity import Known
from water_gee.bodies.read import REPORT
from water_gee.bodies.strips import Raster, Scratch
from water_gee.bodies.vectors import read_vectors
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import is_there, sha256
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.sealed import read_sealed
from water_gee.study import Window

KEY = "bodies.earlier"
LAYER = "bodies"


def earlier_file(layout: Layout, name: str | None) -> Path | None:
    """Return the file whose ids are kept: the study's own result before, where there is one, or the user's.

    Raises:
        ConfigError: there is no such file.
        WaterGeeError: the result before was changed since it was written, so that ids would be lost.
    """
    if not name:
        return None
    path = layout.root / name
    if path.parent.absolute() != layout.bodies.absolute():
        return layout.locate(name)
    if not is_there(layout.bodies / REPORT):
        return None  # and never what lies in the working directory: that is another root's
    advice = f"put it back, or delete {layout.bodies} if its ids may be lost"
    report = read_sealed(layout.bodies / REPORT, advice)
    if report.get("study") != layout.study:
        return None
    if not path.is_file() or sha256(path) != report.get("files", {}).get(path.name):
        raise WaterGeeError(f"{path}, which holds the ids so far, is not the file that was written; {advice}")
    return path if report.get("bodies") else None


def read_earlier(path: Path, frame: Frame, scratch: Scratch) -> Known | None:
    """Return the bodies of a file on the pixels of a frame; None where it has none there.

    Raises:
        ConfigError: the file cannot be used, or names two bodies alike.
    """
    table = read_vectors(KEY, path, "id", frame.crs, optional=("formerly",), layer=LAYER)
    if table["id"].duplicated().any():
        twice = table["id"][table["id"].duplicated()].iloc[0]
        raise ConfigError(f"{KEY}: {path} has the id {twice} twice; give each body its own")
    labels = scratch.keep(_drawn(list(table.geometry), frame))
    if not any(labels.read(*rows).any() for rows in labels.strips()):
        say(f"{KEY}: no body of {path} lies in the mapped area")
        return None
    formerly = [parted(text) for text in table["formerly"]]
    return Known(labels, list(table["id"]), formerly)


def joined(ids: Iterable[str]) -> str:
    """Return ids as one text, commas between them; one that holds a comma or a quote is quoted, as in CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(ids)
    return text.getvalue()


def parted(text: str) -> tuple[str, ...]:
    """Return the ids that `joined` was given."""
    return tuple(one for row in csv.reader(io.StringIO(text, newline="")) for one in row)


def _drawn(shapes: Sequence[Any], frame: Frame) -> Raster:
    """Return the numbers of shapes on the pixels whose centres they cover, from 1, the last one's where several do."""
    tree = shapely.STRtree(shapes)
    width = frame.window.width

    def read(first: int, last: int) -> NDArray[np.int32]:
        part = Window(frame.window.left, frame.window.top + first, width, last - first)
        near = np.sort(tree.query(shapely.box(*frame.grid.bounds(part))))
        if not len(near):
            return np.zeros((last - first, width), dtype=np.int32)
        numbered = ((shapes[number], int(number) + 1) for number in near)
        size, transform = (last - first, width), frame.grid.transform(part)
        drawn = rasterio.features.rasterize(numbered, out_shape=size, transform=transform, dtype="int32")
        return np.asarray(drawn, dtype=np.int32)

    return Raster(frame.shape, read)
