"""Coercing arguments to the types of the signatures, no more readily than the service does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from eelocal.errors import EEError, bad_request
from eelocal.evaluator import dates, pixeltype
from eelocal.evaluator.filters import Filter
from eelocal.evaluator.geometry import Geometry
from eelocal.evaluator.grid import Projection, parse_crs
from eelocal.evaluator.image import Array, Collection, Element, Feature, Image, constant, outline
from eelocal.evaluator.kernels import Kernel
from eelocal.evaluator.pixeltype import INT64, PixelType
from eelocal.evaluator.reducers import Reducer

Coercion = Callable[[Any], Any]


class _Mismatch(Exception):
    """The value is not of the type."""


def coerce(value: Any, type_: str, where: str) -> Any:
    """Return a value as a type of the signatures.

    Raises:
        EEError: where it is not of the type and does not become it.
    """
    base = type_.partition("<")[0]
    rule = _RULES.get(base)
    try:
        if rule is None:
            return value
        out = rule(value)
        if base == "List":
            inner = type_.partition("<")[2].removesuffix(">")
            return [coerce(item, inner, where) if item is not None else None for item in out]
        return out
    except _Mismatch:
        raise bad_request(
            f"{where}: Invalid type.\nExpected type: {type_}.\nActual type: {type_name(value)}.\n"
            f"Actual value: {_shown(value)}"
        ) from None
    except EEError as error:
        if not error.located:
            error.message, error.located = f"{where}: {error.message}", True
        raise


def type_name(value: Any) -> str:
    """Return the service's name of a value's type."""
    if value is None:
        return "<null>"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Integer"
    if isinstance(value, float):
        return "Float"
    names = {
        Collection: "ImageCollection", Image: "Image<unknown bands>", str: "String", list: "List<Object>",
        dict: "Dictionary<Object>",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except TypeError:
        text = f"<{type_name(value)}>"
    return text if len(text) <= 80 else text[:77] + "..."


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float):
        return value
    if isinstance(value, Array) and value.values.ndim == 0:
        return _number(value.values.item())
    raise _Mismatch


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise _Mismatch
    return int(number)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Array):
        return list(value.values.tolist())
    raise _Mismatch


def _image(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, bool | int | float | Array | list):
        return Image(bands=tuple(constant(value)))
    raise _Mismatch


def array(value: Any) -> Array:
    """Return nested lists, or a number, as an array."""
    if isinstance(value, Array):
        return value
    try:
        values = np.array(value)
    except ValueError:
        raise _Mismatch from None
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.size == 0:
        values = values.astype(np.float64)
    if values.dtype.kind not in "iuf":
        raise _Mismatch
    return Array(values, pixeltype.DOUBLE if values.dtype.kind == "f" else INT64)


def _collection(value: Any) -> Collection:
    if isinstance(value, Collection):
        return value
    if isinstance(value, Image):
        return Collection((value,))
    raise _Mismatch


def _geometry(value: Any) -> Geometry:
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Feature) and value.geometry is not None:
        return value.geometry
    if isinstance(value, Image | Collection):
        return outline(value)
    raise _Mismatch


def _projection(value: Any) -> Projection:
    if isinstance(value, Projection):
        return value
    if isinstance(value, str):
        parse_crs(value)
        return Projection(value)
    raise _Mismatch


def _date(value: Any) -> dates.Date:
    if isinstance(value, list | Image):
        raise _Mismatch
    return dates.parse(value)


def _pixel_type(value: Any) -> PixelType:
    if isinstance(value, PixelType):
        return value
    if isinstance(value, str):
        return pixeltype.named(value)
    raise _Mismatch


def _margin(value: Any) -> float:
    if isinstance(value, dict) and value.get("type") == "ErrorMargin":
        return float(value.get("value", 0))
    return float(_number(value))


def _only(kind: type) -> Coercion:
    def rule(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise _Mismatch

    return rule


_RULES: dict[str, Coercion] = {
    "Image": _image,
    "Number": _number,
    "Integer": _integer,
    "Long": _integer,
    "Float": lambda value: float(_number(value)),
    "Boolean": lambda value: bool(_number(value)),
    "String": _only(str),
    "List": _list,
    "Dictionary": _only(dict),
    "Array": array,
    "Element": _only(Element),
    "Filter": _only(Filter),
    "FeatureCollection": _collection,
    "ImageCollection": _collection,
    "Geometry": _geometry,
    "Rectangle": _geometry,
    "Projection": _projection,
    "Date": _date,
    "DateRange": _only(dates.DateRange),
    "PixelType": _pixel_type,
    "ErrorMargin": _margin,
    "Kernel": _only(Kernel),
    "Reducer": _only(Reducer),
}
