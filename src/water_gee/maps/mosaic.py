"""From parts to cloud-optimised GeoTIFFs, a block at a time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from water_gee.errors import WaterGeeError
from water_gee.maps.parts import UNSEEN, PartStore, Piece
from water_gee.rasters import check_raster
from water_gee.study import Window

_BLOCK = 256
# Land, water, and nothing for the rest: the map is legible in any viewer as it stands.
_COLOURS = {0: (240, 236, 224, 255), 1: (33, 102, 172, 255)}
_LAYERS = {"water": ("Byte", str(UNSEEN), "MODE"), "probability": ("Float32", "nan", "AVERAGE")}


def write_cog(
    path: Path, layer: str, store: PartStore, pieces: Sequence[Piece], window: Window, tags: Mapping[str, str]
) -> None:
    """Write one layer of one year's parts as a cloud-optimised GeoTIFF that covers `window`.

    GDAL reads the parts through a virtual mosaic and never holds the map: an area of any size, however
    sparse, takes the memory of a few blocks. Where no part lies the map has no data.

    Raises:
        WaterGeeError: GDAL could not write it (a full disk).
    """
    kind, nodata, resampling = _LAYERS[layer]
    path.parent.mkdir(parents=True, exist_ok=True)
    virtual = path.with_suffix(".vrt")
    virtual.write_text(_virtual(layer, kind, nodata, store, pieces, window, tags), encoding="utf-8")
    try:
        rasterio.shutil.copy(
            virtual, path, driver="COG", BLOCKSIZE=_BLOCK, COMPRESS="DEFLATE", LEVEL=6, PREDICTOR="YES",
            OVERVIEWS="IGNORE_EXISTING", OVERVIEW_RESAMPLING=resampling, SPARSE_OK="YES", BIGTIFF="IF_SAFER",
        )  # fmt: skip
    except (RasterioError, CPLE_BaseError) as error:
        path.unlink(missing_ok=True)
        raise WaterGeeError(f"{path} could not be written ({error}); free disk space and run again") from error
    check_raster(path)
    virtual.unlink()


def _virtual(
    layer: str,
    kind: str,
    nodata: str,
    store: PartStore,
    pieces: Sequence[Piece],
    window: Window,
    tags: Mapping[str, str],
) -> str:
    """Return GDAL's virtual mosaic of the parts (gdal.org/drivers/raster/vrt.html)."""
    transform = ", ".join(repr(value) for value in store.grid.transform(window).to_gdal())
    sources = "".join(_source(layer, nodata, store, piece, window) for piece in pieces)
    metadata = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in sorted(tags.items()))
    return (
        f'<VRTDataset rasterXSize="{window.width}" rasterYSize="{window.height}">'
        f"<SRS>{escape(CRS.from_string(store.grid.crs).to_wkt())}</SRS><GeoTransform>{transform}</GeoTransform>"
        f"<Metadata>{metadata}</Metadata>"
        f'<VRTRasterBand dataType="{kind}" band="1" blockXSize="{_BLOCK}" blockYSize="{_BLOCK}">'
        f"<Description>{layer}</Description><NoDataValue>{nodata}</NoDataValue>{_palette(layer)}{sources}"
        "</VRTRasterBand></VRTDataset>"
    )


def _source(layer: str, nodata: str, store: PartStore, piece: Piece, window: Window) -> str:
    """Return the share of a part that lies in `window`, as a source of the mosaic."""
    left, right = max(piece.window.left, window.left), min(piece.window.right, window.right)
    top, bottom = max(piece.window.top, window.top), min(piece.window.bottom, window.bottom)
    if left >= right or top >= bottom:
        return ""
    size = f'xSize="{right - left}" ySize="{bottom - top}"'
    kind = _LAYERS[layer][0]
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(store.path(piece, layer).resolve()))}'
        f"</SourceFilename><SourceBand>1</SourceBand>"
        f'<SourceProperties RasterXSize="{piece.window.width}" RasterYSize="{piece.window.height}" '
        f'DataType="{kind}" BlockXSize="{_BLOCK}" BlockYSize="{_BLOCK}" />'
        f'<SrcRect xOff="{left - piece.window.left}" yOff="{top - piece.window.top}" {size} />'
        f'<DstRect xOff="{left - window.left}" yOff="{top - window.top}" {size} /></SimpleSource>'
    )


def _palette(layer: str) -> str:
    if layer != "water":
        return ""
    entries = (_COLOURS.get(value, (0, 0, 0, 0)) for value in range(256))
    table = "".join(f'<Entry c1="{r}" c2="{g}" c3="{b}" c4="{a}" />' for r, g, b, a in entries)
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{table}</ColorTable>"
