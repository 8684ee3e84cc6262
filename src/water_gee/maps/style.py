"""QGIS styles: a `.qml` beside a raster, which QGIS takes up with it."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from water_gee.maps.layers import Layer, classes_of
from water_gee.panels import Code

_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_BAND = 'alphaBand="-1" band="1" opacity="1" nodataColor=""'


def qml(layer: Layer, years: Sequence[int]) -> str:
    """Return the style of a layer of so many years: named classes, or colours that run between values."""
    classes = classes_of(layer, years)
    renderer = _paletted(classes) if classes else _running(layer)
    return (
        f'{_HEAD}<qgis version="3.28.0" styleCategories="Symbology">\n <pipe>\n{renderer}'
        '  <brightnesscontrast brightness="0" contrast="0" gamma="1"/>\n'
        '  <huesaturation saturation="0" colorizeOn="0" grayscaleMode="0"/>\n'
        '  <rasterresampler maxOversampling="2"/>\n </pipe>\n <blendMode>0</blendMode>\n</qgis>\n'
    )


def _paletted(classes: Mapping[int, Code]) -> str:
    entries = "".join(
        f'    <paletteEntry value="{value}" color="{code.colour}" alpha="255" label={quoteattr(code.name)}/>\n'
        for value, code in sorted(classes.items())
    )
    return (
        f'  <rasterrenderer type="paletted" {_BAND}>\n   <rasterTransparency/>\n   <colorPalette>\n{entries}'
        "   </colorPalette>\n  </rasterrenderer>\n"
    )


def _running(layer: Layer) -> str:
    least, most = min(layer.ramp), max(layer.ramp)
    items = "".join(
        f'     <item value="{value:g}" color="{colour}" alpha="255" label="{value:g}{layer.unit}"/>\n'
        for value, colour in sorted(layer.ramp.items())
    )
    return (
        f'  <rasterrenderer type="singlebandpseudocolor" classificationMin="{least:g}" classificationMax="{most:g}" '
        f"{_BAND}>\n   <rasterTransparency/>\n   <rastershader>\n"
        f'    <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="{least:g}" '
        f'maximumValue="{most:g}">\n{items}    </colorrampshader>\n   </rastershader>\n  </rasterrenderer>\n'
    )
