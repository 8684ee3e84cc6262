"""Arithmetic, comparison, bit operations and casts on images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.image import Band, Image, pair
from eelocal.evaluator.node import MaskedNode, Node, ValuesNode
from eelocal.evaluator.operators import BINARY, CASTS, UNARY, Operator
from eelocal.evaluator.pixeltype import PixelType, floating, named, union
from eelocal.evaluator.raster import EMPTY, Mask, Raster, Values, both
from eelocal.evaluator.registry import implements


def on_values(image: Image, function: Callable[[Values], Values], type_: Callable[[PixelType], PixelType]) -> Image:
    """Return the image with a function of each band's values, and the type that it makes of the band's."""
    return image.derived(Band(b.name, ValuesNode(function, type_(b.node.type), [b.node])) for b in image.bands)


def cast_node(target: PixelType, node: Node) -> Node:
    """Return the node of a band in another type."""
    return ValuesNode(lambda values: values, target.with_dimensions(node.type.dimensions), [node])


def binary(first: Node, second: Node, operation: Operator) -> Node:
    """Return the node of an operation on two bands; array pixels need one shape, a scalar goes with every element."""
    if first.type.dimensions and second.type.dimensions and first.type.dimensions != second.type.dimensions:
        raise bad_request(
            "Array pixels must have the same number of dimensions. "
            f"Got {first.type.dimensions} and {second.type.dimensions}."
        )
    function = operation.function
    if first.type.dimensions and second.type.dimensions:
        function = partial(_alike, operation.function, first.type.dimensions)
    return ValuesNode(function, operation.type(first.type, second.type), [first, second])


def _alike(function: Callable[[Values, Values], Values], rank: int, a: Values, b: Values) -> Values:
    if a.shape[:rank] != b.shape[:rank]:
        raise bad_request(
            f"Array pixels must have the same shape. Got {list(a.shape[:rank])} and {list(b.shape[:rank])}."
        )
    return function(a, b)


def _unary_image(operation: Operator, image: Image) -> Image:
    return on_values(image, operation.function, operation.type)


def _binary_image(operation: Operator, first: Image, second: Image) -> Image:
    bands = [Band(name, binary(a, b, operation)) for name, a, b in pair(first, second)]
    out = first.derived(bands)
    return out if first.footprint is not None else second.derived(bands)


def _cast_image(target: PixelType, image: Image) -> Image:
    return image.derived(Band(band.name, cast_node(target, band.node)) for band in image.bands)


for _name, _unary in UNARY.items():
    implements(f"Image.{_name}")(partial(_unary_image, _unary))
for _name, _binary in BINARY.items():
    implements(f"Image.{_name}")(partial(_binary_image, _binary))
for _name, _target in CASTS.items():
    implements(f"Image.{_name}")(partial(_cast_image, _target))


@implements("Image.cast", note="of bands that the image has")
def cast_bands(image: Image, types: dict[str, Any], order: list[str] | None) -> Image:
    """Cast the named bands."""
    missing = [name for name in types if name not in image.names]
    if missing:
        raise bad_request(f"eelocal does not implement casting bands that are not in the image: {missing}.")
    targets = {name: named(t) if isinstance(t, str) else t for name, t in types.items()}
    bands = [
        Band(band.name, cast_node(targets[band.name], band.node)) if band.name in targets else band
        for band in image.bands
    ]
    if order is not None:
        if sorted(order) != sorted(image.names):
            raise bad_request("The band order must match the full list of bands.")
        bands = [next(band for band in bands if band.name == name) for name in order]
    return image.with_bands(bands)


@implements("Image.clamp")
def clamp(image: Image, low: float, high: float) -> Image:
    """Clamp to a range; the type stays."""
    return on_values(image, lambda values: np.clip(values.astype(np.float64), low, high), lambda type_: type_)


@implements("Image.unitScale")
def unit_scale(image: Image, low: float, high: float) -> Image:
    """Scale [low, high] to [0, 1], without clamping."""
    if low == high:
        raise bad_request("The low and the high value must differ.")
    return on_values(image, lambda values: (values.astype(np.float64) - low) / (high - low), floating)


@implements("Image.normalizedDifference")
def normalized_difference(image: Image, names: list[str] | None) -> Image:
    """(first - second) / (first + second), masked where either is negative; 0 where the sum is 0."""
    chosen_names = names if names is not None else image.names[:2]
    if len(chosen_names) != 2:
        raise bad_request(f"Need two bands for a normalized difference, not {len(chosen_names)}.")
    nodes = []
    for name in chosen_names:
        if name not in image.names:
            raise bad_request(f"Band '{name}' not found. Available bands: [{', '.join(image.names)}].")
        nodes.append(image.bands[image.names.index(name)].node)
    return Image(bands=(Band("nd", MaskedNode(_difference, PixelType("float"), nodes)),), footprint=image.footprint)


def _difference(a: Raster, b: Raster) -> Raster:
    if a.values is None or b.values is None:
        return EMPTY
    x, y = a.spread.astype(np.float64), b.spread.astype(np.float64)
    total = x + y
    values = np.where(total == 0, 0.0, (x - y) / np.where(total == 0, 1.0, total)).astype(np.float32)
    valid = (x >= 0) & (y >= 0)
    return narrowed(values, valid, both([a.mask, b.mask]), a.uniform and b.uniform)


def narrowed(values: Values, valid: Mask, mask: Mask | None, uniform: bool) -> Raster:
    """Return scalar values `[y, x]` (one pixel where uniform), masked where not valid as well."""
    if bool(valid.all()):
        return Raster(values[0, 0], mask, True) if uniform else Raster(values, mask)
    if uniform:
        return EMPTY
    return Raster(values, valid if mask is None else mask & valid)


@implements("Image.remap", note="integers to numbers; one band")
def remap(image: Image, source: list[Any], target: list[Any], default: Any, name: str | None) -> Image:
    """Replace listed values; others are masked, or become the default."""
    if len(source) != len(target):
        raise bad_request(f"The lists must be of the same size. Got {len(source)} and {len(target)}.")
    if name is not None and name not in image.names:
        raise bad_request(f"Band '{name}' not found. Available bands: [{', '.join(image.names)}].")
    if default is not None and not isinstance(default, int | float):
        raise bad_request("eelocal implements numbers only as the default value.")
    node = image.bands[image.names.index(name) if name else 0].node
    order = np.argsort(np.asarray(source, np.float64), kind="stable")
    keys, values = np.asarray(source, np.float64)[order], np.asarray(target, np.float64)[order]

    def turn(raster: Raster) -> Raster:
        if raster.values is None:
            return EMPTY
        data = raster.spread.astype(np.float64)
        at = np.clip(np.searchsorted(keys, data), 0, len(keys) - 1)
        known = keys[at] == data
        out = np.where(known, values[at], 0.0 if default is None else default).astype(type_.dtype)
        return narrowed(out, known | (default is not None), raster.mask, raster.uniform)

    kinds = [*target, *([] if default is None else [default])]
    type_ = union(*(PixelType("int", int(v), int(v)) if float(v).is_integer() else PixelType("double") for v in kinds))
    return image.with_bands([Band("remapped", MaskedNode(turn, type_, [node]))])
