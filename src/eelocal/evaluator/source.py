"""What the evaluator reads from: the catalog as it sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

AssetKind = Literal["IMAGE", "IMAGE_COLLECTION", "FOLDER", "TABLE"]


class BandInfo(Protocol):
    """One stored band: its name, numpy type and pixel grid."""

    @property
    def name(self) -> str:
        """The band's name."""

    @property
    def dtype(self) -> str:
        """The stored numpy type, such as ``uint16``."""

    @property
    def crs(self) -> str:
        """The coordinate system, an authority code or WKT."""

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """The affine transform a, b, c, d, e, f of the pixel corners."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""


class ImageAsset(Protocol):
    """A stored image."""

    @property
    def id(self) -> str:
        """The asset id."""

    @property
    def properties(self) -> dict[str, Any]:
        """The image's properties, ``system:time_start`` in milliseconds among them."""

    @property
    def bands(self) -> tuple[BandInfo, ...]:
        """The bands in order."""

    def read(self, band: str, col: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values and mask `[height, width]` of a native window; outside the raster is masked."""


class Catalog(Protocol):
    """Where assets come from; each method raises `EEError` (404) for what does not exist."""

    def image(self, asset_id: str, /) -> ImageAsset:
        """Return the image of that id."""

    def images(self, collection_id: str, /) -> Sequence[ImageAsset]:
        """Return the images of a collection, in the order of their ids."""

    def kind(self, asset_id: str, /) -> AssetKind:
        """Say what the id names."""
