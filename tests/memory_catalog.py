"""A catalog in memory, and the genuine client without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ee
import numpy as np
from ee import apitestcase
from numpy.typing import NDArray

from eelocal.errors import not_found
from eelocal.evaluator import Evaluator, PixelGrid, PixelResult

NORTH_UP = (30.0, 0.0, 500_010.0, 0.0, -30.0, 5_700_030.0)


@dataclass(frozen=True)
class MemoryBand:
    """A band's description."""

    name: str
    dtype: str
    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int


@dataclass
class MemoryImage:
    """An image whose bands are arrays `[y, x]`, masked where `masks` says so."""

    id: str
    data: dict[str, NDArray[Any]]
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    crs: str = "EPSG:32648"
    transform: tuple[float, float, float, float, float, float] = NORTH_UP

    @property
    def bands(self) -> tuple[MemoryBand, ...]:
        """The bands' descriptions."""
        return tuple(
            MemoryBand(name, str(a.dtype), self.crs, self.transform, a.shape[1], a.shape[0])
            for name, a in self.data.items()
        )

    def read(self, band: str, col: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A window; outside is masked."""
        data = self.data[band]
        mask = self.masks.get(band, np.ones(data.shape, bool))
        out, valid = np.zeros((height, width), data.dtype), np.zeros((height, width), bool)
        y0, y1, x0, x1 = max(row, 0), min(row + height, data.shape[0]), max(col, 0), min(col + width, data.shape[1])
        if y0 < y1 and x0 < x1:
            part = (slice(y0 - row, y1 - row), slice(x0 - col, x1 - col))
            out[part], valid[part] = data[y0:y1, x0:x1], mask[y0:y1, x0:x1]
        return out, valid


class MemoryCatalog:
    """Images by id; a collection is the images whose id starts with its own."""

    def __init__(self, *images: MemoryImage) -> None:
        """Keep the images."""
        self.known = {image.id: image for image in images}

    def kind(self, asset_id: str) -> str:
        """Say what an id names."""
        if asset_id in self.known:
            return "IMAGE"
        self.images(asset_id)
        return "IMAGE_COLLECTION"

    def image(self, asset_id: str) -> MemoryImage:
        """The image of an id."""
        if asset_id not in self.known:
            raise not_found(f"Asset '{asset_id}' not found.")
        return self.known[asset_id]

    def images(self, collection_id: str) -> list[MemoryImage]:
        """The images below an id."""
        found = [image for name, image in self.known.items() if name.rpartition("/")[0] == collection_id]
        if not found:
            raise not_found(f"Asset '{collection_id}' not found.")
        return found

    def elsewhere(self, collection_id: str) -> None:
        """Where a scene lies that a missing collection would hold: nowhere."""


@contextmanager
def client() -> Iterator[None]:
    """Let the genuine client build graphs without a server, and leave it as it was."""
    if ee.data.is_initialized():
        yield  # connected by another test: it builds graphs already
        return
    case = apitestcase.ApiTestCase()
    install = ee.data._install_cloud_api_resource
    case.setUp()
    try:
        yield
    finally:
        case.tearDown()
        ee.data._install_cloud_api_resource = install
        ee.Reset()


def graph(thing: Any) -> dict[str, Any]:
    """The expression that the client would send."""
    return dict(ee.serializer.encode(thing, for_cloud_api=True))


def grid(
    width: int, height: int, left: int = 0, top: int = 0, base: tuple[float, ...] = NORTH_UP, crs: str = "EPSG:32648"
) -> PixelGrid:
    """A window of a grid."""
    a, b, c, d, e, f = base
    return PixelGrid(crs, (a, b, c + a * left + b * top, d, e, f + d * left + e * top), width, height)


def pixels(
    catalog: MemoryCatalog, image: Any, where: PixelGrid | None = None, bands: list[str] | None = None
) -> PixelResult:
    """The pixels of a client's image."""
    return Evaluator(catalog).pixels(graph(image), where, bands)


def value(catalog: MemoryCatalog, thing: Any) -> Any:
    """The value of a client's object."""
    return Evaluator(catalog).value(graph(thing))
