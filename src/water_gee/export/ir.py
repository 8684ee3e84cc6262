"""The small form between torch and Earth Engine: a graph of per-pixel operations on named channels.

There is no height and width here: every operation is the same at every pixel, and what a convolution
without padding cuts off the border of a tensor is bookkeeping of the tracer. A value is the operation
that makes it; two uses of one value are two references to the same object.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[int, int]

COMPARISONS = ("gt", "gte", "eq")  # 1 where it holds, else 0
BINARY = ("add", "multiply", "divide", "max", "min", *COMPARISONS)


@dataclass(frozen=True, eq=False)
class Op:
    """One operation; `place` is its name in the torch module, for messages and comments."""

    place: str

    @property
    def inputs(self) -> "tuple[Op, ...]":
        """The values it is computed from."""
        source: Op | None = getattr(self, "source", None)
        return () if source is None else (source,)

    @property
    def channels(self) -> int:
        """How many channels it has; as many as its first input unless said otherwise."""
        return self.inputs[0].channels

    def reading(self, inputs: "Sequence[Op]") -> "Op":
        """The same operation on other inputs."""
        changes: dict[str, Any] = {"source": inputs[0]} if inputs else {}
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Input(Op):
    """The raw features of a pixel, masked where the composite is."""

    features: tuple[str, ...]

    @property
    def channels(self) -> int:
        """One channel a feature."""
        return len(self.features)


@dataclass(frozen=True, eq=False)
class Constant(Op):
    """The same values [channel] at every pixel."""

    values: Floats

    @property
    def channels(self) -> int:
        """One channel a value."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Affine(Op):
    """(x - centre) * scale + shift, each [channel]."""

    source: Op
    centre: Floats
    scale: Floats
    shift: Floats


@dataclass(frozen=True, eq=False)
class Fill(Op):
    """A masked pixel gets `value`: 0, the training mean, when it follows the standardisation."""

    source: Op
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class IsMasked(Op):
    """Where a value is masked, NaN in torch. No form can write it: the tracer takes it into a `Fill`."""

    source: Op


@dataclass(frozen=True, eq=False)
class Channels(Op):
    """Channels of a value by their numbers, in this order; one may come more than once."""

    source: Op
    numbers: tuple[int, ...]

    @property
    def channels(self) -> int:
        """One channel a number."""
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """Correlation with `weight` [out, in / groups, y, x], as torch's Conv2d, centred; `bias` [out]."""

    source: Op
    weight: Floats
    bias: Floats
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def channels(self) -> int:
        """One channel a filter."""
        return int(self.weight.shape[0])

    @property
    def size(self) -> Pair:
        """Height and width of the kernel, dilation not counted."""
        return int(self.weight.shape[2]), int(self.weight.shape[3])

    @property
    def pointwise(self) -> bool:
        """Whether it sees no neighbour."""
        return self.size == (1, 1)

    def dense(self) -> Floats:
        """The weights with groups written out: [out, in, y, x], 0 across groups."""
        out, inside = self.weight.shape[:2]
        whole = np.zeros((out, inside * self.groups, *self.weight.shape[2:]))
        per_group = out // self.groups
        for group in range(self.groups):
            rows = slice(group * per_group, (group + 1) * per_group)
            whole[rows, group * inside : (group + 1) * inside] = self.weight[rows]
        return whole


@dataclass(frozen=True, eq=False)
class Activation(Op):
    """A function of each value alone; `parameters` as `forms.activations` documents them."""

    source: Op
    kind: str
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """Softmax over the channels, or its logarithm."""

    source: Op
    logarithm: bool = False


@dataclass(frozen=True, eq=False)
class Pool(Op):
    """Maximum (`max`) or mean (`mean`) of a centred neighbourhood of `size` (y, x), stride 1."""

    source: Op
    kind: str
    size: Pair
    dilation: Pair = (1, 1)


