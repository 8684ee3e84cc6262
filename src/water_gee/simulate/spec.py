"""What to simulate, as the configuration gives it."""

from water_gee.config.simulate import FINE, NODE, SCALE, SimulationSpec, Strip

__all__ = ["FINE", "NODE", "SCALE", "SimulationSpec", "Strip"]
