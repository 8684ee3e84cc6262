"""`code_editor.js`: the study in one script to paste into Earth Engine's Code Editor."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from water_gee.export.expression import from_expression
from water_gee.export.javascript import Writer
from water_gee.export.network import INPUT, ExportedNetwork


@dataclass(frozen=True)
class StudyText:
    """What a script says of its study.

    Attributes:
        name: of the study.
        area: of the area that is mapped.
        year: of the season.
        begin: first day of the season, ISO.
        end: first day after it, ISO.
        crs: of the study's pixels.
        transform: scale x, shear, origin x, shear, -scale y, origin y.
        bounds: (left, bottom, right, top) of the area in the crs.
        from_zoom: the zoom of the map from which the network is computed; see `first_zoom`.
    """

    name: str
    area: str
    year: int
    begin: str
    end: str
    crs: str
    transform: Sequence[float]
    bounds: Sequence[float]
    from_zoom: int


def first_zoom(metres: float, latitude: float) -> int:
    """Return the zoom from which a tile of the map, 256 pixels wide, holds at most 1024 of the study's pixels a side.

    Args:
        metres: of one pixel of the study.
        latitude: of the area, in degrees: a tile of the map covers less ground the further it lies from the equator.
    """
    widest = 1024 * metres  # ground that a tile may cover
    equator = 2 * math.pi * 6378137  # of the map's sphere, in metres: the width of the one tile of zoom 0
    return max(0, math.ceil(math.log2(equator * math.cos(math.radians(latitude)) / widest)))


def code_editor(exported: ExportedNetwork, features: Any, preview: Any, study: StudyText) -> str:
    """Write the script.

    Args:
        exported: the network.
        features: the `ee.Image` of the study's features, the same that tiles are made of.
        preview: an `ee.Image` of one band, above 0 where there may be water, cheap at any scale.
        study: what the script says of the study.
    """
    identifiers = {"BEGIN": study.begin, "END": study.end, "CRS": study.crs, "CRS_TRANSFORM": list(study.transform)}
    writer = Writer(identifiers)
    composite = writer.write(from_expression(json.loads(features.serialize())), INPUT.name)
    network = writer.write(exported.result, "result")
    coarse = writer.write(from_expression(json.loads(preview.serialize())), "preview")
    layers = "\n".join(
        f"//   {layer['place']:<36} {layer['operation']:<11} {layer['channels']:>4} channels"
        for layer in exported.report["layers"]
    )
    cost, options = exported.cost, exported.options
    region = [round(bound, 6) for bound in study.bounds]
    return f"""// Surface water of the study {study.name}, area {study.area}, season of {study.year}.
// Written by `water-gee export`: the same expression as the training tiles, and the trained network.
// Paste it into https://code.earthengine.google.com and press Run.

// ---- The study ----
var CRS = '{study.crs}';
var CRS_TRANSFORM = {json.dumps(list(study.transform))};  // the study's pixels: do not change
var BEGIN = '{study.begin}';  // first day of the season
var END = '{study.end}';  // first day after it
var REGION = ee.Geometry.Rectangle({json.dumps(region)}, CRS, false);
var ASSET = 'projects/YOUR-PROJECT/assets/water_{study.year}';  // where the map goes

// ---- The composite and its features ----
// Clear looks of the season, their median, then the features that the network was trained on.
{composite}

// ---- The network ----
// {cost.calls} calls, {cost.payload_bytes:,} bytes, {cost.macs:,} multiply-adds a pixel; form {exported.form}.
// While it is computed, a pixel holds some {cost.peak_bytes:,} bytes.
// Bands: {", ".join(options.outputs)}; water is where the probability is at least {options.threshold}.
// Features in order: {", ".join(exported.features)}.
{layers}
{network}

// ---- The map ----
// The features and the network are computed on the study's own pixels at every zoom: the further out, the more of them
// one tile of the map holds, until Earth Engine gives up. So their layers show from FROM_ZOOM on. Further out a coarse
// preview shows, at the zoom's own scale: MNDWI above 0 of the same looks. It is not the network's map.
var FROM_ZOOM = {study.from_zoom};
{coarse}
var look = {{bands: {json.dumps(_picture(exported.features))}, min: 0, max: 0.3}};
var near = [
  Map.addLayer({INPUT.name}, look, 'features', false),
  Map.addLayer(result.select('probability'), {{min: 0, max: 1}}, 'probability of water', false),
  Map.addLayer(result.select('water').selfMask(), {{palette: ['0050ff']}}, 'water', false)
];
var far = Map.addLayer(preview.gt(0).selfMask(), {{palette: ['80a0d0']}}, 'preview: MNDWI above 0', false);
var shown = null;
var show = function(zoom) {{
  if (shown === (zoom >= FROM_ZOOM)) return;  // what you switch on or off by hand stays so until the zoom crosses it
  shown = zoom >= FROM_ZOOM;
  near[0].setShown(shown);
  near[2].setShown(shown);
  far.setShown(!shown);
  if (!shown) near[1].setShown(false);
}};
Map.centerObject(REGION, Math.max(FROM_ZOOM, 9));
Map.onChangeZoom(show);
show(Map.getZoom());

// ---- The export ----
// Start it in the tab Tasks. Classes must not be averaged in pyramids.
Export.image.toAsset({{
  image: result,
  description: 'water_{study.year}',
  assetId: ASSET,
  pyramidingPolicy: {{'.default': 'mean', water: 'mode'}},
  region: REGION,
  crs: CRS,
  crsTransform: CRS_TRANSFORM,
  shardSize: {cost.shard},  // pixels a side computed at once: a pixel holds some {cost.peak_bytes:,} bytes
  maxPixels: 1e13
}});
"""


def network_script(exported: ExportedNetwork) -> str:
    """Write the network alone, as a function of an image that has its bands."""
    network = Writer().write(exported.result, "result").replace("\n", "\n  ")
    cost, options = exported.cost, exported.options
    return f"""// A network of PyTorch, as a function of an image. Paste it into https://code.earthengine.google.com.
// {cost.calls} calls, {cost.payload_bytes:,} bytes, {cost.macs:,} multiply-adds a pixel; form {exported.form}.
// Reads the bands, in this order: {", ".join(exported.features)}.
// Gives the bands: {", ".join(options.outputs)}; water is where the probability is at least {options.threshold}.
// Its output: {exported.meaning.words}. Masks: {exported.program.masked}.
// It sees {exported.program.reach} pixels to each side: give the image the scale that the network was trained at, with
// image.reproject(crs, null, scale), or it is another network at each zoom of the map.
var network = function({INPUT.name}) {{
  {network}
  return result;
}};
"""


def _picture(features: Sequence[str]) -> list[str]:
    """Three bands to look at."""
    wanted = ["swir1", "nir", "green"]
    return wanted if set(wanted) <= set(features) else [*features, *features, *features][:3]
