"""Ends of networks, and what their authors say about them."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.corpus_case import first, network, one, second, sigmoid, two


def trunk(classes: int, *end: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, classes, 1), *end)


class Head(nn.Module):
    """A trunk of some classes, and a function of what it gives."""

    def __init__(self, classes: int, function) -> None:
        super().__init__()
        self.trunk, self.function = trunk(classes), function

    def forward(self, x: Tensor):
        return self.function(self.trunk(x))


ENDS = (
    ("sigmoid_end_auto", 1, torch.sigmoid, first, "auto", {}),
    ("sigmoid_end_declared", 1, torch.sigmoid, first, "probability", {}),
    ("softmax_end_declared", 2, lambda y: y.softmax(1), lambda y: y[:, 1], "probability", {"water_class": 1}),
    ("softmax_end_auto", 3, lambda y: F.softmax(y, 1), lambda y: y[:, 2], "auto", {"water_class": 2}),
    ("log_softmax_end_is_still_logits", 2, lambda y: y.log_softmax(1), second, "logits", {"water_class": 1}),
    ("log_softmax_auto", 2, lambda y: y.log_softmax(1), second, "auto", {"water_class": 1, "expects": "either"}),
    ("log_softmax_as_probability", 2, lambda y: y.log_softmax(1), lambda y: y[:, 1].exp(), "probability",
     {"water_class": 1, "expects": "refused", "why": "logarithms are declared as probabilities"}),
    ("log_sigmoid_as_probability", 1, F.logsigmoid, lambda y: y[:, 0].exp(), "probability",
     {"expects": "refused", "why": "logarithms are declared as probabilities"}),
    ("raw_logits_as_probability", 1, lambda y: y, sigmoid, "probability",
     {"expects": "refused", "why": "values outside of 0 to 1 are declared as probabilities"}),
    ("raw_logits_auto", 1, lambda y: 2 * y, sigmoid, "auto", {"expects": "either"}),
    ("sigmoid_then_scaled_auto", 1, lambda y: y.sigmoid() * 0.5, first, "auto",
     {"expects": "either", "why": "half a sigmoid: a probability, or a logit of 0 to 0.5?"}),
    ("relu_end_auto", 1, F.relu, sigmoid, "auto", {"expects": "either", "why": "neither looks like the other"}),
    ("clamped_end", 1, lambda y: y.clamp(0, 1), first, "probability", {}),
    ("clamped_end_auto", 1, lambda y: y.clamp(0, 1), first, "auto", {"expects": "either"}),
    ("hardsigmoid_end_auto", 1, F.hardsigmoid, first, "auto", {"expects": "either"}),
    ("tanh_to_unit", 1, lambda y: (y.tanh() + 1) / 2, first, "probability", {}),
    ("complement_first", 1, lambda y: torch.cat([1 - y.sigmoid(), y.sigmoid()], 1), lambda y: y[:, 1], "probability",
     {"water_class": 1}),
    ("water_is_class_nought", 2, lambda y: y, lambda y: y.softmax(1)[:, 0], "logits", {"water_class": 0}),
    ("five_classes", 5, lambda y: y, lambda y: y.softmax(1)[:, 3], "logits", {"water_class": 3}),
    ("water_is_the_last_class", 5, lambda y: y, lambda y: y.softmax(1)[:, 4], "logits",
     {"water_class": -1, "expects": "either", "why": "a negative class counts from the end, or is an error"}),
    ("class_that_is_not_there", 3, lambda y: y, second, "logits", {"water_class": 3, "expects": "refused"}),
    ("five_classes_unnamed", 5, lambda y: y, second, "logits",
     {"expects": "refused", "why": "which of five classes is water?", "words": "class"}),
    ("two_classes_unnamed", 2, lambda y: y, second, "logits", {"expects": "either"}),
    ("temperature", 2, lambda y: y / 2.5, second, "logits", {"water_class": 1}),
    ("squeezed_single", 1, lambda y: y.squeeze(1), torch.sigmoid, "logits", {"expects": "either"}),
    ("squeezed_everything", 1, lambda y: y.squeeze(), lambda y: y.sigmoid().reshape(1, *y.shape[-2:]), "logits",
     {"expects": "either", "why": "loses the batch where it is of one"}),
    ("channels_last_output", 2, lambda y: y.permute(0, 2, 3, 1), lambda y: y.softmax(-1)[..., 1], "logits",
     {"water_class": 1, "expects": "either", "why": "the classes are the last dimension"}),
    ("two_heads_tuple", 3, lambda y: (y[:, :1], y[:, 1:]), lambda y: sigmoid(y[0]), "logits", {"expects": "either"}),
    ("one_in_a_tuple", 1, lambda y: (y,), lambda y: sigmoid(y[0]), "logits", {"expects": "either"}),
    ("dict_as_torchvision", 2, lambda y: OrderedDict(out=y, aux=-y), lambda y: second(y["out"]), "logits",
     {"water_class": 1, "expects": "either"}),
    ("argmax_mask", 2, lambda y: y.argmax(1, keepdim=True).float(), first, "probability",
     {"expects": "either", "ties": 0.006}),
    ("argmax_of_integers", 3, lambda y: y.argmax(1), lambda y: (y == 1).float(), "auto", {"expects": "refused"}),
    ("boolean_mask", 1, lambda y: y > 0, lambda y: y[:, 0].float(), "auto", {"expects": "either", "ties": 0.006}),
    ("softmax_over_rows", 1, lambda y: y.softmax(2), first, "probability",
     {"expects": "refused", "why": "the softmax is over a column of pixels"}),
    ("softmax_of_one_class", 1, lambda y: y.softmax(1), first, "probability", {"expects": "either"}),
    ("softmax_twice", 2, lambda y: y.softmax(1), second, "logits",
     {"water_class": 1, "expects": "either", "why": "a mistake of the author's, which a refusal shows him"}),
    ("softmax_old_style", 2, lambda y: F.softmax(y, dim=-3), lambda y: y[:, 1], "probability", {"water_class": 1}),
    ("odds_of_water", 1, lambda y: y.exp() / (1 + y.exp()), first, "probability",
     {"expects": "either", "why": "overflows in float32 for large logits"}),
)  # fmt: skip
for name, classes, function, reading, output, rest in ENDS:
    network(reading, output, name=name, **rest)(lambda classes=classes, function=function: Head(classes, function))


@network(lambda y: y[:, 1], "probability", water_class=1)
class Ensemble(nn.Module):
    """The mean of what three networks are sure of; read at the second class."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(trunk(2, nn.Softmax(dim=1)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([member(x) for member in self.members]).mean(0)


@two()
class Hierarchy(nn.Module):
    """First land or cloud, then what sort of land: logarithms of probabilities, which do for logits."""

    def __init__(self) -> None:
        super().__init__()
        self.cloud, self.water = trunk(1), trunk(1)

    def forward(self, x: Tensor) -> Tensor:
        clear = F.logsigmoid(self.cloud(x))
        return torch.cat((F.logsigmoid(-self.cloud(x)), clear + F.logsigmoid(self.water(x))), dim=1)


@one(expects="refused", why="an image has one answer")
class WholeImage(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.last = trunk(3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.adaptive_avg_pool2d(self.trunk(x), 1).flatten(1))[:, :, None, None]
