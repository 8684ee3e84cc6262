"""Water bodies: polygons with ids that stay, and the area of each in each year."""
