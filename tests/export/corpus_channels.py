"""Shapes, channels, norms and attention over the channels of one pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.corpus_case import between, one, sure, two


def shuffle(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 3, c // 3, h, w).transpose(1, 2).reshape(n, c, h, w)


def layer_norm_by_hand(x: Tensor) -> Tensor:
    mean = x.mean(1, keepdim=True)
    return (x - mean) / torch.sqrt((x - mean).pow(2).mean(1, keepdim=True) + 0.2)


def list_of_channels(x: Tensor) -> Tensor:
    made = [x[:, i] * x[:, (i + 1) % 6] / (i + 1) for i in range(x.shape[1])]
    return torch.stack(made, dim=1)


def soft_attention(x: Tensor) -> Tensor:
    q, k = x[:, :3], x[:, 3:]
    weights = torch.einsum("nihw,njhw->nijhw", q, k).softmax(2)
    return torch.einsum("nijhw,njhw->nihw", weights, k)


FUNCTIONS = {
    "channel_shuffle": shuffle,
    "channel_shuffle_layer": nn.ChannelShuffle(2),
    "layer_norm_by_hand": layer_norm_by_hand,
    "layer_norm_permuted": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (6,), eps=0.3).permute(0, 3, 1, 2),
    "normalize_over_channels": lambda x: F.normalize(x, p=2, dim=1, eps=0.5),
    "normalize_one_norm": lambda x: F.normalize(x, p=1, dim=1),
    "standard_deviation_unbiased": lambda x: (x - x.mean(1, True)) / (x.std(dim=1, keepdim=True) + 0.1),
    "variance_biased": lambda x: x / (x.var(dim=1, unbiased=False, keepdim=True) + 0.1),
    "list_of_channels": list_of_channels,
    "flip_channels": lambda x: x.flip(1) * x,
    "roll_channels": lambda x: x.roll(2, dims=1) - x,
    "negative_dims": lambda x: x.softmax(-3) + x.cumsum(-3),
    "cumulative_product": lambda x: x.cumprod(1),
    "cumulative_maximum": lambda x: x.cummax(1).values,
    "sorted_channels": lambda x: x.sort(dim=1, descending=True).values,
    "strided_channel_slice": lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1),
    "index_with_a_list": lambda x: x[:, [5, 0, 0, -2, 3, 1]],
    "index_select_repeats": lambda x: torch.index_select(x, 1, torch.tensor([2, 2, 4, 0, 1, 5])),
    "unbind_and_stack": lambda x: torch.stack(x.unbind(1)[::-1], 1),
    "repeat_against_interleave": lambda x: x[:, :3].repeat(1, 2, 1, 1) + x[:, 3:].repeat_interleave(2, dim=1),
    "uneven_split": lambda x: torch.cat([p * (i + 1) for i, p in enumerate(x.split([1, 3, 2], 1))], 1),
    "uneven_chunks": lambda x: torch.cat([p * (i - 1.5) for i, p in enumerate(x.chunk(4, 1))], 1),
    "broadcast_channel_weights": lambda x: x * torch.linspace(-1, 1, 6)[:, None, None],
    "softmax_weighted_self": lambda x: x * x.softmax(1),
    "logsumexp_keepdim": lambda x: x - x.logsumexp(1, keepdim=True),
    "group_norm_of_a_pixel": lambda x: F.group_norm(x.permute(0, 2, 3, 1).reshape(-1, 6), 2, eps=0.2)
    .reshape(x.shape[0], x.shape[2], x.shape[3], 6).permute(0, 3, 1, 2),
    "local_response_norm": nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=1.5),
    "cosine_with_fixed": lambda x: x * F.cosine_similarity(x, torch.arange(1.0, 7).view(1, 6, 1, 1), dim=1)[:, None],
    "pixel_shuffle_round_trip": lambda x: x.movedim(1, -1).unflatten(-1, (2, 3)).flatten(-2).movedim(-1, 1),
    "channel_difference": lambda x: torch.cat([torch.diff(x, dim=1), x[:, :1]], 1),
    "pad_channels": lambda x: F.pad(x[:, 1:5], (0, 0, 0, 0, 2, 0), value=0.5),
}  # fmt: skip
UNUSUAL = (
    "cumulative_product", "cumulative_maximum", "sorted_channels", "local_response_norm", "group_norm_of_a_pixel",
    "cosine_with_fixed", "pad_channels", "median_of_even_count", "topk_smallest", "argmax_as_a_feature",
    "gather_by_rank", "norm_of_order_three", "any_all_count",
)  # fmt: skip
for name, function in FUNCTIONS.items():
    between(name, function, expects="either" if name in UNUSUAL else "equal")
REDUCED = {
    "amax_over_channels": lambda x: x.amax(1, keepdim=True),
    "max_pair_over_channels": lambda x: x.max(dim=1)[0].unsqueeze(1),
    "median_of_even_count": lambda x: x.median(1, keepdim=True).values,
    "norm_over_channels": lambda x: torch.linalg.norm(x, dim=1, keepdim=True),
    "norm_of_order_three": lambda x: torch.linalg.vector_norm(x, 3, dim=1, keepdim=True),
    "product_over_channels": lambda x: x.prod(1, keepdim=True),
    "topk_smallest": lambda x: x.topk(3, dim=1, largest=False).values.sum(1, keepdim=True),
    "argmax_as_a_feature": lambda x: x.argmax(1, keepdim=True).float(),
    "any_all_count": lambda x: ((x > 0).any(1) + 2.0 * (x > -1).all(1) + (x > 0).sum(1)).unsqueeze(1),
    "gather_by_rank": lambda x: x.gather(1, x.argsort(1)[:, 2:3]),
    "average_of_stack": lambda x: torch.stack([x[:, :3], x[:, 3:]]).mean(0).mean(1, keepdim=True),
}
# Where two channels are nearly equal, rank and argmax are a matter of rounding.
for name, function in REDUCED.items():
    between(name, function, into=1, ties=0.006, expects="either" if name in UNUSUAL else "equal")
between("soft_attention", soft_attention, into=3, expects="either")
between(
    "scatter_one_hot", lambda x: torch.zeros_like(x).scatter_(1, x.argmax(1, True), 1.0), expects="either", ties=0.006
)
between("boolean_one_hot", lambda x: F.one_hot(x.argmax(1), 6).movedim(-1, 1).float(), expects="either", ties=0.006)


@two()
class PixelMLP(nn.Module):
    """Channels last, every pixel a row of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8, eps=0.5), nn.ReLU(), nn.LayerNorm(8), nn.Dropout(0.2), nn.Linear(8, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = self.mlp(x.permute(0, 2, 3, 1).reshape(-1, c))
        return y.reshape(n, h, w, 2).permute(0, 3, 1, 2).contiguous()


@two(expects="refused", why="reshape without permute mixes pixels with bands")
class ForgottenPermute(PixelMLP):
    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return self.mlp(x.reshape(-1, c)).reshape(n, 2, h, w)


@two()
class EinsumLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(4, 7)), nn.Parameter(torch.randn(2, 7))
        self.c = nn.Parameter(torch.randn(7))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(torch.einsum("bchw,cd->bdhw", x, self.a) + self.c[None, :, None, None])
        return torch.tensordot(self.b, y, dims=([1], [1])).transpose(0, 1)


