"""The fields of requests: unknown ones and values of another type are refused in the words of the service's reader.

That is the reader of all Google APIs: https://protobuf.dev/programming-guides/json tells what it takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from eelocal.errors import EEError, bad_request

Check = Callable[[Any, str], None]
"""Takes a value and the path of its field; raises where it is no such value. Null is any field's default."""

_API = "type.googleapis.com/google.earthengine.v1"
_PROTOBUF = "type.googleapis.com/google.protobuf"


def anything(value: Any, path: str) -> None:
    """Take any value: what it means is checked elsewhere, or it is refused by name."""


def text(value: Any, path: str) -> None:
    """Take text."""
    if not isinstance(value, str):
        raise _invalid(path, "TYPE_STRING", value)


def flag(value: Any, path: str) -> None:
    """Take true or false."""
    if not isinstance(value, bool):
        raise _invalid(path, "TYPE_BOOL", value)


def number(value: Any, path: str) -> None:
    """Take a number, also as text."""
    try:
        ok = not isinstance(value, bool) and abs(float(value)) < float("inf")
    except (TypeError, ValueError, OverflowError):
        ok = False
    if not ok:
        raise _invalid(path, "TYPE_DOUBLE", value)


def _is_whole(value: Any, bits: int) -> bool:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,20}", value):
            return False
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == int(value) and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def whole(value: Any, path: str) -> None:
    """Take a whole number, also as text, of 32 bits."""
    if not _is_whole(value, 32):
        raise _invalid(path, "TYPE_INT32", value)


def wrapped(bits: int) -> Check:
    """Take a whole number of so many bits that the client wraps, ``{"value": "5"}``, or not."""

    def check(value: Any, path: str) -> None:
        inner = value.get("value") if isinstance(value, dict) and set(value) <= {"value"} else value
        if inner is not None and not _is_whole(inner, bits):
            raise _invalid(path, f"{_PROTOBUF}.Int{bits}Value", inner)

    return check


def enum(name: str, values: tuple[str, ...]) -> Check:
    """Take one of some names."""

    def check(value: Any, path: str) -> None:
        if value not in values:
            raise _invalid(path, f"{_API}.{name}", value)

    return check


def many(item: Check) -> Check:
    """Take a list."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise _invalid(path, "a list", value)
        for index, one in enumerate(value):
            item(one, f"{path}[{index}]")

    return check


def mapping(item: Check) -> Check:
    """Take an object of any names."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _invalid(path, "an object", value)
        for key, one in value.items():
            item(one, f"{path}[{key!r}]")

    return check


def message(**fields: Check) -> Check:
    """Take an object of these fields, each of which may be missing."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _invalid(path, "an object", value)
        for key, one in value.items():
            if key not in fields:
                where = f" at '{path}'" if path else ""
                raise bad_request(
                    f'Invalid JSON payload received. Unknown name "{key[:80]}"{where}: Cannot find field.'
                )
            if one is not None:
                fields[key](one, ".".join(filter(None, (path, _snake(key)))))

    return check


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _invalid(path: str, type_: str, value: Any) -> EEError:
    shown = json.dumps(value)
    return bad_request(f"Invalid value at '{path}' ({type_}), {shown if len(shown) <= 80 else shown[:77] + '...'}")


FORMATS = (
    "IMAGE_FILE_FORMAT_UNSPECIFIED", "JPEG", "PNG", "AUTO_JPEG_PNG", "NPY", "GEO_TIFF", "TF_RECORD_IMAGE",
    "ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND",
)  # fmt: skip
"""Formats of pixels that the service knows; eelocal writes two of them."""

_POLICY = enum(
    "PyramidingPolicy",
    ("PYRAMIDING_POLICY_UNSPECIFIED", "MEAN", "SAMPLE", "MIN", "MAX", "MODE", "MEDIAN"),
)
_GRID = message(
    crsCode=text,
    crsWkt=text,
    affineTransform=message(
        scaleX=number, shearX=number, translateX=number, shearY=number, scaleY=number, translateY=number
    ),
    dimensions=message(width=whole, height=whole),
)
_PIXELS = {
    "fileFormat": enum("ImageFileFormat", FORMATS), "grid": _GRID, "bandIds": many(text),
    "visualizationOptions": anything, "workloadTag": text,
}  # fmt: skip

COMPUTE = message(expression=anything, workloadTag=text)
"""``value:compute``."""

COMPUTE_PIXELS = message(expression=anything, **_PIXELS)
"""``image:computePixels``."""

GET_PIXELS = message(region=anything, **_PIXELS)
"""``assets:getPixels``."""

EXPORT_IMAGE = message(
    expression=anything,
    description=text,
    fileExportOptions=anything,
    assetExportOptions=message(
        earthEngineDestination=message(name=text, overwrite=flag),
        pyramidingPolicy=_POLICY,
        pyramidingPolicyOverrides=mapping(_POLICY),
        tileSize=wrapped(32),
    ),
    maxPixels=wrapped(64),
    grid=_GRID,
    requestId=text,
    maxWorkers=wrapped(32),
    priority=wrapped(32),
    workloadTag=text,
)
"""``image:export``."""
