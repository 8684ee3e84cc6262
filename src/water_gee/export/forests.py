"""Decision trees as a torch module of comparisons and matrix products, which the tracer carries like any layer.

A tree is not walked. All of its questions `feature > threshold` are answered at once, 1 or 0. Each leaf has a row of
weights: 1 for a question on its path that leads on to the right, -1 for one that leads to the left. The sum is the
number of the former just where the path leads to that leaf, and less elsewhere. The values of the leaves times these
truths is the tree's answer (the matrix form of trees of Nakandala et al., 2020).

The matrices of a large tree would be mostly zeros, so it is cut into runs of leaves, each with the questions on its own
paths; small trees share a matrix. No value is longer than the questions of one part, whatever the size of the forest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import block_diag
from torch import Tensor, nn

from water_gee.errors import ExportError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
TOGETHER = 64  # leaves of one part: more of them are fewer calls, and more zeros
_MOST_BYTES = 10_000_000  # of the matrices, written; a request holds 10 MB


@dataclass(frozen=True)
class Tree:
    """One tree. A child below 0 is a leaf: -1 the first of `values`, -2 the second, and so on.

    Attributes:
        feature: [question] which feature is asked.
        threshold: [question] a float32 value up to it goes left, one above it right.
        left: [question] where to go on; likewise `right`. The first question is the root.
        values: [leaf, output].
    """

    feature: Whole
    threshold: Floats
    left: Whole
    right: Whole
    values: Floats


@dataclass(frozen=True)
class Part:
    """Leaves, from one tree or several, and the questions on their paths.

    Attributes:
        feature: [question].
        threshold: [question] float32.
        path: [leaf, question] 1 to the right, -1 to the left, 0 not asked.
        values: [leaf, output].
    """

    feature: Whole
    threshold: NDArray[np.float32]
    path: Floats
    values: Floats

    @property
    def bytes(self) -> int:
        """About what it is when written."""
        questions, leaves = len(self.feature), len(self.values)
        return 2000 + 30 * questions + 2 * leaves * questions + 12 * self.values.size


def single(threshold: Floats) -> NDArray[np.float32]:
    """Return the largest float32 number up to a threshold: a float32 value is up to one just where up to the other."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    found: NDArray[np.float32] = np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
    return found


def leaves_of(tree: Tree) -> list[tuple[int, list[tuple[int, int]]]]:
    """Return the leaves from left to right, each with its path: questions, and 1 or -1 for right or left.

    A question whose answer no value changes, as one about missing values, is passed over.
    """
    found: list[tuple[int, list[tuple[int, int]]]] = []
    pending: list[tuple[int, list[tuple[int, int]]]] = [(0 if len(tree.feature) else -1, [])]
    while pending:
        at, path = pending.pop()
        if at < 0:
            found.append((-at - 1, path))
        elif tree.threshold[at] == np.inf:
            pending.append((int(tree.left[at]), path))
        elif tree.threshold[at] == -np.inf:
            pending.append((int(tree.right[at]), path))
        else:  # the left one on top, so that it comes first
            pending += [(int(tree.right[at]), [*path, (at, 1)]), (int(tree.left[at]), [*path, (at, -1)])]
    return found