@dataclass(frozen=True, eq=False)
class _Joined(Op):
    sources: tuple[Op, ...]

    @property
    def inputs(self) -> tuple[Op, ...]:
        """The values that are joined."""
        return self.sources

    def reading(self, inputs: Sequence[Op]) -> Op:
        """The same operation on other inputs."""
        return replace(self, sources=tuple(inputs))


@dataclass(frozen=True, eq=False)
class Concat(_Joined):
    """The channels of all sources, one after another."""

    @property
    def channels(self) -> int:
        """The sum over the sources."""
        return sum(source.channels for source in self.sources)


@dataclass(frozen=True, eq=False)
class Binary(_Joined):
    """Two values of as many channels, channel by channel; `kind` is one of `BINARY`."""

    kind: str


@dataclass(frozen=True)
class Program:
    """A network: its input, its output, and what the border of a torch tensor loses.

    Attributes:
        output: the value that the network returns.
        margins: rows and columns that torch's output lacks on each side of its input.
        notes: what whoever deploys it should know.
        touched: offsets [y, x] (1 or 0, odd sides, centred) of the pixels that make the output masked where one of
            them is; None where only the pixel itself does.
        masked: the rule by which it is so, in words.
    """

    output: Op
    margins: Pair
    notes: tuple[str, ...] = field(default=())
    touched: NDArray[np.bool_] | None = None
    masked: str = ""

    def ordered(self) -> list[Op]:
        """Every operation that the output needs, inputs before their users."""
        return ordered(self.output)

    @property
    def input(self) -> Input:
        """The one input."""
        return next(op for op in self.ordered() if isinstance(op, Input))

    @property
    def margin(self) -> int:
        """The larger of the margins."""
        return max(self.margins)

    @property
    def reach(self) -> int:
        """How far the furthest neighbour lies that an output depends on, in pixels."""
        reach: dict[int, int] = {}
        for op in self.ordered():
            reach[id(op)] = max((reach[id(source)] for source in op.inputs), default=0) + max(radius(op))
        touched = 0 if self.touched is None else max(self.touched.shape) // 2
        return max(reach[id(self.output)], touched)

    @property
    def macs(self) -> int:
        """Multiply-adds of one pixel, fully convolutional."""
        return sum(int(op.weight.size) for op in self.ordered() if isinstance(op, Conv))

    @property
    def compares(self) -> bool:
        """Whether a comparison is made anywhere: a threshold, where nearly equal values part ways."""
        return any(isinstance(op, Binary) and op.kind in COMPARISONS for op in self.ordered())

    def rewritten(self, change: Callable[[Op], Op]) -> "Program":
        """The program with `change` applied to every operation, its inputs already changed."""
        changed: dict[int, Op] = {}
        for op in self.ordered():
            inputs = [changed[id(source)] for source in op.inputs]
            same = all(new is old for new, old in zip(inputs, op.inputs, strict=True))
            changed[id(op)] = change(op if same else op.reading(inputs))
        return replace(self, output=changed[id(self.output)])

    def uses(self) -> dict[int, int]:
        """How often each operation, by id, is read; the output once more."""
        counts = {id(op): 0 for op in self.ordered()}
        for op in self.ordered():
            for source in op.inputs:
                counts[id(source)] += 1
        counts[id(self.output)] += 1
        return counts


def ordered(*outputs: Op) -> list[Op]:
    """Every operation that `outputs` need, inputs before their users."""
    order: dict[int, Op] = {}

    def visit(op: Op) -> Iterator[Op]:
        yield from (source for source in op.inputs if id(source) not in order)

    for output in outputs:
        stack = [(output, visit(output))]
        while stack:
            op, pending = stack[-1]
            following = next(pending, None)
            if following is None:
                order.setdefault(id(op), op)
                stack.pop()
            else:
                stack.append((following, visit(following)))
    return list(order.values())


def radius(op: Op) -> Pair:
    """How far (y, x) an operation reaches around its pixel."""
    if isinstance(op, Conv | Pool):
        (height, width), (down, across) = op.size, op.dilation
        return (height - 1) * down // 2, (width - 1) * across // 2
    return 0, 0
