"""Amounts as people read them."""

from math import floor, log10

_FINEST = 6  # digits after the point: a square metre


def km2(area: float, digits: int = 1) -> str:
    """Return square kilometres with so many digits after the point, of small areas more: two that say something.

    So 386.94 is 386.9, and the .0042 of a pond not 0.0.
    """
    size = abs(area)
    needed = 1 - floor(log10(size)) if size else 0
    return f"{area:,.{max(digits, min(needed, _FINEST))}f}"
