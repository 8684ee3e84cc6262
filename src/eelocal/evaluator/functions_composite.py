"""Collections and bands reduced to images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.functions_mask import choose
from eelocal.evaluator.functions_reducer import REDUCERS
from eelocal.evaluator.grid import WGS84, Lattice, Projection, Window
from eelocal.evaluator.image import Band, Collection, Image
from eelocal.evaluator.node import MaskedNode, Node
from eelocal.evaluator.pixeltype import PixelType, cast, union
from eelocal.evaluator.raster import EMPTY, Raster
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements


class ReduceNode(Node):
    """The outputs of a reducer over bands, along a new last axis."""

    def __init__(self, bands: Sequence[Node], reducer: Reducer) -> None:
        if any(node.type.dimensions for node in bands):
            raise bad_request("eelocal does not implement the reduction of array pixels.")
        self.reducer = reducer
        self.types = reducer.types(union(*(node.type for node in bands)))
        super().__init__(PixelType("double"), bands, WGS84)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Reduce what is not masked everywhere; the result holds all outputs, `[output, y, x]`, and their masks."""
        size = (window[2] - window[0], window[3] - window[1])
        reaching = [raster for raster in rasters if raster.values is not None]
        if reaching:
            results = self.reducer.run(_stack(reaching, size), _valid(reaching, size))
        elif self.reducer.name == "count":
            results = self.reducer.run(np.zeros((1, *size)), np.zeros((1, *size), bool))
        else:
            return EMPTY
        out = [
            Raster(cast(np.asarray(values), type_), None if np.all(good) else np.broadcast_to(good, size))
            for (values, good), type_ in zip(results, self.types, strict=True)
        ]
        return _Several(out)


class _Several(Raster):
    """The rasters of several outputs, kept together between a reduction and its outputs."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Raster]) -> None:
        super().__init__(parts[0].values, parts[0].mask, parts[0].uniform)
        self.parts = parts

    def crop(self, top: int, left: int, height: int, width: int) -> Raster:
        """Crop every part."""
        return _Several([part.crop(top, left, height, width) for part in self.parts])


def _stack(rasters: Sequence[Raster], size: tuple[int, int]) -> NDArray[Any]:
    return np.stack([np.zeros(size) if r.values is None else np.broadcast_to(r.spread, size) for r in rasters])


def _valid(rasters: Sequence[Raster], size: tuple[int, int]) -> NDArray[Any]:
    return np.stack([np.full(size, r.values is not None) if r.mask is None else r.mask for r in rasters])


def outputs(bands: Sequence[Node], reducer: Reducer, projection: Projection = WGS84) -> list[Node]:
    """Return a node for each output of a reducer over bands."""
    node = ReduceNode(bands, reducer)
    out: list[Node] = []
    for index, type_ in enumerate(node.types):
        made = MaskedNode(_part(index), type_, [node])
        made.projection = projection
        out.append(made)
    return out


def _part(index: int) -> Callable[[Raster], Raster]:
    def take(raster: Raster) -> Raster:
        return raster.parts[index] if isinstance(raster, _Several) else EMPTY

    return take


def stacked(collection: Collection, name: str) -> list[Node]:
    """Return the bands of that name of all images; those that lack it are left out."""
    return [band.node for image in collection.elements for band in image.bands if band.name == name]


def reduce_collection(collection: Collection, reducer: Reducer, suffix: bool) -> Image:
    """Return the collection reduced band by band."""
    images = collection.elements
    names = images[0].names if images else []
    for image in images:
        if not set(names) <= set(image.names):
            raise bad_request(
                "Expected a homogeneous image collection, but an image with incompatible bands was encountered. "
                f"First image has bands [{', '.join(names)}]; image '{image.index}' has [{', '.join(image.names)}]."
            )
    return Image(
        bands=tuple(
            Band(f"{name}_{output.name}" if suffix else name, node)
            for name in names
            for output, node in zip(reducer.outputs, outputs(stacked(collection, name), reducer), strict=True)
        )
    )


@implements("ImageCollection.reduce")
def reduce(collection: Collection, reducer: Reducer, parallel: float) -> Image:
    """Bands are named by input and output."""
    return reduce_collection(collection, reducer, True)


def _register(name: str, reducer: str) -> None:
    @implements(f"reduce.{name}")
    def make(collection: Collection) -> Image:
        return reduce_collection(collection, REDUCERS[reducer], False)


for _name, _reducer in {"and": "allNonZero", "or": "anyNonZero"}.items():
    _register(_name, _reducer)
for _name in ("count", "max", "mean", "median", "min", "mode", "product", "sum"):
    _register(_name, _name)


@implements("Image.reduce")
def reduce_image(image: Image, reducer: Reducer) -> Image:
    """The bands of each pixel reduced."""
    if not image.bands:
        raise bad_request("The image has no bands.")
    projection = next((node.projection for node in image.nodes if node.projection is not WGS84), WGS84)
    made = outputs(image.nodes, reducer, projection)
    return image.derived(Band(o.name, node) for o, node in zip(reducer.outputs, made, strict=True))


@implements("ImageCollection.mosaic")
def mosaic(collection: Collection) -> Image:
    """The last image on top, where it is valid."""
    images = collection.elements
    if not images:
        return Image()
    bands = []
    for name in dict.fromkeys(name for image in images for name in image.names):
        nodes = stacked(collection, name)
        type_ = union(*(node.type for node in nodes))
        node = MaskedNode(_on_top(type_), type_, nodes)
        node.projection = WGS84
        bands.append(Band(name, node))
    return Image(bands=tuple(bands))


def _on_top(type_: PixelType) -> Callable[..., Raster]:
    def apply(*rasters: Raster) -> Raster:
        if len(rasters) == 1:
            return rasters[0]
        out = EMPTY
        for raster in reversed(rasters):
            if out.values is not None and out.mask is None:
                break
            if raster.values is not None:
                out = choose(raster, out, type_)
        return out

    return apply


@implements("ImageCollection.qualityMosaic")
def quality_mosaic(collection: Collection, quality: str) -> Image:
    """All bands from the image whose quality band is largest; of equals the last."""
    images = collection.elements
    if not images:
        return Image()
    for image in images:
        if quality not in image.names:
            raise bad_request(f"Band '{quality}' not found. Available bands: [{', '.join(image.names)}].")
    scores = stacked(collection, quality)
    bands = []
    for name in images[0].names:
        nodes = stacked(collection, name)
        if len(nodes) != len(scores):
            raise bad_request(f"The band '{name}' is not in every image.")
        type_ = union(*(n.type for n in nodes))
        node = MaskedNode(_best(type_, len(nodes)), type_, [*nodes, *scores])
        node.projection = WGS84
        bands.append(Band(name, node))
    return Image(bands=tuple(bands))


def _best(type_: PixelType, count: int) -> Callable[..., Raster]:
    def apply(*rasters: Raster) -> Raster:
        values, scores = rasters[:count], rasters[count:]
        sizes = {r.spread.shape[-2:] for r in rasters if r.values is not None}
        sizes |= {r.mask.shape for r in rasters if r.mask is not None}
        if not sizes:
            return EMPTY
        size = max(sizes)
        ranked = np.where(_valid(scores, size), _stack(scores, size), -np.inf)
        best = len(ranked) - 1 - np.argmax(ranked[::-1], axis=0)
        valid = _valid(scores, size).any(axis=0)
        picked = np.take_along_axis(_stack(values, size), best[None], axis=0)[0]
        good = np.take_along_axis(_valid(values, size), best[None], axis=0)[0] & valid
        return Raster(cast(picked, type_), good)

    return apply
