"""The ways to write a network in Earth Engine operations."""

from water_gee.export.forms.array import lower as array
from water_gee.export.forms.kernel import lower as kernel
from water_gee.export.forms.kernel import probe as kernel_probe

__all__ = ["array", "kernel", "kernel_probe"]
