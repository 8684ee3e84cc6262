"""From parts to cloud-optimised GeoTIFFs, a block at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from water_gee.errors import WaterGeeError
from water_gee.maps.blocks import read_block, touched
from water_gee.maps.layers import Layer
from water_gee.maps.statistics import statistics
from water_gee.panels import UNSEEN
from water_gee.rasters import check_raster
from water_gee.study import Grid, Window

_BLOCK = 256
# GDAL makes the overviews in a file beside the map, a third of its pixels, which it compresses only to read it again at
# once: that takes a third of the time of writing the map. Where GDAL does not know the key, it does so still.
_OVERVIEWS = {"COG_TMP_COMPRESSION": "NONE"}


@dataclass(frozen=True)
class Source:
    """A raster of one band that covers a window of the lattice."""

    path: Path
    window: Window


def write_cog(
    path: Path, layer: Layer, sources: Sequence[Source], grid: Grid, window: Window, tags: Mapping[str, str]
) -> None:
    """Write a layer as a cloud-optimised GeoTIFF that covers `window`, with overviews, statistics and colours.

    GDAL reads the sources through a virtual mosaic and never holds the map: an area of any size takes the memory of a
    few blocks. Where no source lies the map has no data; blocks of it are stored all the same, since readers such as
    geotiff.js before 3 fail on a block that is left out. Whole numbers are stored as they are: their differences from
    pixel to pixel (GDAL calls this a predictor) take more room and time, since most neighbours are equal.

    Args:
        path: of the file.
        layer: what it holds.
        sources: rasters of the layer's type; they do not overlap.
        grid: the study's lattice.
        window: what the file covers.
        tags: metadata of the whole file, by key.

    Raises:
        WaterGeeError: GDAL could not write it (a full disk).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    virtual = path.with_suffix(".vrt")
    try:
        virtual.write_text(_virtual(layer, sources, grid, window, tags, {}), encoding="utf-8")
        found = _statistics(virtual, layer, sources, window)
        virtual.write_text(_virtual(layer, sources, grid, window, tags, found), encoding="utf-8")
        with rasterio.Env(**_OVERVIEWS):
            rasterio.shutil.copy(
                virtual, path, driver="COG", BLOCKSIZE=_BLOCK, COMPRESS="DEFLATE", LEVEL=1 if layer.noisy else 4,
                PREDICTOR="YES" if layer.dtype == "float32" else "NO", OVERVIEWS="IGNORE_EXISTING",
                OVERVIEW_RESAMPLING=layer.overviews, NUM_THREADS="ALL_CPUS", BIGTIFF="IF_SAFER",
            )  # fmt: skip
    except (RasterioError, CPLE_BaseError) as error:
        path.unlink(missing_ok=True)
        raise WaterGeeError(f"{path} could not be written ({error}); free disk space and run again") from error
    check_raster(path)
    virtual.unlink()


def _statistics(virtual: Path, layer: Layer, sources: Sequence[Source], window: Window) -> dict[str, str]:
    """Return the statistics of a mosaic, block by block: GDAL's own depend on how it was cut into sources."""
    with rasterio.open(virtual) as file:
        held = touched(window, [source.window for source in sources])
        parts = (read_block(file, window, block) for block in held)
        return statistics(parts, layer.nodata, window.width * window.height)


def _virtual(
    layer: Layer,
    sources: Sequence[Source],
    grid: Grid,
    window: Window,
    tags: Mapping[str, str],
    found: Mapping[str, str],
) -> str:
    """Return GDAL's virtual mosaic of the sources (gdal.org/drivers/raster/vrt.html)."""
    transform = ", ".join(repr(value) for value in grid.transform(window).to_gdal())
    parts = "".join(_source(layer, source, window) for source in sources)
    classes = {f"CLASS_{value}": code.name for value, code in layer.classes.items()}
    return (
        f'<VRTDataset rasterXSize="{window.width}" rasterYSize="{window.height}">'
        f"<SRS>{escape(CRS.from_string(grid.crs).to_wkt())}</SRS><GeoTransform>{transform}</GeoTransform>"
        f"{_metadata(tags)}"
        f'<VRTRasterBand dataType="{layer.gdal_type}" band="1" blockXSize="{_BLOCK}" blockYSize="{_BLOCK}">'
        f"{_metadata({**classes, **found})}<Description>{layer.name}</Description>"
        f"<NoDataValue>{layer.nodata:g}</NoDataValue><UnitType>{escape(layer.unit)}</UnitType>"
        f"{_palette(layer)}{parts}</VRTRasterBand></VRTDataset>"
    )


def _metadata(content: Mapping[str, str]) -> str:
    items = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in sorted(content.items()))
    return f"<Metadata>{items}</Metadata>"


def _source(layer: Layer, source: Source, window: Window) -> str:
    """Return the share of a raster that lies in `window`, as a source of the mosaic."""
    if not source.window.intersects(window):
        return ""
    own, common = source.window, source.window & window
    size = f'xSize="{common.width}" ySize="{common.height}"'
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(source.path.resolve()))}'
        f"</SourceFilename><SourceBand>1</SourceBand>"
        f'<SourceProperties RasterXSize="{own.width}" RasterYSize="{own.height}" '
        f'DataType="{layer.gdal_type}" BlockXSize="{_BLOCK}" BlockYSize="{_BLOCK}" />'
        f'<SrcRect xOff="{common.left - own.left}" yOff="{common.top - own.top}" {size} />'
        f'<DstRect xOff="{common.left - window.left}" yOff="{common.top - window.top}" {size} /></SimpleSource>'
    )


def _palette(layer: Layer) -> str:
    """Return the colours of the classes.

    A GeoTIFF's palette has an entry for each value that a pixel can have, and no alpha: all that is no class has the
    colour of what was not seen. GDAL shows nodata, the only such value that occurs, as transparent. A palette names
    nothing, and GDAL keeps names in a file beside the raster, so the band's metadata name each class: `CLASS_<value>`.
    """
    if not layer.classes or layer.dtype != "uint8":  # of two bytes, a palette takes 400 kB
        return ""
    table = "".join(
        '<Entry c1="{}" c2="{}" c3="{}" c4="{}" />'.format(*layer.classes.get(value, UNSEEN).rgb, 255)
        for value in range(256)
    )
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{table}</ColorTable>"
