"""Reducers: many values to a few, masked values skipped, vectorised over whatever lies behind the first axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.evaluator.pixeltype import PixelType

Stack = NDArray[Any]
Valid = NDArray[np.bool_]
Weights = NDArray[np.float64] | None
Result = tuple[Any, Any]
Fold = Callable[[Stack, Valid, Weights], list[Result]]


@dataclass(frozen=True)
class Output:
    """One output: its name, and its type from the input's type."""

    name: str
    type: Callable[[PixelType], PixelType]


@dataclass(frozen=True)
class Reducer:
    """`fold` takes values and validity `[k, ...]`, and weights `[k, ...]` or None.

    It returns, for each output, values `[...]` and where they are valid.
    """

    name: str
    outputs: tuple[Output, ...]
    fold: Fold
    weighted: bool = False

    def types(self, input_: PixelType) -> list[PixelType]:
        """Return the outputs' types."""
        return [output.type(input_.with_dimensions(0)) for output in self.outputs]

    def run(self, stack: Stack, valid: Valid, weights: Weights = None) -> list[Result]:
        """Reduce the first axis."""
        return self.fold(stack, valid, weights if self.weighted else None)
