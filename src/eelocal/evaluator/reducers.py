"""Reducers: many values to a few, masked values skipped, vectorised over whatever lies behind the first axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.pixeltype import PixelType

Stack = NDArray[Any]
Valid = NDArray[np.bool_]
Result = tuple[Any, Any]
Fold = Callable[[Sequence[Stack], Sequence[Valid], NDArray[np.float64] | None], list[Result]]


@dataclass(frozen=True)
class Output:
    """One output: its name and its type from the inputs' types; None for objects such as histograms."""

    name: str
    type: Callable[[Sequence[PixelType]], PixelType] | None


@dataclass(frozen=True)
class Reducer:
    """`fold` takes, for each input, values and validity `[k, ...]`, and weights `[k, ...]` or None.

    It returns, for each output, values `[...]` and where they are valid.
    """

    name: str
    inputs: int
    outputs: tuple[Output, ...]
    fold: Fold
    weighted: bool = False

    def types(self, inputs: Sequence[PixelType]) -> list[PixelType]:
        """Return the outputs' types.

        Raises:
            EEError: for an output that is no number.
        """
        out = []
        for output in self.outputs:
            if output.type is None:
                raise bad_request(
                    f"eelocal does not implement the reducer '{self.name}' for pixels: its output is no number."
                )
            out.append(output.type(inputs))
        return out

    def run(
        self, stacks: Sequence[Stack], valid: Sequence[Valid], weights: NDArray[np.float64] | None = None
    ) -> list[Result]:
        """Reduce the first axis."""
        return self.fold(stacks, valid, weights if self.weighted else None)
