"""A second, tiny reading of Earth Engine's documentation: evaluates exported graphs on numpy arrays.

It shares no code with eelocal, so that a misreading in one of them shows as a difference. It knows the functions
that the exporter writes and no other, works in float64, and takes the array for the whole world: beyond it all
is masked.
"""

import json
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

UNARY = {"tanh": np.tanh, "exp": np.exp, "log": np.log, "erf": erf, "signum": np.sign}
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "max": np.maximum,
    "min": np.minimum, "gte": np.greater_equal,
}  # fmt: skip
REDUCE = {"min": np.min, "max": np.max, "sum": np.sum, "mean": np.mean}


@dataclass
class Image:
    """Bands by name: values [y, x, ...] and mask [y, x]; constants have y = x = 1."""

    bands: dict[str, tuple[np.ndarray, np.ndarray]]

    def values(self):
        return list(self.bands.values())


def constant(value):
    if isinstance(value, Image):
        return value
    if isinstance(value, np.ndarray):
        return Image({"constant": (value[None, None], np.ones((1, 1), bool))})
    values = value if isinstance(value, list) else [value]
    names = ["constant"] if not isinstance(value, list) else [f"constant_{i}" for i in range(len(values))]
    return Image({n: (np.full((1, 1), float(v)), np.ones((1, 1), bool)) for n, v in zip(names, values, strict=True)})


