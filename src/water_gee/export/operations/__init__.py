"""The torch operations that are carried over, by theme; importing this enters them all in the registry."""

from water_gee.export.operations import (
    arithmetic,
    channels,
    comparison,
    convolution,
    elementwise,
    normalisation,
    products,
    reductions,
)

__all__ = [
    "arithmetic",
    "channels",
    "comparison",
    "convolution",
    "elementwise",
    "normalisation",
    "products",
    "reductions",
]