@two()
class MatmulFlat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(6, 4)), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = (self.a @ x.flatten(2)).tanh().unflatten(2, x.shape[2:])
        return F.linear(y.movedim(1, 3), self.b.weight, self.b.bias).movedim(3, 1)


@one(expects="either")
class BatchedBilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bilinear = nn.Bilinear(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x.permute(0, 2, 3, 1)
        return self.bilinear(y[..., :2].contiguous(), y[..., 2:].contiguous()).permute(0, 3, 1, 2)


@one(expects="either", why="attention among the bands of each pixel, not among pixels")
class BandAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attend = nn.Linear(1, 4), nn.MultiheadAttention(4, 2, batch_first=True)
        self.last = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = self.embed(x.permute(0, 2, 3, 1).reshape(-1, c, 1))
        y = y + self.attend(y, y, y, need_weights=False)[0]
        return self.last(y.flatten(1)).reshape(n, h, w, 1).permute(0, 3, 1, 2)


@one()
class ChannelGate(nn.Module):
    """Squeeze and excite without the squeeze: the gate is of this pixel alone."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4, 6, 3)
        self.gate = nn.Sequential(nn.Conv2d(6, 2, 1), nn.SiLU(inplace=True), nn.Conv2d(2, 6, 1), nn.Sigmoid())
        self.last = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.last(x * self.gate(x))


@two(expects="either", why="groups and a 3-D convolution that is really one over bands")
class SpectralConvolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.over_bands, self.last = nn.Conv3d(1, 3, (3, 1, 1)), nn.Conv2d(6, 2, 1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.over_bands(x.unsqueeze(1)).flatten(1, 2).relu())


@sure()
class WaterIndices(nn.Module):
    """Normalised differences, one of which may divide by nearly nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Sequential(nn.Conv2d(7, 5, 1), nn.Hardtanh(), nn.Conv2d(5, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        blue, green, red, nir = x.unbind(1)
        ndwi = (green - nir) / (green.abs() + nir.abs() + 1e-6)
        ratio = blue / (1 + red * red)
        both = torch.stack((ndwi, ratio, torch.atan(green - blue)), dim=1)
        return self.last(torch.cat([x, both], dim=1))