class Interpreter:
    def __init__(self, image: Image, flip: bool = False):
        self.input, self.flip = image, flip
        self.shape = next(iter(image.bands.values()))[0].shape[:2]

    def run(self, text: str) -> dict[str, np.ndarray]:
        expression = json.loads(text)
        self.nodes, self.known = expression["values"], {}
        result = self.nodes[expression["result"]]
        if "functionDefinitionValue" in result:
            result = {"valueReference": result["functionDefinitionValue"]["body"]}
        image = self.value(result)
        return {n: np.where(self.wide(m), self.wide(v), np.nan) for n, (v, m) in image.bands.items()}

    def wide(self, a):
        return np.broadcast_to(a, self.shape + a.shape[2:])

    def value(self, node):
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
        arguments = [self.value(item) for item in call["arguments"].values()]
        keys = dict(zip(call["arguments"], arguments, strict=True))
        kind, name = call["functionName"].split(".") if "." in call["functionName"] else ("", call["functionName"])
        if kind in ("Kernel", "Reducer"):
            return self.kernel(name, **keys) if kind == "Kernel" else name
        if name == "Array":
            return np.asarray(keys["values"], float)
        if name in BINARY:
            return self.binary(BINARY[name], *[constant(a) for a in arguments])
        if name in UNARY:
            return self.each(arguments[0], UNARY[name])
        return getattr(self, name)(**keys)

    def kernel(self, name, width=0, height=0, weights=None, xRadius=0, yRadius=0, units="pixels"):
        assert units == "pixels"
        kernel = np.asarray(weights, float) if name == "fixed" else np.ones((2 * yRadius + 1, 2 * xRadius + 1))
        assert name != "fixed" or kernel.shape == (height, width)
        return kernel

    def each(self, image, function):
        return Image({name: (function(v), m) for name, (v, m) in image.bands.items()})

    def binary(self, function, a, b):
        if len(a.bands) == 1 and len(b.bands) > 1:
            pairs = [(n, a.values()[0], band) for n, band in b.bands.items()]
        elif len(b.bands) == 1:
            pairs = [(n, band, b.values()[0]) for n, band in a.bands.items()]
        else:
            assert len(a.bands) == len(b.bands), "band counts differ"
            assert not set(a.bands) & set(b.bands) or list(a.bands) == list(b.bands), "names match in part"
            pairs = [(n, x, y) for (n, x), y in zip(a.bands.items(), b.values(), strict=True)]
        out = {}
        for name, (v, m), (w, k) in pairs:
            scalar = v.ndim == 2 or w.ndim == 2
            assert scalar or v.shape[2:] == w.shape[2:], "array shapes differ"
            v, w = (v.reshape(v.shape + (1,) * (w.ndim - v.ndim)), w.reshape(w.shape + (1,) * (v.ndim - w.ndim)))
            out[name] = function(v, w).astype(float), m & k
        return Image(out)

    def constant(self, value):
        return constant(value)

    def select(self, input, bandSelectors):
        names = list(input.bands)
        return Image({n: input.bands[n] for n in (names[s] if isinstance(s, int) else s for s in bandSelectors)})

    def rename(self, input, names):
        assert len(names) == len(input.bands) == len(set(names))
        return Image(dict(zip(names, input.values(), strict=True)))

    def addBands(self, dstImg, srcImg):
        bands = dict(dstImg.bands)
        for name, band in srcImg.bands.items():
            count, new = 0, name
            while new in bands:
                count, new = count + 1, f"{name}_{count + 1}"
            bands[new] = band
        return Image(bands)

    def mask(self, image):
        return Image({n: (m.astype(float), np.ones_like(m)) for n, (v, m) in image.bands.items()})

    def updateMask(self, image, mask):
        ((value, known),) = mask.values()
        return Image({n: (v, m & known & (value != 0)) for n, (v, m) in image.bands.items()})

    def unmask(self, input, value, sameFootprint=True):
        assert value == 0 or constant(value).values()[0][0] == 0
        assert not sameFootprint
        return Image({n: (np.where(m, v, 0.0), np.ones_like(m)) for n, (v, m) in input.bands.items()})

    def reduce(self, image, reducer):
        values = np.stack([self.wide(v) for v, _ in image.values()])
        known = np.stack([self.wide(m) for _, m in image.values()])
        assert known.all(), "the exporter reduces whole images only"
        return Image({reducer: (REDUCE[reducer](values, axis=0), known[0])})

    def windows(self, band, kernel):
        """[y, x, kernel y, kernel x]; what lies beyond the array counts as 0, which is what the exporter filled."""
        down, across = kernel.shape[0] // 2, kernel.shape[1] // 2
        padded = np.pad(self.wide(band[0]), ((down, down), (across, across)))
        return np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)

    def convolve(self, image, kernel):
        k = kernel[::-1, ::-1] if self.flip else kernel
        return Image({n: (np.einsum("yxij,ij->yx", self.windows(b, k), k), b[1]) for n, b in image.bands.items()})

    def reduceNeighborhood(self, image, reducer, kernel):
        out = {}
        for name, band in image.bands.items():
            out[f"{name}_{reducer}"] = REDUCE[reducer](self.windows(band, kernel), axis=(2, 3)), band[1]
        return Image(out)

    def neighborhoodToArray(self, image, kernel):
        return Image({n: (self.windows(b, kernel), b[1]) for n, b in image.bands.items()})

    def toArray(self, image, axis=0):
        values = [self.wide(v) for v, _ in image.values()]
        known = np.all([self.wide(m) for _, m in image.values()], axis=0)
        dimensions = values[0].ndim - 2
        assert axis <= dimensions
        values = [v[..., None] for v in values] if axis == dimensions else values
        return Image({"array": (np.concatenate(values, axis=axis + 2), known)})

    def arrayReshape(self, image, lengths, dimensions):
        shape = tuple(int(n) for n in lengths.values()[0][0].ravel())
        assert len(shape) == dimensions
        return self.each(image, lambda v: v.reshape(v.shape[:2] + shape))

    def arraySlice(self, input, axis, start, step, end=None):
        assert end is None and constant(start).values()[0][0] == 0
        return self.each(input, lambda v: v[(slice(None),) * (axis + 2) + (slice(0, None, step),)])

    def arrayReduce(self, input, reducer, axes):
        return self.each(input, lambda v: REDUCE[reducer](v, axis=tuple(a + 2 for a in axes), keepdims=True))

    def arrayProject(self, input, axes):
        drop = tuple(a for a in range(2, input.values()[0][0].ndim) if a - 2 not in axes)
        return self.each(input, lambda v: np.squeeze(v, axis=drop))

    def arrayCat(self, image1, image2, axis):
        ((v, m),), ((w, k),) = image1.values(), image2.values()
        return Image({"array": (np.concatenate([self.wide(v), self.wide(w)], axis=axis + 2), m & k)})

    def arrayFlatten(self, image, coordinateLabels):
        ((v, m),) = image.values()
        (labels,) = coordinateLabels
        assert v.shape[2:] == (len(labels),)
        return Image({label: (v[..., i], m) for i, label in enumerate(labels)})

    def matrixMultiply(self, image1, image2):
        ((v, m),), ((w, k),) = image1.values(), image2.values()
        return Image({"array": (v @ w, m & k)})

    def toFloat(self, value):
        return self.each(value, lambda v: v.astype(np.float32))

    def toByte(self, value):
        return self.each(value, lambda v: v.astype(np.uint8))


def evaluate(text: str, features: np.ndarray, names, flip: bool = False) -> dict[str, np.ndarray]:
    """Evaluate a serialized function on features [band, y, x], NaN where masked."""
    bands = {n: (np.nan_to_num(band.astype(float)), ~np.isnan(band)) for n, band in zip(names, features, strict=True)}
    return Interpreter(Image(bands), flip).run(text)
