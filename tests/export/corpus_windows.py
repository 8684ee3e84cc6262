"""Neighbourhoods: what windows do, what padding does at borders, and what looks at the whole image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.corpus_case import between, one, two


def body(*middle: nn.Module, out: int = 6) -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 6, 1), *middle, nn.Conv2d(out, 1, 1))


def conv(*shape: int | tuple[int, int], **rest) -> nn.Conv2d:
    return nn.Conv2d(6, 6, *shape, **rest)


CENTRED = {
    "rows_then_columns": (conv((1, 3)), nn.ReLU(), conv((3, 1))),
    "wide_and_flat": (conv((3, 7)),),
    "dilated_asymmetric": (conv((3, 5), dilation=(3, 1)),),
    "depthwise_separable": (conv(3, groups=6, bias=False), nn.BatchNorm2d(6, affine=False), conv(1), nn.ReLU6(True)),
    "depthwise_multiplier": (nn.Conv2d(6, 12, 3, groups=6), nn.ELU(), nn.Conv2d(12, 6, 1, groups=3)),
    "grouped_in_threes": (conv(3, groups=3),),
    "max_pool_dilated": (nn.MaxPool2d(3, stride=1, dilation=2),),
    "max_pool_odd_shape": (nn.MaxPool2d((3, 5), stride=1),),
    "average_pool_unpadded": (nn.AvgPool2d(3, stride=1),),
    "average_pool_divisor": (nn.AvgPool2d(3, 1, divisor_override=4),),
    "power_average_pool": (nn.LPPool2d(2, 3, stride=1),),
    "transposed_by_one": (nn.ConvTranspose2d(6, 6, 1),),
    "batch_norm_large_eps": (nn.BatchNorm2d(6, eps=2.0), nn.Tanh(), nn.BatchNorm2d(6, momentum=None)),
}
for name, layers in CENTRED.items():
    either = name in ("power_average_pool", "average_pool_divisor", "transposed_by_one")
    one(name=name, expects="either" if either else "equal")(lambda layers=layers: body(*layers))

PADDED = {
    "padded_same": ((conv(3, padding="same"), nn.ReLU()), (1, 1)),
    "padded_twice": ((conv(3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), conv(3, padding=2, dilation=2)), (3, 3)),
    "padded_reflect": ((conv(3, padding=1, padding_mode="reflect"),), (1, 1)),
    "padded_circular": ((conv(3, padding=1, padding_mode="circular"),), (1, 1)),
    "padded_one_way": ((conv((1, 5), padding=(0, 2)),), (0, 2)),
    "pad_layer_before": ((nn.ReflectionPad2d(1), conv(3)), (1, 1)),
    "pad_with_a_value": ((nn.ConstantPad2d(2, 0.4), conv(5)), (2, 2)),
    "max_pool_padded": ((nn.MaxPool2d(3, 1, padding=1),), (1, 1)),
    "average_pool_padded": ((nn.AvgPool2d(3, 1, padding=1),), (1, 1)),
    "average_pool_not_counting": ((nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),), (1, 1)),
}
for name, (layers, reach) in PADDED.items():
    unusual = name in ("padded_circular", "padded_reflect", "pad_layer_before", "pad_with_a_value")
    expects = "either" if unusual else "equal"
    one(name=name, border="interior", reach=reach, expects=expects)(lambda layers=layers: body(*layers))
    one(
        name=name + "_refusing",
        expects="refused",
        why="what it gives at borders cannot be",
        words="(?i)border|pad|edge",
    )(lambda layers=layers: body(*layers))

WRONG = {
    "even_window": (conv(2),),
    "even_pool": (nn.MaxPool2d(2, stride=1),),
    "stride_two": (conv(3, stride=2),),
    "pool_with_its_own_stride": (nn.MaxPool2d(3),),
    "lopsided_padding": (nn.ZeroPad2d((2, 0, 1, 1)), conv(3)),
    "half_a_pad": (nn.ZeroPad2d((1, 0, 0, 0)), conv(3)),
    "down_and_up_again": (nn.AvgPool2d(2), nn.Upsample(scale_factor=2)),
    "instance_norm": (nn.InstanceNorm2d(6),),
    "group_norm": (nn.GroupNorm(2, 6),),
    "layer_norm_over_the_image": (nn.LayerNorm([24, 27]),),
    "batch_norm_without_statistics": (nn.BatchNorm2d(6, track_running_stats=False),),
    "adaptive_pool": (nn.AdaptiveAvgPool2d((24, 27)), nn.AdaptiveMaxPool2d(1)),
    "pixel_unshuffle": (nn.PixelUnshuffle(3), nn.PixelShuffle(3)),
    "transposed_grows": (nn.ConvTranspose2d(6, 6, 2, stride=2),),
    "unfold_layer_columns": (nn.Flatten(2), nn.Unflatten(2, (27, 24))),
}
HELP = {"even": "(?i)even|odd", "stride": "(?i)strid|step", "lopsided": "(?i)pad|side|cent|shift"}
for name, layers in WRONG.items():
    expects = "either" if name == "pixel_unshuffle" else "refused"
    words = HELP.get(name.split("_")[0], "")
    # The user agrees to lose the border, so that the border is not what is refused.
    one(name=name, expects=expects, border="interior", words=words)(lambda layers=layers: body(*layers))

WHOLE = {
    "minus_global_mean": lambda x: x - x.mean(),
    "minus_mean_of_image": lambda x: x - x.mean(dim=(2, 3), keepdim=True),
    "over_global_maximum": lambda x: x / x.max(),
    "over_norm_of_rows": lambda x: F.normalize(x, dim=2),
    "cumulative_down_columns": lambda x: x.cumsum(2),
    "minus_mean_by_sums": lambda x: x - x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3]),
    "fourier": lambda x: torch.fft.ifft2(torch.fft.fft2(x) * 0.5).real,
    "flip_rows": lambda x: x.flip(2),
    "roll_rows": lambda x: x.roll(1, dims=2),
    "roll_flattened": lambda x: x.roll(1),
    "rotated": lambda x: torch.rot90(x, 2, (2, 3)),
    "transposed_image": lambda x: x.transpose(2, 3),
    "position_as_a_feature": lambda x: x + torch.linspace(0, 1, x.shape[-1]),
    "row_number": lambda x: x * torch.arange(x.shape[2]).view(-1, 1),
    "scaled_by_size": lambda x: x / (x.shape[2] * x.shape[3]) * 100,
    "scaled_by_count_of_rows": lambda x: x * (x.size(2) - 20),
    "scaled_by_numel": lambda x: x * (2 if x.numel() > 1000 else 1),
    "resized_there_and_back": lambda x: F.interpolate(F.interpolate(x, scale_factor=2), scale_factor=0.5),
    "first_pixel_as_reference": lambda x: x - x[:, :, :1, :1],
    "rank_in_image": lambda x: x.flatten(2).argsort(-1).view_as(x).float(),
    "quantile_stretch": lambda x: x / x.abs().flatten(1).quantile(0.9, dim=1).view(-1, 1, 1, 1),
    "branch_on_content": lambda x: x * 2 if x.mean() > 0 else x,
    "batch_dependent": lambda x: x - x.mean(0, keepdim=True),
    "scaled_by_batch": lambda x: x * x.shape[0],
    "sobel_from_shifts": lambda x: F.pad(x[:, :, 1:] - x[:, :, :-1], (0, 0, 0, 1)),
    "grid_sample": lambda x: F.grid_sample(
        x,
        F.affine_grid(torch.eye(2, 3)[None].expand(len(x), -1, -1), list(x.shape), align_corners=False),
        align_corners=False,
    ),
}
for name, function in WHOLE.items():
    same = name in ("resized_there_and_back", "sobel_from_shifts", "scaled_by_batch", "batch_dependent", "grid_sample")
    between(name, function, expects="either" if same else "refused", reach=(1, 1) if same else (0, 0))


def neighbours_by_slices(x: Tensor) -> Tensor:
    return x[:, :, 1:-1, 1:-1] * 4 - x[:, :, :-2, 1:-1] - x[:, :, 2:, 1:-1] - x[:, :, 1:-1, :-2] - x[:, :, 1:-1, 2:]


def neighbours_by_unfold(x: Tensor) -> Tensor:
    return x.unfold(2, 3, 1).unfold(3, 3, 1).amax((-1, -2))


for function in (neighbours_by_slices, neighbours_by_unfold):
    between(function.__name__, function, expects="either", why="a window, though it is written by hand")


@one(expects="either", why="the columns of unfold are windows; F.fold puts them back")
class UnfoldedPatches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(36, 5), nn.ReLU(), nn.Linear(5, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.mlp(F.unfold(x, 3).transpose(1, 2)).transpose(1, 2)
        return F.fold(y, (x.shape[2] - 2, x.shape[3] - 2), 1)


@two()
class TwoScalesCropped(nn.Module):
    """Branches of unequal windows: the wider decides what the narrower is cut to."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.wide, self.last = nn.Conv2d(4, 3, 3), nn.Conv2d(4, 3, 5, dilation=2), nn.Conv2d(10, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.narrow(x)[:, :, 3:-3, 3:-3]
        return self.last(torch.cat([narrow, self.wide(x), x[:, :, 4:-4, 4:-4]], 1).relu())


