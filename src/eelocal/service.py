"""What each REST call does, apart from HTTP: dictionaries in, a reply out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eelocal import discovery, encode
from eelocal.assets import Store
from eelocal.catalog import Catalog, asset_id
from eelocal.errors import EEError, bad_request
from eelocal.evaluator import Evaluator, PixelGrid
from eelocal.exports import ImageExport
from eelocal.limits import Limits
from eelocal.operations import Operations
from eelocal.workers import Workers, never

Gone = Callable[[], bool]
"""Returns whether the client that asked has gone away, so that nothing need be computed for it."""

_LATE = EEError("Computation timed out.", 400, "INVALID_ARGUMENT")


@dataclass(frozen=True)
class Reply:
    """A reply's body and its type; `error` is the message of one that is an error."""

    body: bytes
    content_type: str = "application/json; charset=UTF-8"
    error: str = ""


def as_json(content: Any) -> Reply:
    """Return a JSON reply."""
    return Reply(json.dumps(content).encode())


def refuse(what: str) -> EEError:
    """Return the refusal, by name, of what eelocal does not do; 400, so that the client does not try again."""
    return EEError(f"eelocal does not implement {what}.", 400, "UNIMPLEMENTED")


class Service:
    """The calls that the client makes, on one catalog."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        """Serve the folder `root`.

        Raises:
            EEError: there is no such folder.
        """
        self.limits = limits or Limits()
        self.catalog = Catalog(root)
        self.store = Store(self.catalog)
        self.evaluator = Evaluator(self.catalog)
        self.operations = Operations(self.catalog.root, self.limits)
        self.workers = os.cpu_count() or 1
        self._workers = Workers(self.workers, "eelocal-compute")

    def close(self) -> None:
        """Stop the threads and give up the running tasks."""
        self._workers.close()
        self.operations.close()

    def _compute(self, work: Callable[[], Any], gone: Gone) -> Any:
        """Do heavy work on one of a few threads: as many at once as there are processors, the rest waits."""
        return self._workers.submit(work).wait(self.limits.seconds, _LATE, gone)

    def describe_api(self, base_url: str) -> Reply:
        """Return the discovery document."""
        return as_json(discovery.discovery(base_url))

    def list_algorithms(self) -> Reply:
        """Return the list of algorithms."""
        return Reply(discovery.algorithms())

    def compute_value(self, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``value:compute``."""
        expression = _expression(body)
        result = self._compute(lambda: self.evaluator.value(expression), gone)
        if isinstance(result, dict) and result.get("type") == "ImageCollection":
            self.limits.check_elements(len(result.get("features", [])))
        return as_json({"result": result})

    def compute_pixels(self, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``image:computePixels``."""
        return self._compute_pixels(_expression(body), body, gone)

    def get_pixels(self, name: str, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``assets:getPixels``."""
        if body.get("region"):
            raise refuse("the field region of getPixels: give a grid")
        id = asset_id(name)
        self.catalog.image(id)
        load = {"functionName": "Image.load", "arguments": {"id": {"constantValue": id}}}
        return self._compute_pixels({"result": "0", "values": {"0": {"functionInvocationValue": load}}}, body, gone)

    def _compute_pixels(self, expression: dict[str, Any], body: dict[str, Any], gone: Gone) -> Reply:
        file_format = body.get("fileFormat") or "AUTO_JPEG_PNG"
        if file_format not in ("NPY", "GEO_TIFF"):
            raise refuse(f"the file format {file_format}: ask for NPY or GEO_TIFF")
        if body.get("visualizationOptions"):
            raise refuse("visualizationOptions: ask for NPY or GEO_TIFF and colour the pixels yourself")
        grid = pixel_grid(body.get("grid") or {})
        if grid is not None:
            self.limits.check_grid(grid.width, grid.height)
        names = _names(body.get("bandIds"))
        result = self._compute(lambda: self._checked_pixels(expression, grid, names), gone)
        if file_format == "NPY":
            return Reply(encode.npy(result.bands), "application/octet-stream")
        return Reply(encode.geotiff(result.bands, result.grid), "image/tiff")

    def _checked_pixels(self, expression: dict[str, Any], grid: PixelGrid | None, names: list[str] | None) -> Any:
        """Evaluate after the size of the reply has been checked, which needs the bands but no pixel."""
        info = self.evaluator.image_info(expression)
        if grid is None:
            grid = self.evaluator.grid(expression)
            self.limits.check_grid(grid.width, grid.height)
        bands = [band for band in info["bands"] if names is None or band["id"] in names]
        sizes = [encode.pixel_dtype(band["data_type"]).itemsize for band in bands]
        self.limits.check_pixels(grid.width, grid.height, sizes)
        return self.evaluator.pixels(expression, grid, names)

    def export_image(self, project: str, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``image:export``, to an asset."""
        expression = _expression(body)
        if "fileExportOptions" in body:
            raise refuse("exports to Drive or Cloud Storage: use Export.image.toAsset, or computePixels")
        destination = (body.get("assetExportOptions") or {}).get("earthEngineDestination") or {}
        if not destination.get("name"):
            raise bad_request("assetExportOptions.earthEngineDestination.name is required.")
        id = asset_id(destination["name"])
        overwrite = bool(destination.get("overwrite"))
        self.store.check_new(id, overwrite)
        self._compute(lambda: self.evaluator.image_info(expression), gone)  # an expression that is wrong fails now
        work = ImageExport(
            self.evaluator, self.store, self.operations.scratch, expression, id,
            overwrite=overwrite, max_pixels=_int(body.get("maxPixels"), 100_000_000),
        )  # fmt: skip
        description = str(body.get("description") or "myExportImageTask")
        priority = _int(body.get("priority"), 100)
        request_id = str(body.get("requestId") or "")
        return as_json(self.operations.submit(project, description, "EXPORT_IMAGE", request_id, priority, work))


def pixel_grid(grid: dict[str, Any]) -> PixelGrid | None:
    """Return the grid of a request; None, the image's own, where the request has none.

    Raises:
        EEError: the grid is incomplete or impossible.
    """
    if not grid:
        return None
    unknown = set(grid) - {"dimensions", "affineTransform", "crsCode", "crsWkt"}
    if unknown:
        raise bad_request(f"Unknown field in grid: {', '.join(sorted(unknown))}.")
    crs = grid.get("crsCode") or grid.get("crsWkt")
    affine: Any = grid.get("affineTransform")
    size: Any = grid.get("dimensions")
    for name, value in (("crsCode or crsWkt", crs), ("affineTransform", affine), ("dimensions", size)):
        if not value:
            raise refuse(f"a pixel grid without {name}: give crsCode, affineTransform and dimensions, or no grid")
    keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    try:
        a, b, c, d, e, f = (float(affine.get(key, 0)) for key in keys)
        width, height = int(size["width"]), int(size["height"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise bad_request(f"The pixel grid is not valid: {error!r}.") from None
    if a * e - b * d == 0:
        raise bad_request("The pixel grid's affineTransform cannot be inverted.")
    if width < 1 or height < 1:
        raise bad_request(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    return PixelGrid(str(crs), (a, b, c, d, e, f), width, height)


def _expression(body: dict[str, Any]) -> dict[str, Any]:
    expression = body.get("expression")
    if not isinstance(expression, dict):
        raise bad_request("The request has no expression.")
    return expression


def _names(names: Any) -> list[str] | None:
    if not names:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request("bandIds must be a list of band names.")
    return names


def _int(wrapped: Any, default: int) -> int:
    """Return a whole number that may come in a wrapper, ``{"value": "5"}``."""
    value = wrapped.get("value", default) if isinstance(wrapped, dict) else wrapped
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        raise bad_request(f"'{value}' is not a whole number.") from None
