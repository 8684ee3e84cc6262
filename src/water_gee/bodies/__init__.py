"""Water bodies: polygons with ids that stay, and the area of each in each year."""

from water_gee.bodies.read import are_of, bodies_path, read_bodies, read_series

__all__ = ["are_of", "bodies_path", "read_bodies", "read_series"]
