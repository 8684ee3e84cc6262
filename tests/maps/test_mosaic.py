"""A map that GDAL writes is whole, or an error tells that it is not."""

import numpy as np

from water_gee.errors import WaterGeeError
from water_gee.maps.layers import LAYERS
from water_gee.maps.mosaic import Source, write_cog
from water_gee.study import Grid, Window
from water_gee.tiles import write_raster

GRID, WINDOW = Grid("EPSG:32648", 30), Window(0, 0, 300, 300)


def test_on_a_disk_that_fills(tmp_path, small_disk) -> None:
    """While its overviews are made, which lie in a file of their own at first, and while it is written itself."""
    layer, source = LAYERS["probability"], tmp_path / "source.tif"
    values = np.random.default_rng(0).random((1, 300, 300), dtype=np.float32)
    write_raster(source, values, [layer.name], nodata=np.nan, crs=GRID.crs, transform=GRID.transform(WINDOW))

    def write(path) -> bytes:
        write_cog(path, layer, [Source(source, WINDOW)], GRID, WINDOW, {"study": "tiny"})
        return path.read_bytes()

    whole = write(tmp_path / "whole.tif")
    outcomes = set()
    for kib in (60, *range(150, 850, 50)):
        path = small_disk(kib) / "a.tif"
        try:
            assert write(path) == whole
        except WaterGeeError as error:
            assert "free disk space and run again" in str(error) and not path.exists()
            outcomes.add("an error")
        else:
            outcomes.add("whole")
    assert outcomes == {"an error", "whole"}
