"""The tables of coordinate systems that rasterio came with, whatever another installation named in the environment."""

import os
from importlib.util import find_spec
from pathlib import Path

_NAMED = {"proj_data": ("PROJ_LIB", "PROJ_DATA"), "gdal_data": ("GDAL_DATA",)}


def use_own() -> None:
    """Forget PROJ_LIB, PROJ_DATA and GDAL_DATA, in this process and those that it starts, where rasterio has its own.

    QGIS, conda and PostGIS set them, and PROJ reads no tables of another version: every EPSG code is then unknown. A
    rasterio that was built for the machine's own GDAL brings no tables, and needs these variables.
    """
    found = find_spec("rasterio")
    for home in (found.submodule_search_locations or []) if found else []:
        for folder, names in _NAMED.items():
            if Path(home, folder).is_dir():
                for name in names:
                    os.environ.pop(name, None)
