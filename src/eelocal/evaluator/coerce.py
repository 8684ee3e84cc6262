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
from eelocal.evaluator.grid import Projection, named_crs
from eelocal.evaluator.image import Array, Collection, Element, Image, constant, outline
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


def _array(value: Any) -> Array:
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


def _projection(crs: str) -> Projection:
    return Projection(named_crs(crs))


def _date(value: Any) -> dates.Date:
    if isinstance(value, list | Image):
        raise _Mismatch
    return dates.parse(value)


def _margin(value: Any) -> float:
    if isinstance(value, dict) and value.get("type") == "ErrorMargin":
        return float(value.get("value", 0))
    return float(_number(value))


def _is(kind: type, *others: tuple[Any, Coercion]) -> Coercion:
    """Return the rule of a type: its own values stay, those of other types become it by a function."""

    def rule(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        for other, become in others:
            if isinstance(value, other):
                return become(value)
        raise _Mismatch

    return rule


_RULES: dict[str, Coercion] = {
    "Image": _is(Image, ((bool, int, float, list, Array), lambda value: Image(bands=tuple(constant(value))))),
    "Number": _number,
    "Integer": _integer,
    "Long": _integer,
    "Float": lambda value: float(_number(value)),
    "Boolean": lambda value: bool(_number(value)),
    "String": _is(str),
    "List": _is(list, (tuple, list), (Array, lambda array: array.values.tolist())),
    "Dictionary": _is(dict),
    "Array": _array,
    "Element": _is(Element),
    "Filter": _is(Filter),
    "FeatureCollection": _is(Collection),
    "ImageCollection": _is(Collection, (Image, lambda image: Collection((image,)))),
    "Geometry": _is(Geometry, ((Element, Collection), outline)),
    "Projection": _is(Projection, (str, _projection)),
    "Date": _date,
    "DateRange": _is(dates.DateRange),
    "PixelType": _is(PixelType, (str, pixeltype.named)),
    "ErrorMargin": _margin,
    "Kernel": _is(Kernel),
    "Reducer": _is(Reducer),
}
