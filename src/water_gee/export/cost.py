"""What an exported network costs, and which form is the cheapest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """The terms of the cost model.

    Attributes:
        calls: calls of Earth Engine functions in the serialized graph; shared ones count once.
        payload_bytes: length of the serialized graph, as the client sends it.
        macs: multiply-adds of one pixel.
        array_bytes: bytes of all arrays that one output pixel goes through, one after another; see `memory`.
        convolved: those of `macs` that `convolve` does; matrix products do the rest, but for
        weighted: those that weighted sums over bands do.
        peak_bytes: held at once for one output pixel, arrays and bands.
        shard: the side of an export's tile, in pixels, that this memory allows.
    """

    calls: int
    payload_bytes: int
    macs: int
    array_bytes: int
    convolved: int = 0
    weighted: int = 0
    peak_bytes: int = 0
    shard: int = 256

    @property
    def nanoseconds_per_pixel(self) -> float:
        """Estimated time of one pixel on one core, to rank the forms; no promise of the service's time.

        Fitted to eelocal's clock over eleven networks of 8 to 38,144 multiply-adds, depthwise and grouped ones among
        them, in both forms, and within a factor of 1.5 of each then; a loaded machine gave ratios of
        .43 to 1.52 (`make bench` compares). Calls count since in the form `kernel` each term is a pass over a whole
        band; in the form `array` it is the arrays that are dear.
        """
        products = self.macs - self.convolved - self.weighted
        work = 0.09 * products + 0.07 * self.convolved + 3.2 * self.weighted
        return 160.0 + 3.2 * self.calls + 0.19 * self.array_bytes + work


def count_calls(expression: Any) -> int:
    """Count the function calls of a serialized expression."""
    return sum(1 for _ in _invocations(expression))


def _invocations(node: Any) -> Iterator[str]:
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "functionInvocationValue" in item:
                yield str(item["functionInvocationValue"].get("functionName", ""))
            stack.extend(value for key, value in item.items() if key != "constantValue")
        elif isinstance(item, list):
            stack.extend(item)
