"""ONNX operators in torch: each honours its attributes or refuses them by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from water_gee.errors import ExportError

OPERATORS: dict[str, Callable[..., Any]] = {}


@dataclass
class Arguments:
    """A node's attributes; one that is asked for by nobody is refused by `done`."""

    kind: str
    name: str
    opset: int
    given: dict[str, Any]
    outputs: int
    taken: set[str] = field(default_factory=set)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or its default."""
        self.taken.add(name)
        value = self.given.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def plain(self, **defaults: Any) -> None:
        """Refuse an attribute that is not at its default."""
        for name, default in defaults.items():
            if self.get(name, default) != default:
                raise self.refuse(f"{name}={self.get(name)} is not carried over", f"use {name}={default}")

    def done(self) -> None:
        """Refuse what nobody asked for."""
        left = set(self.given) - self.taken
        if left:
            raise self.refuse(f"its attribute {min(left)} is not known", "leave it out")

    def refuse(self, reason: str, instead: str) -> ExportError:
        """The error for a node that cannot be carried over."""
        return ExportError(f"cannot export {self.kind} at {self.name}: {reason}; {instead}")

    def numbers(self, value: Any, what: str) -> list[int]:
        """Return whole numbers that must not depend on the image."""
        if isinstance(value, Tensor):
            raise self.refuse(f"its {what} depends on the image", f"use a fixed {what}")
        return [int(one) for one in np.ravel(value)]


def tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """Return a constant as a tensor."""
    if isinstance(value, Tensor):
        return value
    made = torch.as_tensor(np.array(value))
    return made.to(like.dtype) if like is not None and like.is_floating_point() and made.is_floating_point() else made


def operator(*kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the function below it as what these operators do."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        def checked(a: Arguments, *given: Any) -> Any:
            found = function(a, *given)
            a.done()
            return found

        for kind in kinds:
            OPERATORS[kind] = checked
        return function

    return enter


def _elementwise(kind: str, function: Callable[..., Any]) -> None:
    @operator(kind)
    def apply(a: Arguments, *given: Any) -> Any:
        like = next((value for value in given if isinstance(value, Tensor)), None)
        return function(*(tensor(value, like) for value in given))


def _chain(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        found = values[0]
        for value in values[1:]:
            found = function(found, value)
        return found

    return apply


_PLAIN: dict[str, Callable[..., Any]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Sqrt": torch.sqrt, "Exp": torch.exp,
    "Log": torch.log, "Abs": torch.abs, "Neg": torch.neg, "Min": _chain(torch.minimum), "Max": _chain(torch.maximum),
    "Sum": _chain(torch.add), "Greater": torch.gt, "GreaterOrEqual": torch.ge, "Less": torch.lt,
    "LessOrEqual": torch.le, "Equal": torch.eq, "Or": torch.logical_or,
    "Not": torch.logical_not, "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Erf": torch.erf,
    "Sin": torch.sin, "Cos": torch.cos, "Sign": torch.sign, "Reciprocal": torch.reciprocal, "Softplus": F.softplus,
    "Softsign": F.softsign, "HardSwish": F.hardswish, "Mish": F.mish, "Identity": lambda x: x, "IsNaN": torch.isnan,
    "MatMul": torch.matmul,
}  # fmt: skip
for _kind, _function in _PLAIN.items():
    _elementwise(_kind, _function)


@operator("IsInf")
def _is_infinite(a: Arguments, x: Tensor) -> Any:
    a.get("detect_negative"), a.get("detect_positive")
    return np.array(False)  # features are finite or masked; `nan_to_num` is written with it


@operator("And")
def _and(a: Arguments, x: Any, y: Any) -> Any:
    if any(not isinstance(side, Tensor) and not np.any(side) for side in (x, y)):
        return np.array(False)
    return torch.logical_and(tensor(x), tensor(y))


@operator("Where")
def _where(a: Arguments, condition: Any, yes: Any, no: Any) -> Any:
    if not isinstance(condition, Tensor) and np.ndim(condition) == 0:
        return yes if condition else no
    like = next((one for one in (yes, no) if isinstance(one, Tensor)), None)
    return torch.where(tensor(condition), tensor(yes, like), tensor(no, like))


@operator("Pow")
def _pow(a: Arguments, x: Any, exponent: Any) -> Any:
    if not isinstance(exponent, Tensor) and np.size(exponent) == 1:
        return torch.pow(x, float(np.ravel(exponent)[0]))
    raise a.refuse("its exponent is no number", "use a number as exponent")


@operator("LeakyRelu")
def _leaky(a: Arguments, x: Tensor) -> Any:
    return F.leaky_relu(x, a.get("alpha", 0.01))


@operator("PRelu")
def _prelu(a: Arguments, x: Tensor, slope: Any) -> Any:
    return torch.relu(x) + tensor(slope, x) * x.clamp(max=0.0)


@operator("Elu")
def _elu(a: Arguments, x: Tensor) -> Any:
    return F.elu(x, a.get("alpha", 1.0))


@operator("Celu")
def _celu(a: Arguments, x: Tensor) -> Any:
    return F.celu(x, a.get("alpha", 1.0))


@operator("Selu")
def _selu(a: Arguments, x: Tensor) -> Any:
    alpha, gamma = a.get("alpha", 1.67326319217681884765625), a.get("gamma", 1.05070102214813232421875)
    return F.elu(x, alpha) * gamma


@operator("HardSigmoid")
def _hardsigmoid(a: Arguments, x: Tensor) -> Any:
    return (x * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0.0, 1.0)


@operator("Gelu")
def _gelu(a: Arguments, x: Tensor) -> Any:
    return F.gelu(x, approximate=a.get("approximate", "none"))


@operator("Clip")
def _clip(a: Arguments, x: Tensor, low: Any = None, high: Any = None) -> Any:
    low, high = a.get("min", low), a.get("max", high)  # attributes before opset 11
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        raise a.refuse("its bounds depend on the image", "use Min and Max")
    ends = [None if one is None else float(np.ravel(one)[0]) for one in (low, high)]
    return x if ends == [None, None] else x.clamp(*ends)


@operator("Softmax", "LogSoftmax")
def _softmax(a: Arguments, x: Tensor) -> Any:
    axis = a.get("axis", -1 if a.opset >= 13 else 1)
    if a.opset < 13 and axis % x.ndim != x.ndim - 1:
        raise a.refuse(f"before opset 13 it runs over axis {axis} and all after it", "export with opset 13 or later")
    return (F.softmax if a.kind == "Softmax" else F.log_softmax)(x, dim=axis)


@operator("Cast")
def _cast(a: Arguments, x: Tensor) -> Any:
    kinds = {1: torch.float32, 11: torch.float64, 9: torch.bool}
    kind = a.get("to")
    a.get("saturate")
    if kind not in kinds or (kind == 9 and x.dtype != torch.bool):
        raise a.refuse(f"it makes type {kind} of numbers", "stay in float32")
    return x.to(kinds[kind])


@operator("CastLike")
def _cast_like(a: Arguments, x: Tensor, like: Any) -> Any:
    a.get("saturate")
    return x.to(tensor(like).dtype)


@operator("Dropout")
def _dropout(a: Arguments, x: Tensor, ratio: Any = None, training: Any = None) -> Any:
    a.get("ratio"), a.get("seed")
    if training is not None and bool(np.ravel(training)[0]):
        raise a.refuse("it is in training mode", "export the network after eval()")
    return x
