"""What an export asks for, checked before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eelocal.errors import bad_request
from eelocal.grids import refuse
from eelocal.ids import asset_id

_DESCRIPTION = re.compile(r"[a-zA-Z0-9.,:;_-]{1,100}")
_MOST_PRIORITY = 9_999


@dataclass(frozen=True)
class ExportRequest:
    """An export to an asset: where to, under which name, how many pixels at most, and in which turn.

    Attributes:
        id: the asset's id.
        overwrite: whether it may be there already.
        description: the task's name.
        max_pixels: pixels that it may have.
        priority: the task's.
        request_id: what tells a request that is repeated from another one.
        policies: bands whose pyramid was asked for; eelocal builds none, but the bands must be there.
    """

    id: str
    overwrite: bool
    description: str
    max_pixels: int
    priority: int
    request_id: str
    policies: tuple[str, ...]

    @classmethod
    def of(cls, body: dict[str, Any], expression: dict[str, Any]) -> ExportRequest:
        """Return what a request asks for whose fields have been checked.

        Raises:
            EEError: it asks for what cannot be, or for what eelocal does not do.
        """
        if body.get("fileExportOptions") is not None:
            raise refuse("exports to Drive or Cloud Storage: use Export.image.toAsset, or computePixels")
        if body.get("grid") is not None:
            raise refuse("the field grid of image:export: the client puts it into the expression")
        options = body.get("assetExportOptions") or {}
        destination = options.get("earthEngineDestination") or {}
        if not destination.get("name"):
            raise bad_request("assetExportOptions.earthEngineDestination.name is required.")
        description = body.get("description") or "myExportImageTask"
        if not _DESCRIPTION.fullmatch(description):
            raise bad_request(
                "The description may contain only the characters a..z, A..Z, 0..9, '.', ',', ':', ';', '_' and '-',"
                f" at most 100 of them: '{description[:120]}'."
            )
        pixels, priority = _whole(body.get("maxPixels"), 100_000_000), _whole(body.get("priority"), 100)
        workers, tile = _whole(body.get("maxWorkers"), 1), _whole(options.get("tileSize"), 256)
        for name, value in (("maxPixels", pixels), ("maxWorkers", workers), ("shardSize", tile)):
            if value < 1:
                raise bad_request(f"{name} must be positive, not {value}.")
        if not 0 <= priority <= _MOST_PRIORITY:
            raise bad_request(f"The priority must be between 0 and {_MOST_PRIORITY}, not {priority}.")
        _check_region(expression)
        return cls(
            asset_id(destination["name"]), bool(destination.get("overwrite")), description, pixels, priority,
            body.get("requestId") or "", tuple(options.get("pyramidingPolicyOverrides") or ()),
        )  # fmt: skip

    def check_bands(self, bands: Sequence[str]) -> None:
        """Refuse a pyramiding policy of a band that the image lacks.

        Raises:
            EEError: there is one.
        """
        for name in self.policies:
            if name not in bands:
                raise bad_request(
                    f"pyramidingPolicy: the image has no band '{name}' (available bands: {', '.join(bands)})."
                )


def _whole(value: Any, default: int) -> int:
    """Return a whole number that may come in a wrapper, ``{"value": "5"}``."""
    inner = value.get("value") if isinstance(value, dict) else value
    return default if inner is None else int(inner)


def _check_region(expression: dict[str, Any]) -> None:
    """Refuse what the client folds into the expression without a check: two scales, and sizes that are none.

    `crs` and `crsTransform` become `Image.reproject`; `scale`, or a rectangle of `dimensions` in that projection's
    pixels, `Image.clipToBoundsAndScale` around it.

    Raises:
        EEError: with the reason.
    """
    values = expression.get("values")
    if not isinstance(values, dict):
        return
    clip = _call(values, {"valueReference": expression.get("result")}, "Image.clipToBoundsAndScale")
    if clip is None:
        return
    reprojected = _call(values, clip.get("input"), "Image.reproject") or {}
    if "scale" in clip and "crsTransform" in reprojected:
        raise bad_request("Only one of 'crsTransform' and 'scale' may be specified.")
    rectangle = _call(values, clip.get("geometry"), "GeometryConstructors.Rectangle") or {}
    if _call(values, rectangle.get("crs"), "Image.projection") is None:
        return
    corners = _constant(values, rectangle.get("coordinates"))
    if not isinstance(corners, list) or len(corners) != 4 or corners[:2] != [0, 0]:
        return
    if any(not isinstance(side, int | float) or side < 1 or side != int(side) for side in corners[2:]):
        raise bad_request(f"The dimensions must be positive integers, not {corners[2]} x {corners[3]}.")


def _value(values: dict[str, Any], node: Any) -> Any:
    """Follow references to a value; None where they lead nowhere."""
    for _ in range(len(values) + 1):
        if not isinstance(node, dict) or "valueReference" not in node:
            return node
        key = node["valueReference"]
        node = values.get(key) if isinstance(key, str) else None
    return None


def _call(values: dict[str, Any], node: Any, name: str) -> dict[str, Any] | None:
    """Return the arguments of a call of the algorithm `name`; None of anything else."""
    node = _value(values, node)
    call = node.get("functionInvocationValue") if isinstance(node, dict) else None
    if not isinstance(call, dict) or call.get("functionName") != name:
        return None
    arguments = call.get("arguments")
    return arguments if isinstance(arguments, dict) else {}


def _constant(values: dict[str, Any], node: Any) -> Any:
    """Return a constant, or a list of constants; None of anything else."""
    node = _value(values, node)
    if not isinstance(node, dict):
        return None
    if isinstance(node.get("arrayValue"), dict):
        return [_constant(values, child) for child in node["arrayValue"].get("values") or []]
    return node.get("constantValue")
