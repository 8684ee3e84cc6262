"""Baselines in the form of networks: what each computes of a pixel, and nothing of its neighbours.

Standardisation and body, a pair of logits a pixel and one checkpoint file: a baseline is predicted, judged and
selected by the very code that serves the networks. The land logit is 0, so the water logit is the margin: the
log-odds of water.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from water_gee.errors import ModelError
from water_gee.models.nets import PixelNetwork, Standardise

_TIE = 1e-6  # margin of a pixel on the very edge of a rule that asks for less, not for equal
_AT_ONCE = 2048  # pixels that the trees answer together; few enough for the processor's cache


def _logits(margin: Tensor) -> Tensor:
    """Return the pair of logits [n, 2, y, x] of a margin [n, 1, y, x]."""
    return torch.cat([torch.zeros_like(margin), margin], dim=1)


def raw_network(body: nn.Module, features: Sequence[str]) -> PixelNetwork:
    """Return a network whose body reads the features as they are: standardised by mean 0 and deviation 1."""
    bands = len(features)
    return PixelNetwork(Standardise([0.0] * bands, [1.0] * bands), body, features).eval()


class PixelLinear(nn.Module):
    """A weighted sum of a pixel's bands: a threshold on one of them, or logistic regression on all."""

    radius = 0

    def __init__(self, bands: int, widths: Sequence[int] = ()) -> None:
        super().__init__()
        _none(widths)
        self.sum = nn.Conv2d(bands, 2, 1)

    @classmethod
    def of(cls, weights: Sequence[float], offset: float) -> "PixelLinear":
        """Return the sum of the bands by `weights`, plus `offset`."""
        body = cls(len(weights))
        with torch.no_grad():
            body.sum.weight.zero_()
            body.sum.bias = nn.Parameter(torch.tensor([0.0, offset]))
            body.sum.weight[1, :, 0, 0] = torch.tensor(list(weights))
        return body

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y, x]."""
        logits: Tensor = self.sum(x)
        return logits


class CFMaskRule(nn.Module):
    """The water test of CFMask: (NDVI < 0.01 and NIR < 0.11) or (NDVI < 0.1 and NIR < 0.05).

    Of Fmask (Zhu and Woodcock, 2012), carried into the USGS' CFMask (Foga et al., 2017). There it is applied to
    top-of-atmosphere reflectance of one scene, before the clouds are known; here, with the thresholds as published,
    to the surface reflectance of a cloud-free composite, from which the light of the atmosphere was taken. NDVI is 0
    where red and NIR sum to 0, as everywhere in this project.

    The margin grades the rule by how far it is from changing its answer; it is above 0 exactly where the rule holds.
    """

    radius = 0
    steepness = 20.0  # log-odds a unit: reflectance or NDVI 0.05 from the edge gives a probability of 0.73 or 0.27
    position: Tensor

    def __init__(self, bands: int, widths: Sequence[int] = ()) -> None:
        super().__init__()
        _none(widths)
        self.register_buffer("position", torch.zeros(2, dtype=torch.int64))  # of red and NIR among the bands

    @classmethod
    def of(cls, features: Sequence[str]) -> "CFMaskRule":
        """Return the rule for these features.

        Raises:
            ModelError: red or nir is not among them.
        """
        missing = [name for name in ("red", "nir") if name not in features]
        if missing:
            raise ModelError(f"model=cfmask needs the feature {missing[0]}; add it to features.names")
        body = cls(len(features))
        body.position.copy_(torch.tensor([features.index("red"), features.index("nir")]))
        return body

    def forward(self, x: Tensor) -> Tensor:
        """Map reflectance [n, band, y, x], not standardised, to logits [n, 2, y, x]."""
        red, nir = torch.split(x.index_select(1, self.position), 1, dim=1)
        a, b = nir.clamp(min=0), red.clamp(min=0)  # as the features do
        total = a + b
        ndvi = torch.where(total == 0, 0.0, (a - b) / torch.where(total == 0, 1.0, total))
        clear = torch.minimum(0.01 - ndvi, 0.11 - nir)
        dark = torch.minimum(0.1 - ndvi, 0.05 - nir)
        margin = self.steepness * torch.maximum(clear, dark)
        return _logits(torch.where(margin > 0, margin, margin.clamp(max=-_TIE)))


class BoostedTrees(nn.Module):
    """A sum of decision trees, each of at most 31 leaves.

    A tree is not walked, as that would fetch a node a level, a tree and a pixel. Instead each band is cut at all
    thresholds that any tree asks it about. A value's cell between those `edges` decides every question on that
    band, and so which leaves of a tree are still possible: one bit a leaf in `possible`. What all bands leave
    possible is narrowed to one leaf by counting from the left (QuickScorer: Lucchese et al., 2015).
    """

    radius = 0
    edges: Tensor  # [band, edge] rising, infinite where a band has fewer
    possible: Tensor  # [band, cell, tree] int32: a bit a leaf, the leftmost leaf the lowest
    values: Tensor  # [tree, leaf] log-odds
    offset: Tensor  # [] log-odds

    def __init__(self, bands: int, widths: Sequence[int]) -> None:
        super().__init__()
        trees, leaves, edges = widths
        if leaves > 31:
            raise ValueError("at most 31 leaves a tree")
        self.register_buffer("edges", torch.full((bands, edges), torch.inf))
        self.register_buffer("possible", torch.zeros(bands, edges + 1, trees, dtype=torch.int32))
        self.register_buffer("values", torch.zeros(trees, leaves))
        self.register_buffer("offset", torch.zeros(()))

    @property
    def learned(self) -> int:
        """Numbers found on data: band and threshold of each split, and each leaf's value."""
        every_leaf = self.possible[0, 0].tolist()  # below its lowest edge a band excludes none
        return sum(3 * leaves.bit_count() - 2 for leaves in every_leaf)

    @property
    def widths(self) -> tuple[int, int, int]:
        """Trees, leaves of a tree and edges of a band: what `build_body` takes."""
        return self.values.shape[0], self.values.shape[1], self.edges.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x], not standardised, to logits [n, 2, y, x]."""
        pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        margin = torch.cat([self._margin(part) for part in torch.split(pixels, _AT_ONCE)])
        return _logits(margin.view(x.shape[0], 1, *x.shape[2:]))

    def _margin(self, pixels: Tensor) -> Tensor:
        """Return the log-odds of water [pixel] of values [pixel, band]."""
        cells = torch.searchsorted(self.edges, pixels.T.contiguous())
        possible = self.possible[0].index_select(0, cells[0])
        for band in range(1, len(cells)):
            possible &= self.possible[band].index_select(0, cells[band])
        first = torch.frexp((possible & -possible).float()).exponent - 1
        trees, leaves = self.values.shape
        place = first + leaves * torch.arange(trees, device=first.device, dtype=first.dtype)
        return self.values.view(-1).index_select(0, place.view(-1)).view(place.shape).sum(dim=1) + self.offset


def _none(widths: Sequence[int]) -> None:
    """Refuse layer widths where there are no layers."""
    if len(widths):
        raise ValueError("it has no layers")
