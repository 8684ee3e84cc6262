"""Whether two values, or two networks, are computed alike."""

from dataclasses import fields

import numpy as np

from water_gee.export.ir import Op, Program, ordered


def same(one: Program, other: Program) -> bool:
    """Whether two programs compute the same, step by step."""
    return one.margins == other.margins and alike(one.output, other.output)


def alike(one: Op, other: Op) -> bool:
    """Whether two values are made by the same operations with the same numbers."""
    left, right = ordered(one), ordered(other)
    if len(left) != len(right):
        return False
    places = {id(a): number for number, a in enumerate(left)}
    counterparts = {id(b): number for number, b in enumerate(right)}
    return all(
        [places[id(x)] for x in a.inputs] == [counterparts[id(x)] for x in b.inputs] and _same_step(a, b)
        for a, b in zip(left, right, strict=True)
    )


def _same_step(a: Op, b: Op) -> bool:
    if type(a) is not type(b):
        return False
    numbers = [one.name for one in fields(a) if one.name not in ("source", "sources", "place")]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in numbers)
