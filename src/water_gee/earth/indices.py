"""The one normalised difference: of features, of label sources and of the preview."""

from typing import Any


def normalised(one: Any, other: Any) -> Any:
    """Return (one - other) / (one + other) of two `ee.Image` of one band each, in [-1, 1]; 0 where both are 0 or less.

    A negative reflectance, which an atmospheric correction gives over dark water, counts as 0: unclipped, .010 and
    -.015 make -5, the far end of land. Not the service's `normalizedDifference`, which masks a pixel with a negative
    input. `Image.divide` gives 0 for a divisor of 0.
    """
    a, b = one.max(0), other.max(0)
    return a.subtract(b).divide(a.add(b))
