"""Elementwise functions, with the arguments that are easily dropped."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.corpus_case import Between, between, one

LAYERS = {
    "elu_alpha": nn.ELU(alpha=0.3),
    "celu_alpha": nn.CELU(alpha=2.5),
    "selu": nn.SELU(),
    "gelu_exact": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus_beta_threshold": nn.Softplus(beta=3, threshold=2),
    "leaky_relu_negative": nn.LeakyReLU(-0.4),
    "leaky_relu_steep": nn.LeakyReLU(1.7),
    "relu6": nn.ReLU6(),
    "hardtanh_bounds": nn.Hardtanh(-0.2, 1.3),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "softsign": nn.Softsign(),
    "tanhshrink": nn.Tanhshrink(),
    "softshrink": nn.Softshrink(0.3),
    "hardshrink": nn.Hardshrink(0.4),
    "threshold_value": nn.Threshold(0.1, -7.0),
    "log_sigmoid": nn.LogSigmoid(),
    "in_place_relu": nn.ReLU(inplace=True),
    "rrelu_eval": nn.RReLU(0.1, 0.5),
    "glu_over_channels": nn.Sequential(nn.GLU(dim=1), nn.Conv2d(3, 6, 1)),
}
for name, layer in LAYERS.items():
    between(name, layer, ties=0.004 if name in ("hardshrink", "threshold_value") else 0.0)

FUNCTIONS = {
    "clamp_below_only": lambda x: x.clamp(min=-0.1),
    "clamp_above_only": lambda x: x.clamp(max=0.2),
    "clamp_crossed_bounds": lambda x: x + x.clamp(0.5, 0.2),  # the upper bound wins
    "clamp_by_tensors": lambda x: torch.clamp(x, torch.full((6, 1, 1), -0.3), torch.arange(6.0).view(6, 1, 1)),
    "add_alpha": lambda x: torch.add(x, x.tanh(), alpha=-2.5),
    "sub_alpha": lambda x: torch.sub(x, x.sigmoid(), alpha=3),
    "rsub_alpha": lambda x: torch.rsub(x, 1.5, alpha=2),
    "number_minus_and_over": lambda x: 1 - 2 / (3 + x.abs()),
    "addcmul_addcdiv": lambda x: torch.addcmul(torch.addcdiv(x, x, x * x + 1, value=0.3), x, x, value=-0.2),
    "lerp": lambda x: torch.lerp(x, x.relu(), 0.3),
    "log1p_relu": lambda x: torch.log1p(F.relu(x)),
    "exp_clamped_both_sides": lambda x: torch.exp(-x.clamp(-3, 3)),
    "expm1_sin_cos": lambda x: torch.sin(x) * torch.cos(2 * x) + torch.expm1(x.clamp(max=1)),
    "squares_and_cubes": lambda x: (x**2 - 0.01 * x**3) / (1 + x**4),
    "negative_even_base": lambda x: torch.pow(x, 2) * 0.1 + torch.pow(2, x.clamp(-4, 4)),
    "root_of_square": lambda x: (x * x + 1e-3) ** 0.5 + torch.rsqrt(x * x + 0.1),
    "erf": torch.erf,
    "logaddexp": lambda x: torch.logaddexp(x, -x),
    "hypot": lambda x: torch.hypot(x, x.flip(1)),
    "maximum_minimum": lambda x: torch.maximum(x, 0.2 * x) - torch.minimum(x, x.flip(1)),
    "where_on_sign": lambda x: torch.where(x > 0, x, torch.expm1(x)),
    "where_hides_a_nan": lambda x: torch.where(x > 0.1, torch.log(x), torch.zeros_like(x)),
    "mask_times_value": lambda x: x * (x > 0).float() + (x <= -0.5).to(x.dtype) * 0.01,
    "not_and_or_xor": lambda x: (~(x > 0) & (x.flip(1) > 0) ^ (x < -1) | (x > 2)).float(),
    "not_equal_nothing": lambda x: x + (x != 0).float() - (x == 0).float(),
    "copysign_and_sign": lambda x: torch.copysign(x.abs().sqrt(), x) + torch.sign(x),
    "softmax_temperature": lambda x: torch.softmax(x / 0.2, dim=1),
    "xlogy": lambda x: torch.special.xlogy(x.sigmoid(), x.sigmoid()),
    "logit_eps": lambda x: torch.logit(x.sigmoid(), eps=0.2),
    "square_of_negative_literal": lambda x: x.square().neg().exp(),
}
UNUSUAL = (
    "where_hides_a_nan",
    "addcmul_addcdiv",
    "lerp",
    "xlogy",
    "logit_eps",
    "copysign_and_sign",
    "logaddexp",
    "erf",
)
STEPS = ("where", "mask", "not_and", "copysign")
for name, function in FUNCTIONS.items():
    expects = "either" if name in UNUSUAL else "equal"
    between(name, function, ties=0.004 if name.startswith(STEPS) else 0.0, expects=expects)

ROUNDED = {
    "floor_division": lambda x: torch.div(x, 0.7, rounding_mode="floor"),
    "truncating_division": lambda x: torch.div(x, 0.7, rounding_mode="trunc"),
    "remainder_of_negatives": lambda x: x % 0.7,
    "remainder_by_negative": lambda x: torch.remainder(x, -0.7),
    "fmod_of_negatives": lambda x: torch.fmod(x, 0.7),
    "round_half_to_even": lambda x: torch.round(2 * x.round()) / 4 + torch.round(x.round() / 2),
    "round_decimals": lambda x: torch.round(x, decimals=1),
    "cast_to_int": lambda x: x.int().float(),
    "cast_to_byte_and_back": lambda x: (x.clamp(0, 1) * 255).to(torch.uint8).float() / 255,
    "integer_division": lambda x: (x.long() // 2).float() + (x.long() % 3).float(),
    "frac_and_trunc": lambda x: torch.frac(x) + torch.trunc(x),
    "ceil_minus_floor": lambda x: x.ceil() - x.floor(),
    "shift_left": lambda x: ((x * 10).int() << 1).float() * 0.01,
}
for name, function in ROUNDED.items():
    between(name, function, expects="either", ties=0.03, why="rounding differs between languages")


@one()
def prelu_per_channel() -> nn.Module:
    layer = nn.PReLU(6)
    layer.weight.data = torch.tensor([-1.0, 0.0, 0.3, 1.0, 2.0, -0.2])
    return nn.Sequential(nn.Conv2d(4, 6, 1), layer, nn.Conv2d(6, 1, 1))


@one()
def prelu_single_negative() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 6, 1), nn.PReLU(init=-0.6), nn.Conv2d(6, 1, 1))


@one()
class LearnedSwish(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.randn(1, 6, 1, 1))
        self.body = Between(lambda x: x * torch.sigmoid(self.beta * x))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


@one()
class MaxoutOfGroups(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pieces = nn.Conv2d(4, 12, 3)
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = (y := self.pieces(x)).shape
        return self.last(y.view(n, c // 3, 3, h, w).max(2).values)
