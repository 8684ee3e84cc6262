"""Landsat scenes whose truth is known: terrain, water, land, light, clouds, sensor and the quality band's mistakes.

The room stands apart: nothing else imports it, and it imports only what all rooms share.
"""

from typing import TYPE_CHECKING, Any

from water_gee.simulate.spec import SimulationSpec, Strip

if TYPE_CHECKING:
    from water_gee.simulate.realism import measure
    from water_gee.simulate.simulation import simulate

__all__ = ["SimulationSpec", "Strip", "measure", "simulate"]


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first asked for: the configuration needs only `SimulationSpec`."""
    if name == "simulate":
        from water_gee.simulate.simulation import simulate

        return simulate
    if name == "measure":
        from water_gee.simulate.realism import measure

        return measure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
