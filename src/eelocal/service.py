"""What each REST call does, apart from HTTP: dictionaries in, a reply out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eelocal import discovery, encode, fields
from eelocal.assets import Store
from eelocal.catalog import Catalog, asset_id
from eelocal.errors import EEError, bad_request
from eelocal.evaluator import Evaluator, PixelGrid
from eelocal.export_request import ExportRequest
from eelocal.exports import ImageExport
from eelocal.grids import pixel_grid, refuse
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
        fields.COMPUTE(body, "")
        expression = _expression(body)
        result = self._compute(lambda: self.evaluator.value(expression), gone)
        if isinstance(result, dict) and result.get("type") == "ImageCollection":
            self.limits.check_elements(len(result.get("features", [])))
        return as_json({"result": result})

    def compute_pixels(self, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``image:computePixels``."""
        fields.COMPUTE_PIXELS(body, "")
        return self._compute_pixels(_expression(body), body, gone)

    def get_pixels(self, name: str, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``assets:getPixels``."""
        fields.GET_PIXELS(body, "")
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
        names = body.get("bandIds") or None
        result = self._compute(lambda: self._checked_pixels(expression, grid, names), gone)
        if file_format == "NPY":
            return Reply(encode.npy(result.bands), "application/octet-stream")
        return Reply(encode.geotiff(result.bands, result.grid), "image/tiff")

    def _checked_pixels(self, expression: dict[str, Any], grid: PixelGrid | None, names: list[str] | None) -> Any:
        """Compute pixels after the size of the reply has been checked, which needs the bands but no pixel."""

        def check(info: dict[str, Any], grid: PixelGrid) -> None:
            self.limits.check_grid(grid.width, grid.height)
            sizes = {band["id"]: encode.pixel_dtype(band["data_type"]).itemsize for band in info["bands"]}
            asked = list(sizes) if names is None else [name for name in names if name in sizes]
            self.limits.check_pixels(grid.width, grid.height, [sizes[name] for name in asked])

        return self.evaluator.pixels(expression, grid, names, check)

    def export_image(self, project: str, body: dict[str, Any], gone: Gone = never) -> Reply:
        """``image:export``, to an asset."""
        fields.EXPORT_IMAGE(body, "")
        expression = _expression(body)
        asked = ExportRequest.of(body, expression)
        self.store.check_new(asked.id, asked.overwrite)
        # An expression or a region that is wrong fails now.
        info, _ = self._compute(lambda: self.evaluator.export_info(expression), gone)
        asked.check_bands([band["id"] for band in info["bands"]])
        work = ImageExport(
            self.evaluator, self.store, self.operations.scratch, expression, asked.id,
            overwrite=asked.overwrite, max_pixels=asked.max_pixels,
        )  # fmt: skip
        submit = self.operations.submit
        return as_json(submit(project, asked.description, "EXPORT_IMAGE", asked.request_id, asked.priority, work))


def _expression(body: dict[str, Any]) -> dict[str, Any]:
    expression = body.get("expression")
    if not isinstance(expression, dict):
        raise bad_request("The request has no expression.")
    return expression
