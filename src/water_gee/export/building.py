"""Small operations made so that the trivial ones are not made at all."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from water_gee.export.ir import Affine, Channels, Constant, Conv, Floats, Op


def picked(place: str, op: Op, numbers: Iterable[Any]) -> Op:
    """Channels of a value by their numbers: the value itself where they are all of them in order."""
    wanted = tuple(int(number) for number in numbers)
    if wanted == tuple(range(op.channels)):
        return op
    if isinstance(op, Channels):
        return picked(place, op.source, [op.numbers[number] for number in wanted])
    if isinstance(op, Constant):
        return Constant(place, op.values[list(wanted)])
    return Channels(place, op, wanted)


def affine(place: str, op: Op, *, centre: Any = 0.0, scale: Any = 1.0, shift: Any = 0.0) -> Op:
    """(x - centre) * scale + shift, each a number or [channel]; a constant is computed here."""

    def vector(value: Any) -> Floats:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (op.channels,)).copy()

    if isinstance(op, Constant):
        return Constant(place, (op.values - vector(centre)) * vector(scale) + vector(shift))
    return Affine(place, op, vector(centre), vector(scale), vector(shift))


def mixed(place: str, op: Op, matrix: Floats) -> Op:
    """Sums of a value's channels, weighted by `matrix` [out, channel]."""
    weight = np.asarray(matrix, dtype=np.float64)[:, :, None, None]
    return Conv(place, op, weight, np.zeros(len(weight)))
