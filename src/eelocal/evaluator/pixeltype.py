"""Pixel types: precision, range and number of array dimensions, as the service describes a band."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request

_RANK = {"int": 0, "float": 1, "double": 2}
_RANGES: dict[str, tuple[int, int]] = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
_ALIASES = {"byte": "uint8", "short": "int16", "int": "int32", "long": "int64", "uint8": "uint8"}


@dataclass(frozen=True)
class PixelType:
    """The type of a band's pixels; `low` and `high` are kept for integers only."""

    precision: str
    low: int = 0
    high: int = 0
    dimensions: int = 0

    @property
    def is_int(self) -> bool:
        """Whether the precision is integral."""
        return self.precision == "int"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest numpy type that holds every value of this type."""
        if self.precision == "float":
            return np.dtype(np.float32)
        if self.precision == "double":
            return np.dtype(np.float64)
        for name, (low, high) in _RANGES.items():
            if low <= self.low and self.high <= high:
                return np.dtype(name)
        return np.dtype(np.int64)

    def with_dimensions(self, dimensions: int) -> PixelType:
        """Return this type for arrays of that many dimensions."""
        return self if dimensions == self.dimensions else replace(self, dimensions=dimensions)

    def to_json(self) -> dict[str, Any]:
        """Return the service's description of the type."""
        out: dict[str, Any] = {"type": "PixelType", "precision": self.precision}
        if self.is_int:
            out |= {"min": self.low, "max": self.high}
        if self.dimensions:
            out["dimensions"] = self.dimensions
        return out


FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = PixelType("int", 0, 1)
INT32 = PixelType("int", *_RANGES["int32"])
INT64 = PixelType("int", *_RANGES["int64"])


def named(name: str) -> PixelType:
    """Return the type of a service or numpy name (``byte``, ``int16``, ``float`` ...).

    Raises:
        EEError: for a name that is no type.
    """
    if name in ("float", "float32"):
        return FLOAT
    if name in ("double", "float64"):
        return DOUBLE
    if name == "uint64":
        return INT64
    full = _ALIASES.get(name, name)
    if full not in _RANGES:
        raise bad_request(f"Unknown pixel type '{name}'.")
    return PixelType("int", *_RANGES[full])


def of_number(value: float) -> PixelType:
    """Return the type of a constant: an integer's range is the number itself."""
    if isinstance(value, (bool, int, np.integer)):
        return PixelType("int", int(value), int(value))
    return DOUBLE


def union(*types: PixelType) -> PixelType:
    """Return the smallest type that holds all of the types."""
    precision = max((t.precision for t in types), key=_RANK.__getitem__)
    dimensions = max(t.dimensions for t in types)
    if precision != "int":
        return PixelType(precision, dimensions=dimensions)
    return PixelType("int", min(t.low for t in types), max(t.high for t in types), dimensions)


def floating(*types: PixelType) -> PixelType:
    """Return double where any input is double, float otherwise."""
    precision = "double" if any(t.precision == "double" for t in types) else "float"
    return PixelType(precision, dimensions=max(t.dimensions for t in types))


def widen(*types: PixelType) -> PixelType:
    """Return float where every input is float, double otherwise: the type of exp, mean and their like."""
    precision = "float" if all(t.precision == "float" for t in types) else "double"
    return PixelType(precision, dimensions=max(t.dimensions for t in types))


def interval(corners: Callable[[int, int], int], a: PixelType, b: PixelType) -> PixelType:
    """Return the union of two types, an integer range being that of the operation on the ranges' ends."""
    both = union(a, b)
    if not both.is_int:
        return both
    ends = [corners(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = _RANGES["int64"]
    return PixelType("int", max(low, min(ends)), min(high, max(ends)), both.dimensions)


def cast(values: NDArray[Any], target: PixelType) -> NDArray[Any]:
    """Cast values to a type: integers are truncated towards zero and clamped to the range."""
    dtype = target.dtype
    if not target.is_int:
        return values if values.dtype == dtype else values.astype(dtype)
    if values.dtype.kind == "f":
        # The largest 64-bit integers have no exact double: clamp below the first double beyond them.
        high = min(float(target.high), 9223372036854774784.0)
        clean: NDArray[Any] = np.clip(np.trunc(np.nan_to_num(values, nan=0.0)), float(target.low), high)
        return clean.astype(dtype)
    limits = np.iinfo(values.dtype) if values.dtype.kind in "iu" else None
    if limits is not None and (limits.min < target.low or limits.max > target.high):
        values = np.clip(values, max(target.low, limits.min), min(target.high, limits.max))
    return values if values.dtype == dtype else values.astype(dtype)