def parts_of(trees: Sequence[Tree]) -> tuple[list[Part], Floats]:
    """Cut trees into parts of at most `TOGETHER` leaves; what trees without a question answer is summed, [output]."""
    parts: list[Part] = []
    constant = np.zeros(trees[0].values.shape[1])
    for tree in trees:
        leaves = leaves_of(tree)
        if len(leaves) == 1:
            constant = constant + tree.values[leaves[0][0]]
            continue
        count = -(-len(leaves) // TOGETHER)
        edges = [len(leaves) * number // count for number in range(count + 1)]
        parts += [_part(tree, leaves[first:last]) for first, last in pairwise(edges)]
    return [joined(some) for some in grouped(parts)], constant


def grouped(parts: Sequence[Part]) -> list[list[Part]]:
    """Put small parts that follow each other together, up to `TOGETHER` leaves."""
    groups: list[list[Part]] = []
    leaves = TOGETHER
    for part in parts:
        if leaves + len(part.values) > TOGETHER:
            groups.append([])
            leaves = 0
        groups[-1].append(part)
        leaves += len(part.values)
    return groups


def _part(tree: Tree, leaves: list[tuple[int, list[tuple[int, int]]]]) -> Part:
    asked = sorted({question for _, path in leaves for question, _ in path})
    column = {question: number for number, question in enumerate(asked)}
    whole = np.zeros((len(leaves), len(asked)))
    for row, (_, path) in enumerate(leaves):
        for question, side in path:
            whole[row, column[question]] = side
    values = tree.values[[leaf for leaf, _ in leaves]]
    return Part(tree.feature[asked], single(tree.threshold[asked]), whole, values)


def joined(parts: Sequence[Part]) -> Part:
    """Return parts as one."""
    return Part(
        np.concatenate([part.feature for part in parts]),
        np.concatenate([part.threshold for part in parts]),
        block_diag(*(part.path for part in parts)),
        np.concatenate([part.values for part in parts]),
    )


def buffer(values: NDArray[Any]) -> Tensor:
    """Numbers as a tensor of float32."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


class Questions(nn.Module):
    """Questions `feature > threshold` of a pixel, 1 or 0 each."""

    which: Tensor
    threshold: Tensor

    def __init__(self, bands: int, feature: Whole, threshold: NDArray[np.float32]) -> None:
        super().__init__()
        self.register_buffer("which", buffer(np.eye(bands)[feature][:, :, None, None]))
        self.register_buffer("threshold", buffer(threshold)[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x] to answers [n, question, y, x]."""
        # A product with 1 and 0 is one call where picking channels, each many times, is as many.
        return (nn.functional.conv2d(x, self.which) > self.threshold).to(x.dtype)


class Leaves(nn.Module):
    """What the leaves of one part add to the answer."""

    path: Tensor
    needed: Tensor
    values: Tensor

    def __init__(self, bands: int, part: Part) -> None:
        super().__init__()
        self.questions = Questions(bands, part.feature, part.threshold)
        self.register_buffer("path", buffer(part.path)[:, :, None, None])
        needed = (part.path > 0).sum(axis=1) - 0.5
        self.register_buffer("needed", buffer(needed)[None, :, None, None])
        self.register_buffer("values", buffer(part.values.T)[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x] to answers [n, output, y, x]."""
        reached = nn.functional.conv2d(self.questions(x), self.path) > self.needed
        return nn.functional.conv2d(reached.to(x.dtype), self.values)


class Forest(nn.Module):
    """A sum of trees' answers, times a number, plus a number for each output."""

    offset: Tensor

    def __init__(self, bands: int, trees: Sequence[Tree], *, scale: float = 1.0, offset: Floats | None = None) -> None:
        super().__init__()
        parts, constant = parts_of(trees)
        size = sum(part.bytes for part in parts)
        if size > _MOST_BYTES:
            leaves = sum(len(part.values) for part in parts)
            raise ExportError(
                f"{len(trees)} trees of together {leaves:,} leaves would be some {size / 1e6:.0f} MB and a request "
                "may hold 10 MB; fit them with max_leaf_nodes or max_depth, or fewer trees"
            )
        if not parts:
            raise ExportError("no tree asks a question, so that the answer is the same everywhere; fit it to more data")
        self.parts = nn.ModuleList(Leaves(bands, part) for part in parts)
        self.scale = scale
        whole = constant * scale + (0.0 if offset is None else offset)
        self.register_buffer("offset", buffer(np.atleast_1d(whole))[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x], not standardised, to answers [n, output, y, x]."""
        return summed([part(x) for part in self.parts]) * self.scale + self.offset


def summed(values: list[Tensor]) -> Tensor:
    """Add values in pairs: a long chain would exhaust the recursion of Earth Engine's client."""
    while len(values) > 1:
        pairs = [values[start : start + 2] for start in range(0, len(values), 2)]
        values = [pair[0] + pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
    return values[0]
