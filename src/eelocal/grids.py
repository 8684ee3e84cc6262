"""The grid of a request: coordinate system, transform and size."""

from __future__ import annotations

from typing import Any

from eelocal.errors import EEError, bad_request
from eelocal.evaluator import PixelGrid, named_crs


def refuse(what: str) -> EEError:
    """Return the refusal, by name, of what eelocal does not do; 400, so that the client does not try again."""
    return EEError(f"eelocal does not implement {what}.", 400, "UNIMPLEMENTED")


def pixel_grid(grid: dict[str, Any]) -> PixelGrid | None:
    """Return the grid of a request whose fields have been checked; None, the image's own, where it has none.

    Raises:
        EEError: the grid is incomplete or impossible.
    """
    if not grid:
        return None
    code, wkt = grid.get("crsCode"), grid.get("crsWkt")
    if code and wkt:
        raise bad_request("Only one of 'crsCode' and 'crsWkt' may be specified.")
    affine: Any = grid.get("affineTransform")
    size: Any = grid.get("dimensions")
    for name, value in (("crsCode or crsWkt", code or wkt), ("affineTransform", affine), ("dimensions", size)):
        if not value:
            raise refuse(f"a pixel grid without {name}: give crsCode, affineTransform and dimensions, or no grid")
    keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    a, b, c, d, e, f = (float(affine.get(key) or 0) for key in keys)
    width, height = (int(size.get(key) or 0) for key in ("width", "height"))
    if a * e - b * d == 0:
        raise bad_request("The pixel grid's affineTransform cannot be inverted.")
    if width < 1 or height < 1:
        raise bad_request(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    return PixelGrid(named_crs(str(code or wkt), "code" if code else "WKT"), (a, b, c, d, e, f), width, height)
