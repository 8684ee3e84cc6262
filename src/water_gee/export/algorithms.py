"""The signatures of Earth Engine's algorithms: those that networks are written in, and others as the client knows them.

The table makes an exported network without a client that has been initialised; a test holds it to the client's own.
"""

import re
from typing import Any, NamedTuple


class Signature(NamedTuple):
    """An algorithm's parameters, each a name and a type, in order, and what it returns."""

    parameters: tuple[tuple[str, str], ...]
    returns: str


_UNARY = "atan tanh exp log erf signum abs sqrt sin cos toFloat toByte"
_BINARY = "add subtract multiply divide max min gt gte lt eq pow matrixMultiply"
_TABLE = """
Array(values: Object, pixelType: PixelType) -> Array
Image.constant(value: Object) -> Image
Image.select(input: Image, bandSelectors: List, newNames: List) -> Image
Image.rename(input: Image, names: List) -> Image
Image.addBands(dstImg: Image, srcImg: Image, names: List, overwrite: Boolean) -> Image
Image.mask(image: Image, mask: Image) -> Image
Image.updateMask(image: Image, mask: Image) -> Image
Image.unmask(input: Image, value: Image, sameFootprint: Boolean) -> Image
Image.reduce(image: Image, reducer: Reducer) -> Image
Image.convolve(image: Image, kernel: Kernel) -> Image
Image.reduceNeighborhood(image: Image, reducer: Reducer, kernel: Kernel, inputWeight: String) -> Image
Image.neighborhoodToArray(image: Image, kernel: Kernel, defaultValue: Float) -> Image
Image.neighborhoodToBands(image: Image, kernel: Kernel) -> Image
Image.toArray(image: Image, axis: Integer) -> Image
Image.arrayReshape(image: Image, lengths: Image, dimensions: Integer) -> Image
Image.arraySlice(input: Image, axis: Integer, start: Image, end: Image, step: Integer) -> Image
Image.arrayReduce(input: Image, reducer: Reducer, axes: List, fieldAxis: Integer) -> Image
Image.arrayProject(input: Image, axes: List) -> Image
Image.arrayCat(image1: Image, image2: Image, axis: Integer) -> Image
Image.arrayFlatten(image: Image, coordinateLabels: List, separator: String) -> Image
Image.pixelLonLat() -> Image
Kernel.rectangle(xRadius: Float, yRadius: Float, units: String, normalize: Boolean, magnitude: Float) -> Kernel
Kernel.fixed(width: Integer, height: Integer, weights: List, x: Integer, y: Integer, normalize: Boolean) -> Kernel
Reducer.max(numInputs: Integer) -> Reducer
Reducer.min(numInputs: Integer) -> Reducer
Reducer.sum() -> Reducer
Reducer.mean() -> Reducer
"""


def _read(table: str) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    for name, inside, returns in re.findall(r"^([\w.]+)\((.*)\) -> (\w+)$", table, re.MULTILINE):
        pairs = tuple(re.findall(r"(\w+): (\w+)", inside))
        found[name] = Signature(pairs, returns)
    for name in _UNARY.split():
        found[f"Image.{name}"] = Signature((("value", "Image"),), "Image")
    for name in _BINARY.split():
        found[f"Image.{name}"] = Signature((("image1", "Image"), ("image2", "Image")), "Image")
    return found


KNOWN = _read(_TABLE)


def signature(function: str) -> Signature:
    """Return the signature of an algorithm; one that is not in the table needs an initialised client."""
    if function in KNOWN:
        return KNOWN[function]
    import ee

    found: Any = ee.ApiFunction.lookup(function).getSignature()
    pairs = tuple((argument["name"], re.sub("<.*>", "", argument["type"])) for argument in found["args"])
    return Signature(pairs, re.sub("<.*>", "", str(found["returns"])))


def parameters(function: str) -> list[str]:
    """Return the names of an algorithm's parameters, in order."""
    return [name for name, _ in signature(function).parameters]
