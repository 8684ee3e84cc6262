"""Landsat scenes whose truth is known: terrain, water, land, light, clouds, sensor and the quality band's mistakes.

The room stands apart: it imports only what all rooms share, and only the report asks it for a figure.
"""

from typing import TYPE_CHECKING, Any

from water_gee.simulate.spec import SimulationSpec, Strip

if TYPE_CHECKING:
    from water_gee.simulate.figures import spectra_comparison
    from water_gee.simulate.realism import measure
    from water_gee.simulate.simulation import simulate

__all__ = ["SimulationSpec", "Strip", "measure", "simulate", "spectra_comparison"]


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first asked for: the configuration needs only `SimulationSpec`."""
    if name == "simulate":
        from water_gee.simulate.simulation import simulate

        return simulate
    if name == "measure":
        from water_gee.simulate.realism import measure

        return measure
    if name == "spectra_comparison":
        from water_gee.simulate.figures import spectra_comparison

        return spectra_comparison
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
