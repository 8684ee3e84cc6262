"""A second, tiny reading of Earth Engine's documentation: evaluates exported graphs on numpy arrays.

It is what `check` proves a network with where no Earth Engine is at hand. It shares no code with the exporter nor with
eelocal, so that a misreading in one of them shows as a difference. It knows the functions that networks are written in
and no other, works in float64, and takes the array for the whole world: beyond it all is masked.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[Any]
Band = tuple[Floats, Floats]  # values [y, x, ...] and mask [y, x]

_UNARY: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh, "exp": np.exp, "log": np.log, "erf": erf, "signum": np.sign, "abs": np.abs, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "atan": np.arctan,
}  # fmt: skip
_BINARY: dict[str, Callable[..., Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "max": np.maximum, "min": np.minimum,
    "gte": np.greater_equal, "gt": np.greater, "lt": np.less, "eq": np.equal, "pow": np.power,
    "divide": lambda a, b: np.where(b == 0, 0.0, np.divide(a, np.where(b == 0, 1.0, b))),  # Earth Engine gives 0
}  # fmt: skip
_REDUCE: dict[str, Callable[..., Any]] = {"min": np.min, "max": np.max, "sum": np.sum, "mean": np.mean}


class NotUnderstood(Exception):
    """The graph asks for what this reading does not know, or for what the service would refuse."""


def _require(holds: Any, what: str) -> None:
    if not holds:
        raise NotUnderstood(what)


@dataclass
class Image:
    """Bands by name: values [y, x, ...] and mask [y, x]; constants have y = x = 1."""

    bands: dict[str, Band]

    def values(self) -> list[Band]:
        """The bands in order."""
        return list(self.bands.values())

    def only(self) -> Band:
        """The one band."""
        _require(len(self.bands) == 1, "an image of one band is wanted")
        return self.values()[0]


def _constant(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    known = np.ones((1, 1), dtype=bool)
    if isinstance(value, np.ndarray):
        return Image({"constant": (value[None, None], known)})
    values = value if isinstance(value, list) else [value]
    names = ["constant"] if not isinstance(value, list) else [f"constant_{index}" for index in range(len(values))]
    return Image({name: (np.full((1, 1), float(one)), known) for name, one in zip(names, values, strict=True)})


class _Reading:
    """One evaluation of one graph on one image."""

    def __init__(self, image: Image, flip: bool) -> None:
        self.input, self.flip = image, flip
        self.shape: tuple[int, ...] = image.values()[0][0].shape[:2]
        self.nodes: dict[str, Any] = {}
        self.known: dict[str, Any] = {}

    def run(self, text: str) -> dict[str, Floats]:
        expression = json.loads(text)
        self.nodes = expression["values"]
        result = self.nodes[expression["result"]]
        if "functionDefinitionValue" in result:
            result = {"valueReference": result["functionDefinitionValue"]["body"]}
        # In the order in which they are written, arguments first: a deep graph would exhaust the recursion.
        for key, node in self.nodes.items():
            if "functionDefinitionValue" not in node:
                self.value({"valueReference": key})
        image: Image = self.value(result)
        return {name: np.where(self.wide(mask), self.wide(band), np.nan) for name, (band, mask) in image.bands.items()}

    def wide(self, a: Floats) -> Floats:
        return np.broadcast_to(a, self.shape + a.shape[2:])

    def value(self, node: dict[str, Any]) -> Any:
        if "valueReference" in node:
            key = node["valueReference"]
            if key not in self.known:
                self.known[key] = self.value(self.nodes[key])
            return self.known[key]
        if "constantValue" in node:
            return node["constantValue"]
        if "integerValue" in node:
            return int(node["integerValue"])
        if "argumentReference" in node:
            return self.input
        if "arrayValue" in node:
            return [self.value(item) for item in node["arrayValue"]["values"]]
        call = node["functionInvocationValue"]
        keys = {name: self.value(item) for name, item in call["arguments"].items()}
        kind, _, name = call["functionName"].rpartition(".")
        if kind in ("Kernel", "Reducer"):
            return self.kernel(name, **keys) if kind == "Kernel" else name
        if name == "Array":
            return np.asarray(keys["values"], float)
        if name in _BINARY:
            return self.binary(_BINARY[name], *[_constant(argument) for argument in keys.values()])
        if name in _UNARY:
            return self.each(next(iter(keys.values())), _UNARY[name])
        _require(hasattr(self, name), f"{call['functionName']} is not known")
        return getattr(self, name)(**keys)

    def kernel(
        self, name: str, width: int = 0, height: int = 0, weights: Any = None, xRadius: int = 0, yRadius: int = 0,
        units: str = "pixels",
    ) -> Floats:  # fmt: skip
        _require(units == "pixels" and name in ("fixed", "rectangle"), f"kernel {name} in {units}")
        made = np.asarray(weights, float) if name == "fixed" else np.ones((2 * yRadius + 1, 2 * xRadius + 1))
        _require(name != "fixed" or made.shape == (height, width), "the kernel's weights are of another size")
        return made

    def each(self, image: Image, function: Callable[..., Any]) -> Image:
        return Image({name: (function(band), mask) for name, (band, mask) in image.bands.items()})

    def binary(self, function: Callable[..., Any], a: Image, b: Image) -> Image:
        if len(a.bands) == 1 and len(b.bands) > 1:
            pairs = [(name, a.values()[0], band) for name, band in b.bands.items()]
        elif len(b.bands) == 1:
            pairs = [(name, band, b.values()[0]) for name, band in a.bands.items()]
        else:
            _require(len(a.bands) == len(b.bands), "band counts differ")
            _require(not set(a.bands) & set(b.bands) or list(a.bands) == list(b.bands), "names match in part")
            pairs = [(name, x, y) for (name, x), y in zip(a.bands.items(), b.values(), strict=True)]
        out: dict[str, Band] = {}
        for name, (v, m), (w, k) in pairs:
            _require(v.ndim == 2 or w.ndim == 2 or v.shape[2:] == w.shape[2:], "array shapes differ")
            v, w = v.reshape(v.shape + (1,) * (w.ndim - v.ndim)), w.reshape(w.shape + (1,) * (v.ndim - w.ndim))
            with np.errstate(all="ignore"):
                out[name] = np.asarray(function(v, w)).astype(float), m & k
        return Image(out)

    def constant(self, value: Any) -> Image:
        return _constant(value)

    def select(self, input: Image, bandSelectors: list[Any]) -> Image:
        names = list(input.bands)
        chosen = [names[one] if isinstance(one, int) else one for one in bandSelectors]
        return Image({name: input.bands[name] for name in chosen})

    def rename(self, input: Image, names: list[str]) -> Image:
        _require(len(names) == len(input.bands) == len(set(names)), "a name for each band")
        return Image(dict(zip(names, input.values(), strict=True)))

    def addBands(self, dstImg: Image, srcImg: Image) -> Image:
        bands = dict(dstImg.bands)
        for name, band in srcImg.bands.items():
            count, new = 0, name
            while new in bands:
                count, new = count + 1, f"{name}_{count + 1}"
            bands[new] = band
        return Image(bands)

    def mask(self, image: Image) -> Image:
        return Image({name: (mask.astype(float), np.ones_like(mask)) for name, (_, mask) in image.bands.items()})

    def updateMask(self, image: Image, mask: Image) -> Image:
        value, known = mask.only()
        return Image({name: (band, own & known & (value != 0)) for name, (band, own) in image.bands.items()})

    def unmask(self, input: Image, value: Any, sameFootprint: bool = True) -> Image:
        _require(not sameFootprint, "beyond the footprint stays masked")
        filling = float(_constant(value).only()[0].ravel()[0])
        return Image({name: (np.where(m, v, filling), np.ones_like(m)) for name, (v, m) in input.bands.items()})

    def reduce(self, image: Image, reducer: str) -> Image:
        values = np.stack([self.wide(band) for band, _ in image.values()])
        known = np.stack([self.wide(mask) for _, mask in image.values()])
        _require((known == known[:1]).all(), "masks differ from band to band")
        return Image({reducer: (_REDUCE[reducer](values, axis=0), known[0])})

    def windows(self, band: Band, kernel: Floats) -> Floats:
        """[y, x, kernel y, kernel x]; what lies beyond the array counts as 0, which is what the exporter filled."""
        down, across = kernel.shape[0] // 2, kernel.shape[1] // 2
        padded = np.pad(self.wide(band[0]), ((down, down), (across, across)))
        return np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)

    def convolve(self, image: Image, kernel: Floats) -> Image:
        k = kernel[::-1, ::-1] if self.flip else kernel
        return Image({n: (np.einsum("yxij,ij->yx", self.windows(b, k), k), b[1]) for n, b in image.bands.items()})

    def reduceNeighborhood(self, image: Image, reducer: str, kernel: Floats) -> Image:
        out: dict[str, Band] = {}
        for name, band in image.bands.items():
            out[f"{name}_{reducer}"] = _REDUCE[reducer](self.windows(band, kernel), axis=(2, 3)), band[1]
        return Image(out)

    def neighborhoodToArray(self, image: Image, kernel: Floats) -> Image:
        return Image({name: (self.windows(band, kernel), band[1]) for name, band in image.bands.items()})

    def neighborhoodToBands(self, image: Image, kernel: Floats) -> Image:
        out: dict[str, Band] = {}
        down, across = kernel.shape[0] // 2, kernel.shape[1] // 2
        for name, band in image.bands.items():
            windows = self.windows(band, kernel)
            for y, x in np.ndindex(kernel.shape):
                out[f"{name}_{x - across}_{y - down}"] = windows[:, :, y, x], band[1]
        return Image(out)

    def toArray(self, image: Image, axis: int = 0) -> Image:
        values = [self.wide(band) for band, _ in image.values()]
        known = np.all([self.wide(mask) for _, mask in image.values()], axis=0)
        dimensions = values[0].ndim - 2
        _require(axis <= dimensions, "no such axis")
        values = [band[..., None] for band in values] if axis == dimensions else values
        return Image({"array": (np.concatenate(values, axis=axis + 2), known)})

    def arrayReshape(self, image: Image, lengths: Image, dimensions: int) -> Image:
        shape = tuple(int(length) for length in lengths.only()[0].ravel())
        _require(len(shape) == dimensions, "a length for each dimension")
        return self.each(image, lambda band: band.reshape(band.shape[:2] + shape))

    def arraySlice(self, input: Image, axis: int = 0, start: Any = 0, end: Any = None, step: int = 1) -> Image:
        first, last = (None if one is None else int(_constant(one).only()[0].ravel()[0]) for one in (start, end))
        return self.each(input, lambda band: band[(slice(None),) * (axis + 2) + (slice(first, last, step),)])

    def arrayReduce(self, input: Image, reducer: str, axes: list[int]) -> Image:
        over = tuple(axis + 2 for axis in axes)
        return self.each(input, lambda band: _REDUCE[reducer](band, axis=over, keepdims=True))

    def arrayProject(self, input: Image, axes: list[int]) -> Image:
        drop = tuple(axis for axis in range(2, input.only()[0].ndim) if axis - 2 not in axes)
        return self.each(input, lambda band: np.squeeze(band, axis=drop))

    def arrayCat(self, image1: Image, image2: Image, axis: int) -> Image:
        (v, m), (w, k) = image1.only(), image2.only()
        return Image({"array": (np.concatenate([self.wide(v), self.wide(w)], axis=axis + 2), m & k)})

    def arrayFlatten(self, image: Image, coordinateLabels: list[list[str]]) -> Image:
        values, mask = image.only()
        (labels,) = coordinateLabels
        _require(values.shape[2:] == (len(labels),), "a label for each element")
        return Image({label: (values[..., index], mask) for index, label in enumerate(labels)})

    def matrixMultiply(self, image1: Image, image2: Image) -> Image:
        (v, m), (w, k) = image1.only(), image2.only()
        return Image({"array": (v @ w, m & k)})

    def toFloat(self, value: Image) -> Image:
        return self.each(value, lambda band: band.astype(np.float32))

    def toByte(self, value: Image) -> Image:
        return self.each(value, lambda band: band.astype(np.uint8))


def evaluate(text: str, features: NDArray[Any], names: Sequence[str], flip: bool = False) -> dict[str, Floats]:
    """Evaluate a serialized function of one image.

    Args:
        text: the function, as `function_json` gives it.
        features: [band, y, x], NaN where masked.
        names: of the bands.
        flip: whether `convolve` turns its kernel by 180 degrees.

    Returns:
        The bands of the result, [y, x] each, NaN where masked.

    Raises:
        NotUnderstood: the graph holds what this reading does not know.
    """
    bands = {
        name: (np.nan_to_num(band.astype(float)), ~np.isnan(band)) for name, band in zip(names, features, strict=True)
    }
    with np.errstate(all="ignore"):
        return _Reading(Image(bands), flip).run(text)
