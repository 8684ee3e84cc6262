"""`code_editor.js`: the study in one script to paste into Earth Engine's Code Editor."""

import json
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
    """

    name: str
    area: str
    year: int
    begin: str
    end: str
    crs: str
    transform: Sequence[float]
    bounds: Sequence[float]


def code_editor(exported: ExportedNetwork, features: Any, study: StudyText) -> str:
    """Write the script; `features` is the `ee.Image` of the study's features, the same that tiles are made of."""
    identifiers = {"BEGIN": study.begin, "END": study.end, "CRS": study.crs, "CRS_TRANSFORM": list(study.transform)}
    writer = Writer(identifiers)
    composite = writer.write(from_expression(json.loads(features.serialize())), INPUT.name)
    network = writer.write(exported.result, "result")
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
// Bands: {", ".join(options.outputs)}; water is where the probability is at least {options.threshold}.
// Features in order: {", ".join(exported.features)}.
{layers}
{network}

// ---- The map ----
// The network sees the pixels that are asked for: on the map, those of the zoom. The export below uses the study's own.
Map.centerObject(REGION, 9);
Map.addLayer({INPUT.name}, {{bands: {json.dumps(_picture(exported.features))}, min: 0, max: 0.3}}, 'features');
Map.addLayer(result.select('probability'), {{min: 0, max: 1}}, 'probability of water', false);
Map.addLayer(result.select('water').selfMask(), {{palette: ['0050ff']}}, 'water');

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
