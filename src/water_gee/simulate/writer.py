"""The files of a simulated study: a folder catalog of scenes, and what is true of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_bounds, transform_geom

from water_gee.files import write_json
from water_gee.rasters import new_raster
from water_gee.simulate.noise import Floats
from water_gee.simulate.quality import CLOUD, FILL
from water_gee.simulate.scenes import OVERPASS, Look
from water_gee.simulate.spec import SCALE, SimulationSpec, Strip
from water_gee.simulate.spectra import BANDS

SCENES = Path("catalog/LANDSAT/LC08/C02/T1_L2")
ELEVATION = Path("catalog/COPERNICUS/DEM/GLO30")
_LEVEL = 17  # of zstd: beyond it files shrink by 2 % and take twice the time


def write_raster(
    path: Path,
    bands: NDArray[Any],
    names: Sequence[str],
    left: float,
    top: float,
    crs: str,
    *,
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write `bands` [band, y, x] as a tiled GeoTIFF, bands interleaved by pixel since that packs alike bands best."""
    profile = {
        "driver": "GTiff", "dtype": bands.dtype, "count": bands.shape[0], "height": bands.shape[1],
        "width": bands.shape[2], "crs": crs, "transform": Affine(SCALE, 0, left, 0, -SCALE, top), "nodata": nodata,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel", "compress": "zstd",
        "zstd_level": _LEVEL, "predictor": 3 if bands.dtype.kind == "f" else 1,
    }  # fmt: skip
    with new_raster(path, **profile) as target:
        target.write(bands)
        target.descriptions = tuple(names)
        if tags:
            target.update_tags(**tags)


def scene_name(spec: SimulationSpec, strip: Strip, day: datetime) -> str:
    """Return the name that the archive would give the scene."""
    return f"LC08_{strip.path:03d}{spec.row:03d}_{day:%Y%m%d}"


def write_scene(raw: Path, spec: SimulationSpec, strip: Strip, day: datetime, look: Look) -> str:
    """Write one scene and its properties; return its name."""
    name = scene_name(spec, strip, day)
    bands = np.concatenate([look.numbers, look.quality[None]])
    path = raw / SCENES / f"{name}.tif"
    write_raster(path, bands, [*BANDS, "QA_PIXEL"], strip.left, strip.top, spec.crs, nodata=0)
    seen = (look.quality & FILL) == 0
    moment = datetime(day.year, day.month, day.day, *OVERPASS, tzinfo=UTC)
    write_json(
        path.with_suffix(".json"),
        {
            "system:index": name,
            "system:time_start": int(moment.timestamp() * 1000),
            "SPACECRAFT_ID": "LANDSAT_8",
            "WRS_PATH": strip.path,
            "WRS_ROW": spec.row,
            "CLOUD_COVER": round(100.0 * float(((look.quality & CLOUD) > 0)[seen].mean()), 2),
            "SUN_ELEVATION": round(look.sun[0], 4),
            "SUN_AZIMUTH": round(look.sun[1], 4),
        },
    )
    return name


def write_elevation(raw: Path, spec: SimulationSpec, strip: Strip, elevation: Floats) -> None:
    """Write the elevation model [y, x] (m) of a strip."""
    name = f"simulated_{strip.path:03d}{spec.row:03d}_DEM"
    path = raw / ELEVATION / f"{name}.tif"
    write_raster(path, elevation[None], ["DEM"], strip.left, strip.top, spec.crs)
    write_json(path.with_suffix(".json"), {"system:index": name})


def write_truth(
    raw: Path,
    spec: SimulationSpec,
    strip: Strip,
    year: int,
    layers: Mapping[str, NDArray[np.uint8]],
    legends: Mapping[str, Mapping[int, str]],
) -> None:
    """Write the layers `water`, `fraction` (percent), `cover` and `cause` [y, x] of a year, legends as tags."""
    place = (strip.left, strip.top, spec.crs)
    end = f"{year}_{strip.path}.tif"
    write_raster(raw / "reference" / f"water_{end}", layers["water"][None], ["water"], *place, nodata=255)
    write_raster(raw / "fraction" / f"fraction_{end}", layers["fraction"][None], ["fraction"], *place, nodata=255)
    both = np.stack([layers["cover"], layers["cause"]])
    tags = {name: ", ".join(f"{key} {text}" for key, text in legend.items()) for name, legend in legends.items()}
    write_raster(raw / "cover" / f"cover_{end}", both, ["cover", "cause"], *place, nodata=0, tags=tags)


def write_boundary(raw: Path, spec: SimulationSpec, role: str, strips: Sequence[Strip]) -> None:
    """Write the outlines of the strips of one role, WGS84, edges densified so that they stay straight in the crs."""
    features = []
    for strip in strips:
        left, bottom, right, top = outline(spec, strip)
        share = np.linspace(0, 1, 9)[:-1]
        corners = [(left, top), (left, bottom), (right, bottom), (right, top), (left, top)]
        ring = [(x0 + s * (x1 - x0), y0 + s * (y1 - y0)) for (x0, y0), (x1, y1) in pairwise(corners) for s in share]
        shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        geometry = transform_geom(spec.crs, "EPSG:4326", shape, precision=7)
        plain = {"type": "Polygon", "coordinates": [[list(point) for point in geometry["coordinates"][0]]]}
        features.append({"type": "Feature", "properties": {"path": strip.path, "row": spec.row}, "geometry": plain})
    write_json(raw / "boundaries" / f"{role}.geojson", {"type": "FeatureCollection", "features": features})


def outline(spec: SimulationSpec, strip: Strip) -> tuple[float, float, float, float]:
    """Return a strip's left, bottom, right and top in the crs (m)."""
    extent = spec.size * SCALE
    return strip.left, strip.top - extent, strip.left + extent, strip.top


def middle(spec: SimulationSpec, strip: Strip) -> tuple[float, float]:
    """Return the longitude and latitude of a strip's middle, degrees."""
    west, south, east, north = transform_bounds(spec.crs, "EPSG:4326", *outline(spec, strip))
    return (west + east) / 2, (south + north) / 2