@two(expects="either", why="a negative pad crops")
class CroppedByPad(TwoScalesCropped):
    def forward(self, x: Tensor) -> Tensor:
        narrow, raw = F.pad(self.narrow(x), (-3,) * 4), F.pad(x, (-4, -4, -4, -4))
        return self.last(torch.cat([narrow, self.wide(x), raw], 1).relu())


@two(expects="either", why="the crop is one pixel off: a neighbour is added to each pixel")
class ShortcutOffByOne(TwoScalesCropped):
    def forward(self, x: Tensor) -> Tensor:
        wide = self.wide(x)
        h, w = wide.shape[2:]
        return self.last(torch.cat([self.narrow(x)[:, :, 3:-3, 3:-3], wide, x[:, :, 3 : 3 + h, 4 : 4 + w]], 1).relu())


@one(expects="refused", why="squeeze and excitation: the mean of the image")
class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.last = nn.Conv2d(4, 6, 1), nn.Conv2d(6, 1, 1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 6, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.last(x * self.gate(x))


@one(
    expects="refused", border="interior", reach=(8, 8), why="what a pixel sees depends on its place in the grid of two"
)
class SmallUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.mid = nn.Conv2d(4, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.up, self.last = nn.ConvTranspose2d(6, 6, 2, 2), nn.Conv2d(12, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down(x).relu()
        b = self.up(self.mid(F.max_pool2d(a, 2)).relu())
        b = F.pad(b, (0, a.shape[3] - b.shape[3], 0, a.shape[2] - b.shape[2]))
        return self.last(torch.cat([a, b], 1))
