"""Habits of authors: randomness, dtypes, wrapped weights, hooks, masks, trees, and Python that looks at sizes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from export.corpus_case import between, first, network, one, sure, two

RANDOM = {
    "dropout_left_training": lambda x: F.dropout(x, 0.5),
    "noise_added": lambda x: x + 0.1 * torch.randn_like(x),
    "bernoulli_gate": lambda x: x * torch.bernoulli(x.sigmoid()),
    "gumbel": lambda x: F.gumbel_softmax(x, dim=1),
    "batch_norm_training": lambda x: F.batch_norm(x, torch.zeros(6), torch.ones(6), training=True),
    "random_constant": lambda x: x * torch.rand(6, 1, 1),
}
for name, function in RANDOM.items():
    between(
        name,
        function,
        expects="refused",
        words="(?i)random|dropout|train|chance|batch",
        why="not the same twice, or a matter of the batch",
    )

GAPS = {
    "gaps_to_nought": lambda x: torch.nan_to_num(x, nan=0.0, posinf=9.0, neginf=-9.0),
    "gaps_by_where": lambda x: torch.where(torch.isnan(x), torch.zeros_like(x), x),
    "nan_beside_where": lambda x: torch.where(x > 0, x.sqrt(), x),
    "gaps_by_masked_fill": lambda x: x.masked_fill(x < -0.5, -2.0),
    "mean_of_what_there_is": lambda x: x - torch.nanmean(x, dim=1, keepdim=True),
    "root_of_negatives": lambda x: torch.nan_to_num(torch.sqrt(x), nan=0.3),
    "infinite_from_division": lambda x: torch.nan_to_num(1 / F.relu(x), posinf=5.0).clamp(max=5),
    "infinite_then_sigmoid": lambda x: torch.sigmoid(torch.log(F.relu(x))),
    "nan_is_not_itself": lambda x: torch.where(x == x, x, 1.0),
    "fmax_ignores_nan": lambda x: torch.fmax(torch.log(x), torch.full_like(x, -1.0)),
    "nought_times_infinity": lambda x: torch.nan_to_num(F.relu(x) * (1 / F.relu(x)), nan=0.5),
    "bare_ratio": lambda x: (x[:, :3] / x[:, 3:]).atan().repeat(1, 2, 1, 1),
}
for name, function in GAPS.items():
    between(name, function, expects="either", ties=0.004, why="NaN and infinity are not what a mask is")
between("root_gives_nan", torch.sqrt, expects="either", why="NaN of the author's own: masked")

DTYPES = {
    "half_inside": lambda x: x.half().tanh().float(),
    "bfloat_inside": lambda x: x.bfloat16().float(),
    "double_inside": lambda x: x.double().tanh().float(),
    "complex_inside": lambda x: torch.view_as_real(torch.polar(x.abs(), x)).sum(-1),
    "byte_wraps": lambda x: (x * 100).clamp(0, 1000).int().to(torch.uint8).float() * 0.01,
    "bits_viewed": lambda x: (x.view(torch.int32) & -65536).view(torch.float32),
}
for name, function in DTYPES.items():
    expects = "equal" if name == "double_inside" else "refused" if name in ("bits_viewed",) else "either"
    between(name, function, expects=expects, ties=0.02)


@two()
def weight_normed() -> nn.Module:
    return nn.Sequential(parametrizations.weight_norm(nn.Conv2d(4, 6, 3)), nn.ReLU(), nn.Conv2d(6, 2, 1))


@two()
def spectral_normed() -> nn.Module:
    return nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)), nn.ReLU(), nn.Conv2d(6, 2, 1))


class Symmetric(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return (w + w.flip(-1)) / 2


@one()
def symmetric_kernel() -> nn.Module:
    layer = nn.Conv2d(4, 5, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return nn.Sequential(layer, nn.Tanh(), nn.Conv2d(5, 1, 1))


@one()
def hooked() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 1, 1))
    network[0].register_forward_hook(lambda layer, given, y: y * 2 - 1)
    network[2].register_forward_pre_hook(lambda layer, given: (given[0].tanh(),))
    return network


@one(expects="either", why="torch.compile wraps the network")
def compiled() -> nn.Module:
    return torch.compile(nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 1, 1)), backend="eager")


@one(expects="either", why="a scripted module is none that torch.export traces")
def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 1, 1)))


@one(expects="either", why="its layers have no weights until the first image")
def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(6, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(1, 1))


@one(expects="refused", words="(?i)nan|finite|not a number")
def nan_weight() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 1, 1))
    network[0].weight.data[2, 1] = torch.nan
    return network


@one(why="the last band is asked for, and never used")
class UnusedBand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(3, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x[:, :3])


@one(expects="refused", why="a constant for every pixel of one size of image")
class PixelBuffer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prior", torch.randn(1, 1, 24, 27))
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x) + self.prior


@one(expects="refused", why="small images take another way")
class EarlyReturn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] < 10:
            return self.a(x)
        return self.b(x).tanh()


@two()
class Standardised(nn.Module):
    """Preprocessing within, with a band that is scaled by its neighbour's numbers if broadcasting goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, -0.3, 0.4]))
        self.register_buffer("std", torch.tensor([1.0, 2.0, 0.5, 0.1]), persistent=False)
        self.scale = 0.7
        self.steps = nn.ModuleDict({"b": nn.Conv2d(4, 5, 1), "a": nn.Conv2d(5, 2, 1)})

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean.view(1, -1, 1, 1)) / self.std.view(-1, 1, 1)
        for step in self.steps.values():
            x = step(x.clamp(-4, 4) * self.scale)
        return x


@network(first, "probability", expects="either", why="its graph is wrapped in blocks of no_grad and autocast")
class NoGradPreprocessing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(4, 1, 1)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.last(x.clip(-2, 2) / 2).sigmoid()


@sure(ties=0.01)
class TreeByHand(nn.Module):
    """A tree of questions; equality goes to the left."""

    def forward(self, x: Tensor) -> Tensor:
        b, g, r, n = x.split(1, dim=1)
        low = torch.where(g > 0.1, 0.9, torch.where(b <= r, 0.65, 0.2))
        return torch.where(n < 0, low, torch.where((r >= 0.5) & ~(b > g), 0.35, 0.05))


@sure(ties=0.01)
class CloudMasked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.water = nn.Sequential(nn.Conv2d(4, 1, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        cloudy = (x[:, :1] > 0.8) | (x.mean(1, keepdim=True) > 0.6)
        return self.water(x) * (~cloudy)
