"""Collections and bands reduced to images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.functions_mask import choose
from eelocal.evaluator.functions_reducer import get
from eelocal.evaluator.grid import WGS84, Lattice, Window
from eelocal.evaluator.image import Band, Collection, Image
from eelocal.evaluator.node import MaskedNode, Node
from eelocal.evaluator.pixeltype import PixelType, cast, union
from eelocal.evaluator.raster import EMPTY, Raster
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements


class ReduceNode(Node):
    """The outputs of a reducer over groups of bands, one group an input of the reducer, along a new last axis."""

    __slots__ = ("groups", "reducer", "types")

    def __init__(self, groups: Sequence[Sequence[Node]], reducer: Reducer) -> None:
        """Keep the groups; a reduction has no projection of its own."""
        for node in (node for group in groups for node in group):
            if node.type.dimensions:
                raise bad_request("eelocal does not implement the reduction of array pixels.")
        self.groups = [len(group) for group in groups]
        self.reducer = reducer
        inputs = [union(*(node.type for node in group)) for group in groups]
        self.types = reducer.types(inputs)
        super().__init__(PixelType("double"), [node for group in groups for node in group], WGS84)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Reduce what is not masked everywhere; the result holds all outputs, `[output, y, x]`, and their masks."""
        size = (window[2] - window[0], window[3] - window[1])
        stacks, valid, start = [], [], 0
        several = len(self.groups) > 1
        for count in self.groups:
            group = rasters[start : start + count]
            start += count
            if not several:
                # Images that do not reach the window count for nothing.
                group = [raster for raster in group if raster.values is not None]
            stacks.append(_stack(group, size))
            valid.append(_valid(group, size))
        if not len(stacks[0]):
            if self.reducer.name != "count":
                return EMPTY
            stacks, valid = [np.zeros((1, *size))], [np.zeros((1, *size), bool)]
        results = self.reducer.run(stacks, valid)
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
    if not rasters:
        return np.zeros((0, *size))
    known = [np.broadcast_to(r.spread, size) if r.values is not None else np.zeros(size) for r in rasters]
    return np.stack(known)


def _valid(rasters: Sequence[Raster], size: tuple[int, int]) -> NDArray[Any]:
    masks = []
    for raster in rasters:
        if raster.values is None:
            masks.append(np.zeros(size, bool))
        else:
            masks.append(np.ones(size, bool) if raster.mask is None else raster.mask)
    return np.stack(masks) if masks else np.zeros((0, *size), bool)


def outputs(groups: Sequence[Sequence[Node]], reducer: Reducer) -> list[Node]:
    """Return a node for each output of a reducer."""
    node = ReduceNode(groups, reducer)
    out: list[Node] = []
    for index, type_ in enumerate(node.types):
        made = MaskedNode(_part(index), type_, [node])
        made.projection = WGS84
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
    """Return the collection reduced band by band, or all bands at once where the reducer has several inputs."""
    images = collection.elements
    if not images:
        return Image()
    names = images[0].names
    for image in images:
        for name in names:
            if name not in image.names:
                raise bad_request(
                    "Expected a homogeneous image collection, but an image with incompatible bands was encountered. "
                    f"First image has bands [{', '.join(names)}]; image '{image.index}' has [{', '.join(image.names)}]."
                )
    if reducer.inputs == 1:
        bands = []
        for name in names:
            for output, node in zip(reducer.outputs, outputs([stacked(collection, name)], reducer), strict=True):
                bands.append(Band(f"{name}_{output.name}" if suffix else name, node))
        return Image(bands=tuple(bands))
    if reducer.inputs != len(names):
        raise bad_request(f"The reducer needs {reducer.inputs} inputs, but the images have {len(names)} band(s).")
    made = outputs([stacked(collection, name) for name in names], reducer)
    return Image(bands=tuple(Band(o.name, node) for o, node in zip(reducer.outputs, made, strict=True)))


@implements("ImageCollection.reduce")
def reduce(collection: Collection, reducer: Reducer, parallel: float) -> Image:
    """Bands are named by input and output."""
    return reduce_collection(collection, reducer, True)


def _register(name: str, reducer: str) -> None:
    @implements(f"reduce.{name}")
    def make(collection: Collection) -> Image:
        return reduce_collection(collection, get(reducer), False)


for _name, _reducer in {"and": "allNonZero", "or": "anyNonZero"}.items():
    _register(_name, _reducer)
for _name in ("count", "max", "mean", "median", "min", "mode", "product", "sum"):
    _register(_name, _name)


@implements("Image.reduce")
def reduce_image(image: Image, reducer: Reducer) -> Image:
    """The bands of each pixel reduced; one input takes them all."""
    if not image.bands:
        raise bad_request("The image has no bands.")
    if reducer.inputs not in (1, len(image.bands)):
        raise bad_request(f"The reducer needs {reducer.inputs} inputs, but the image has {len(image.bands)} band(s).")
    groups = [image.nodes] if reducer.inputs == 1 else [[node] for node in image.nodes]
    made = outputs(groups, reducer)
    for node in made:
        node.projection = next((n.projection for n in image.nodes if n.projection is not WGS84), WGS84)
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
