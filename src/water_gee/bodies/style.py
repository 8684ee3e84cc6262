"""The QGIS style beside `bodies.gpkg`: lakes and rivers in their colours, named in the legend."""

from water_gee.bodies.shapes import KINDS

COLOURS = dict(zip(KINDS, ("31,95,164", "24,165,180"), strict=True))  # red, green, blue
_EDGE = "16,48,82"


def qml() -> str:
    """Return the style, for any layer with a column `kind`."""
    categories = "".join(
        f'   <category value="{kind}" label="{kind}" symbol="{number}" render="true"/>\n'
        for number, kind in enumerate(COLOURS)
    )
    symbols = "".join(_symbol(number, colour) for number, colour in enumerate(COLOURS.values()))
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.28.0" styleCategories="Symbology">\n'
        ' <renderer-v2 type="categorizedSymbol" attr="kind" symbollevels="0" enableorderby="0">\n'
        f"  <categories>\n{categories}  </categories>\n  <symbols>\n{symbols}  </symbols>\n </renderer-v2>\n</qgis>\n"
    )


def _symbol(number: int, colour: str) -> str:
    options = {"color": f"{colour},255", "outline_color": f"{_EDGE},255", "outline_width": "0.1", "style": "solid"}
    lines = "".join(f'     <Option type="QString" name="{key}" value="{value}"/>\n' for key, value in options.items())
    return (
        f'   <symbol type="fill" name="{number}" alpha="1">\n    <layer class="SimpleFill" enabled="1">\n'
        f'    <Option type="Map">\n{lines}    </Option>\n    </layer>\n   </symbol>\n'
    )
