"""The evaluator: an expression of the client in, values or pixels out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.catalog import Catalog
from eelocal.errors import bad_request
from eelocal.evaluator import library
from eelocal.evaluator.encode import encode, image_json
from eelocal.evaluator.functions_image import select
from eelocal.evaluator.graph import Graph
from eelocal.evaluator.grid import PixelGrid, Projection, place
from eelocal.evaluator.image import Collection, Image
from eelocal.evaluator.inside import outline_window
from eelocal.evaluator.plan import render
from eelocal.evaluator.resampling import has_projection

library.load()


@dataclass(frozen=True)
class PixelBand:
    """One band's pixels `[y, x]` in the type of the band, zero where masked, and their mask (True is valid)."""

    name: str
    values: NDArray[Any]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class PixelResult:
    """The pixels of a request, and the grid that they lie on."""

    bands: list[PixelBand]
    grid: PixelGrid


class Evaluator:
    """Evaluates expressions against a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def value(self, expression: dict[str, Any]) -> Any:
        """Return the JSON that `value:compute` answers with.

        Raises:
            EEError: as the service would.
        """
        return encode(Graph(expression, self.catalog).evaluate())

    def image_info(self, expression: dict[str, Any]) -> dict[str, Any]:
        """Return an image's id, bands and properties, as `ee.Image.getInfo` shows them.

        Raises:
            EEError: where the expression is no image.
        """
        return image_json(self._image(expression))

    def export_info(self, expression: dict[str, Any]) -> tuple[dict[str, Any], PixelGrid]:
        """Return an image's description and the grid that it has of its own, for one evaluation.

        Raises:
            EEError: where the expression is no image, or one without a projection or bounds of its own.
        """
        image = self._image(expression)
        return image_json(image), self.own_grid(image)

    def pixels(
        self,
        expression: dict[str, Any],
        grid: PixelGrid | None = None,
        band_ids: list[str] | None = None,
        check: Callable[[dict[str, Any], PixelGrid], None] = lambda info, grid: None,
    ) -> PixelResult:
        """Compute the pixels of an image.

        Args:
            expression: the client's expression of an image.
            grid: the pixels to compute; None for the image's own projection and footprint.
            band_ids: the bands to compute, in order; None for all.
            check: called before any pixel is computed, with the image's description and the grid; raises to refuse.

        Raises:
            EEError: as the service would.
        """
        image = self._image(expression)
        grid = grid or self.own_grid(image)
        check(image_json(image), grid)
        if band_ids:
            image = select(image, band_ids, None)
        if not image.bands:
            raise bad_request("The image has no bands.")
        for band in image.bands:
            if band.node.type.dimensions:
                raise bad_request(f"Pixels of the band '{band.name}' are arrays; only scalar bands can be computed.")
        if grid.width <= 0 or grid.height <= 0:
            raise bad_request("Pixel grid dimensions must be positive.")
        lattice, top, left = place(Projection(grid.crs, grid.transform))
        rendered = render(image.nodes, lattice, (top, left, top + grid.height, left + grid.width))
        bands = [PixelBand(b.name, values, mask) for b, (values, mask) in zip(image.bands, rendered, strict=True)]
        return PixelResult(bands, grid)

    def own_grid(self, image: Image) -> PixelGrid:
        """Return the grid of an image's first band that holds its footprint.

        Raises:
            EEError: where the image has no projection of its own, or no bounds.
        """
        if not image.bands:
            raise bad_request("The image has no bands.")
        first = image.bands[0]
        if not has_projection(first.node):
            raise bad_request("The image has no projection of its own: a pixel grid is required.")
        a, b, c, d, e, f = first.node.projection.transform
        if first.size is not None:
            return PixelGrid(first.node.projection.crs, (a, b, c, d, e, f), *first.size)
        if image.footprint is None:
            raise bad_request("Unable to compute the bounds of the image: a pixel grid is required.")
        lattice, origin_row, origin_column = place(first.node.projection)
        top, left, bottom, right = outline_window(image.footprint, lattice)
        column, row = left - origin_column, top - origin_row  # whole pixels from the projection's own origin: exact
        x, y = c + a * column + b * row, f + d * column + e * row
        return PixelGrid(lattice.crs, (a, b, x, d, e, y), right - left, bottom - top)

    def _image(self, expression: dict[str, Any]) -> Image:
        value = Graph(expression, self.catalog).evaluate()
        if isinstance(value, Collection):
            raise bad_request("The expression is an ImageCollection, not an Image; mosaic or reduce it first.")
        if not isinstance(value, Image):
            raise bad_request("The expression does not evaluate to an Image.")
        return value
