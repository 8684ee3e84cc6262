"""The reducers by name: each takes the values of one input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator import folds
from eelocal.evaluator.pixeltype import BOOLEAN, DOUBLE, INT32, PixelType, widen
from eelocal.evaluator.reducers import Output, Reducer, Result, Stack, Valid, Weights
from eelocal.evaluator.registry import implements

Rule = Callable[[PixelType], PixelType]


def _same(type_: PixelType) -> PixelType:
    return type_


def _double(_: PixelType) -> PixelType:
    return DOUBLE


def _boolean(_: PixelType) -> PixelType:
    return BOOLEAN


def _weighted(name: str, rule: Rule, fold: Callable[[Stack, Valid, Weights], Result]) -> Reducer:
    return Reducer(name, (Output(name, rule),), lambda s, v, w: [fold(s, v, w)], weighted=True)


def _simple(name: str, rule: Rule, fold: Callable[[Stack, Valid], Result]) -> Reducer:
    return Reducer(name, (Output(name, rule),), lambda s, v, w: [fold(s, v)])


_PLAIN = {
    "sum": _weighted("sum", _double, folds.total),
    "mean": _weighted("mean", widen, folds.mean),
    "variance": _weighted("variance", widen, folds.variance),
    "stdDev": _weighted("stdDev", widen, folds.deviation),
    "count": _simple(
        "count", lambda _: PixelType("int", 0, INT32.high), lambda s, v: (v.sum(axis=0), np.ones(v.shape[1:], bool))
    ),
    "product": _simple(
        "product", _double, lambda s, v: (np.where(v, s, 1).prod(axis=0, dtype=np.float64), v.any(axis=0))
    ),
    "first": _simple("first", _same, folds.edge(False)),
    "last": _simple("last", _same, folds.edge(True)),
    "allNonZero": _simple("all", _boolean, lambda s, v: (((s != 0) | ~v).all(axis=0), v.any(axis=0))),
    "anyNonZero": _simple("any", _boolean, lambda s, v: (((s != 0) & v).any(axis=0), v.any(axis=0))),
}
_SAME_AS = {"firstNonNull": "first", "lastNonNull": "last", "and": "allNonZero", "or": "anyNonZero"}
_EXTREMES = {"min": _simple("min", _same, folds.extreme(False)), "max": _simple("max", _same, folds.extreme(True))}
_EXACT = {
    "median": _simple("median", widen, lambda s, v: folds.quantile(s, v, 0.5)),
    "mode": _simple("mode", _same, folds.commonest),
}
REDUCERS = _PLAIN | _EXTREMES | _EXACT


def _register(name: str, reducer: Reducer) -> None:
    @implements(f"Reducer.{name}")
    def plain() -> Reducer:
        return reducer


for _name, _reducer in (_PLAIN | {name: _PLAIN[same] for name, same in _SAME_AS.items()}).items():
    _register(_name, _reducer)


def _register_extreme(name: str, reducer: Reducer) -> None:
    @implements(f"Reducer.{name}", note="of one input")
    def extreme(inputs: int) -> Reducer:
        if inputs != 1:
            raise bad_request("eelocal implements one input only; qualityMosaic takes the others along.")
        return reducer


for _name, _reducer in _EXTREMES.items():
    _register_extreme(_name, _reducer)


def _register_exact(name: str, reducer: Reducer, note: str) -> None:
    @implements(f"Reducer.{name}", note=f"{note}; exact: never by histogram")
    def exact(buckets: Any, width: Any, raw: Any) -> Reducer:
        return reducer


_register_exact("median", _EXACT["median"], "The middle value, or the mean of the two in the middle")
_register_exact("mode", _EXACT["mode"], "The commonest value, the smallest of several")


@implements("Reducer.percentile", note="exact: never by histogram")
def percentile(shares: list[float], names: list[str] | None, buckets: Any, width: Any, raw: Any) -> Reducer:
    """Interpolated linearly between the sorted values."""
    if not all(isinstance(share, int | float) and 0 <= share <= 100 for share in shares):
        raise bad_request("Percentiles must be between 0 and 100.")
    labels = names or [f"p{int(share) if float(share).is_integer() else share}" for share in shares]
    if len(labels) != len(shares):
        raise bad_request("There must be as many output names as percentiles.")
    outputs = tuple(Output(label, widen) for label in labels)
    return Reducer("percentile", outputs, lambda s, v, w: [folds.quantile(s, v, share / 100) for share in shares])


@implements("Reducer.minMax")
def min_max() -> Reducer:
    """Both extremes."""
    return combine(_EXTREMES["min"], _EXTREMES["max"], "", True)


@implements("Reducer.combine", note="with sharedInputs")
def combine(first: Reducer, second: Reducer, prefix: str, shared: bool) -> Reducer:
    """Run two reducers side by side."""
    if not shared:
        raise bad_request("eelocal implements combined reducers with sharedInputs only.")
    renamed = tuple(replace(output, name=prefix + output.name) for output in second.outputs)
    taken = {output.name for output in first.outputs}
    if taken & {output.name for output in renamed}:
        raise bad_request(f"The combined reducers have outputs of the same name: {sorted(taken)}.")

    def fold(stack: Stack, valid: Valid, weights: Weights) -> list[Result]:
        return first.run(stack, valid, weights) + second.run(stack, valid, weights)

    return Reducer("combine", first.outputs + renamed, fold, first.weighted or second.weighted)


@implements("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """The same, weights not used."""
    return replace(reducer, weighted=False)


@implements("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[str]) -> Reducer:
    """Rename the outputs; those of an empty name are dropped."""
    if len(names) != len(reducer.outputs):
        raise bad_request(f"The reducer has {len(reducer.outputs)} outputs, not {len(names)}.")
    kept = [index for index, name in enumerate(names) if name]

    def fold(stack: Stack, valid: Valid, weights: Weights) -> list[Result]:
        results = reducer.fold(stack, valid, weights)
        return [results[index] for index in kept]

    outputs = tuple(replace(reducer.outputs[index], name=names[index]) for index in kept)
    return replace(reducer, outputs=outputs, fold=fold)
