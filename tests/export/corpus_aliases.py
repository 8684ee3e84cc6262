"""In-place changes, views and values that are one and the same tensor."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.corpus_case import between, one, two


def dropout_then_in_place(x: Tensor) -> Tensor:
    y = F.dropout(x, 0.5, training=False)  # in evaluation this is x itself, or a copy
    y.mul_(2)
    return x + y


def residual_added_in_place(x: Tensor) -> Tensor:
    kept = x
    x += torch.tanh(x)
    return x - 0.5 * kept


def chunk_views(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=1)
    a.relu_()
    b.add_(a, alpha=-0.5)
    return x


def view_then_change(x: Tensor) -> Tensor:
    flat = x.view(x.shape[0], -1, x.shape[2], x.shape[3])
    flat[:, 2:4] = flat[:, :2] * 3
    return x


def change_then_old_view(x: Tensor) -> Tensor:
    water = x[:, 1]
    x[:, 1] = x[:, 0] - x[:, 1]
    return x * water.unsqueeze(1)


def transposed_view(x: Tensor) -> Tensor:
    pixels = x.permute(0, 2, 3, 1)
    pixels[..., 0] *= -1
    pixels[..., 1:3].clamp_(min=0)
    return x


def contiguous_may_copy(x: Tensor) -> Tensor:
    same = x.contiguous()  # already so: no copy
    same.mul_(-1)
    return x


def clone_is_a_copy(x: Tensor) -> Tensor:
    before = x.clone()
    x.relu_()
    return before - 2 * x


def detach_shares(x: Tensor) -> Tensor:
    x.detach().abs_()
    return x


def flip_is_a_copy(x: Tensor) -> Tensor:
    other = x.flip(1)
    other.zero_()
    return x


def masked_assignment(x: Tensor) -> Tensor:
    x[x < 0] = 0.25
    return x


def fill_one_channel(x: Tensor) -> Tensor:
    x[:, 3].fill_(0.7)
    x[:, -1] += 1
    return x


def expanded_copy(x: Tensor) -> Tensor:
    wide = x[:, :1].expand(-1, 6, -1, -1).clone()
    wide[:, 3:] = x[:, 3:]
    return wide


def out_argument(x: Tensor) -> Tensor:
    place = torch.empty_like(x)
    torch.mul(x, 2, out=place)
    return place + torch.sigmoid(x)


def copy_into_new(x: Tensor) -> Tensor:
    place = torch.zeros(x.shape[0], 6, x.shape[2], x.shape[3])
    place[:, 1::2].copy_(x[:, ::2])
    place[:, ::2] = x[:, 1::2].tanh()
    return place


for function in (
    dropout_then_in_place, residual_added_in_place, chunk_views, view_then_change, change_then_old_view,
    transposed_view, contiguous_may_copy, clone_is_a_copy, detach_shares, flip_is_a_copy, masked_assignment,
    fill_one_channel, expanded_copy, out_argument, copy_into_new,
):  # fmt: skip
    between(function.__name__, function, expects="either", ties=0.002, why="a copy and a view differ in silence")


@two()
class InPlaceReluEatsTheShortcut(nn.Module):
    """The in-place ReLU changes what the shortcut adds."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4, 6, 1)
        self.block = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(6, 6, 1), nn.Dropout(0.3))
        self.leave = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.block(x))


@one(expects="either", why="the input itself is changed; the reference is given a copy")
class ChangesItsInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        raw = x
        x -= 0.3
        x /= 2
        return self.last(x) + raw[:, :1]


@one(expects="refused", why="the second call gives another answer than the first")
class CountsItsCalls(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.last(x) * self.calls


@one(expects="either", why="identities and dropouts give their input itself, which is then changed")
class IdentityEverywhere(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Identity(), nn.Conv2d(4, 4, 1), nn.Dropout2d(), nn.Identity(), nn.AlphaDropout())
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        z = nn.Identity()(y)
        z.neg_()
        return self.last(y)


@two()
class SharedLayerTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4, 5, 1)
        self.shared = nn.Sequential(nn.Conv2d(5, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.last = nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.shared(self.shared(self.enter(x))))
