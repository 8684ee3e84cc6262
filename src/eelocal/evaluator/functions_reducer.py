"""The reducers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator import folds
from eelocal.evaluator.pixeltype import BOOLEAN, DOUBLE, INT32, PixelType, union, widen
from eelocal.evaluator.reducers import Output, Reducer, Result, Stack, Valid
from eelocal.evaluator.registry import implements


def _first_type(types: Sequence[PixelType]) -> PixelType:
    return types[0].with_dimensions(0)


def _same(types: Sequence[PixelType]) -> PixelType:
    return union(*types).with_dimensions(0)


def _mean_type(types: Sequence[PixelType]) -> PixelType:
    return widen(*types).with_dimensions(0)


def _double(types: Sequence[PixelType]) -> PixelType:
    return DOUBLE


def _count_type(types: Sequence[PixelType]) -> PixelType:
    return PixelType("int", 0, INT32.high)


def _boolean(types: Sequence[PixelType]) -> PixelType:
    return BOOLEAN


def simple(
    name: str,
    rule: Callable[[Sequence[PixelType]], PixelType] | None,
    fold: Callable[[Stack, Valid], Result],
    label: str = "",
) -> Reducer:
    """Return an unweighted reducer of one input and one output."""
    return Reducer(name, 1, (Output(label or name, rule),), lambda s, v, w: [fold(s[0], v[0])])


def _extreme_of(largest: bool, inputs: int) -> Reducer:
    name = "max" if largest else "min"
    fold = folds.extreme(largest)
    if inputs == 1:
        return simple(name, _first_type, fold)

    def several(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
        valid = np.logical_and.reduce(np.broadcast_arrays(*v))
        _, any_valid = fold(s[0], valid)
        worst = -np.inf if largest else np.inf
        keys = np.where(valid, s[0].astype(np.float64), worst)
        best = (np.argmax if largest else np.argmin)(keys, axis=0)[None]
        return [(np.take_along_axis(stack, best, axis=0)[0], any_valid) for stack in s]

    def type_of(index: int) -> Callable[[Sequence[PixelType]], PixelType]:
        return lambda types: types[index].with_dimensions(0)

    names = [name] + [f"{name}{index}" for index in range(1, inputs)]
    return Reducer(name, inputs, tuple(Output(n, type_of(i)) for i, n in enumerate(names)), several)


_SIMPLE: dict[str, Reducer] = {
    "sum": Reducer("sum", 1, (Output("sum", _double),), folds.total, weighted=True),
    "mean": Reducer("mean", 1, (Output("mean", _mean_type),), folds.mean, weighted=True),
    "variance": Reducer("variance", 1, (Output("variance", _mean_type),), folds.variance, weighted=True),
    "stdDev": Reducer("stdDev", 1, (Output("stdDev", _mean_type),), folds.deviation, weighted=True),
    "sampleVariance": Reducer("sampleVariance", 1, (Output("variance", _mean_type),), folds.sample(False)),
    "sampleStdDev": Reducer("sampleStdDev", 1, (Output("stdDev", _mean_type),), folds.sample(True)),
    "count": simple("count", _count_type, lambda s, v: (v.sum(axis=0), np.ones(v.shape[1:], bool))),
    "product": simple(
        "product", _double, lambda s, v: (np.where(v, s, 1).prod(axis=0, dtype=np.float64), v.any(axis=0))
    ),
    "first": simple("first", _first_type, folds.edge(False)),
    "last": simple("last", _first_type, folds.edge(True)),
    "allNonZero": simple("all", _boolean, lambda s, v: (((s != 0) | ~v).all(axis=0), v.any(axis=0))),
    "anyNonZero": simple("any", _boolean, lambda s, v: (((s != 0) & v).any(axis=0), v.any(axis=0))),
    "frequencyHistogram": Reducer(
        "frequencyHistogram", 1, (Output("histogram", None),), folds.histogram, weighted=True
    ),
}
_SAME_AS = {"firstNonNull": "first", "lastNonNull": "last", "and": "allNonZero", "or": "anyNonZero"}


def _register(name: str, reducer: Reducer) -> None:
    @implements(f"Reducer.{name}")
    def make() -> Reducer:
        return reducer


for _name, _reducer in _SIMPLE.items():
    _register(_name, _reducer)
for _name, _target in _SAME_AS.items():
    _register(_name, _SIMPLE[_target])


def get(name: str) -> Reducer:
    """Return a reducer without arguments by name."""
    return {"median": median(None, None, None), "mode": mode(None, None, None), "max": _extreme_of(True, 1),
            "min": _extreme_of(False, 1)}.get(name) or _SIMPLE[name]  # fmt: skip


@implements("Reducer.max")
def largest(inputs: int) -> Reducer:
    """With several inputs, the others are taken where the first is largest."""
    return _extreme_of(True, inputs)


@implements("Reducer.min")
def smallest(inputs: int) -> Reducer:
    """With several inputs, the others are taken where the first is smallest."""
    return _extreme_of(False, inputs)


@implements("Reducer.minMax")
def min_max() -> Reducer:
    """Both extremes."""
    return combine(_extreme_of(False, 1), _extreme_of(True, 1), "", True)


@implements("Reducer.median", note="exact: never by histogram")
def median(buckets: Any, width: Any, raw: Any) -> Reducer:
    """The middle value, or the mean of the two in the middle."""
    return simple("median", _mean_type, lambda s, v: folds.quantile(s, v, 0.5))


@implements("Reducer.mode", note="exact: never by histogram")
def mode(buckets: Any, width: Any, raw: Any) -> Reducer:
    """The commonest value, the smallest of several."""
    return simple("mode", _first_type, folds.commonest)


@implements("Reducer.percentile", note="exact: never by histogram")
def percentile(shares: list[float], names: list[str] | None, buckets: Any, width: Any, raw: Any) -> Reducer:
    """Interpolated linearly between the sorted values."""
    if not all(isinstance(share, int | float) and 0 <= share <= 100 for share in shares):
        raise bad_request("Percentiles must be between 0 and 100.")
    labels = names or [f"p{folds.plain(share)}" for share in shares]
    if len(labels) != len(shares):
        raise bad_request("There must be as many output names as percentiles.")

    def fold(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
        return [folds.quantile(s[0], v[0], share / 100) for share in shares]

    return Reducer("percentile", 1, tuple(Output(label, _mean_type) for label in labels), fold)


@implements("Reducer.toList", note="of one input")
def to_list(size: int | None, optional: int) -> Reducer:
    """The values themselves."""
    if size not in (None, 1) or optional:
        raise bad_request("eelocal does not implement lists of tuples.")
    return Reducer("toList", 1, (Output("list", None),), folds.listed)


@implements("Reducer.combine")
def combine(first: Reducer, second: Reducer, prefix: str, shared: bool) -> Reducer:
    """Run two reducers side by side."""
    if shared and first.inputs != second.inputs:
        raise bad_request("Reducers that share inputs must have the same number of them.")
    taken = {output.name for output in first.outputs}
    renamed = tuple(replace(output, name=prefix + output.name) for output in second.outputs)
    if taken & {output.name for output in renamed}:
        raise bad_request(f"The combined reducers have outputs of the same name: {sorted(taken)}.")
    split = 0 if shared else first.inputs

    def fold(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
        one = first.run(s[: first.inputs], v[: first.inputs], w)
        return one + second.run(s[split : split + second.inputs], v[split : split + second.inputs], w)

    def shifted(output: Output) -> Output:
        rule = output.type
        return output if rule is None else replace(output, type=lambda types: rule(types[split:]))

    inputs = first.inputs if shared else first.inputs + second.inputs
    outputs = first.outputs + tuple(shifted(output) for output in renamed)
    return Reducer("combine", inputs, outputs, fold, first.weighted or second.weighted)


@implements("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """The same, weights not used."""
    return replace(reducer, weighted=False, fold=lambda s, v, w: reducer.fold(s, v, None))


@implements("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[str]) -> Reducer:
    """Rename the outputs; those of an empty name are dropped."""
    if len(names) != len(reducer.outputs):
        raise bad_request(f"The reducer has {len(reducer.outputs)} outputs, not {len(names)}.")
    kept = [index for index, name in enumerate(names) if name]

    def fold(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
        results = reducer.fold(s, v, w)
        return [results[index] for index in kept]

    outputs = tuple(replace(reducer.outputs[index], name=names[index]) for index in kept)
    return replace(reducer, outputs=outputs, fold=fold)


@implements("Reducer.getOutputs")
def get_outputs(reducer: Reducer) -> list[str]:
    """The outputs' names."""
    return [output.name for output in reducer.outputs]
