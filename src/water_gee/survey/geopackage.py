"""The points as a GeoPackage with empty labels, and the form by which QGIS fills them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyogrio
import shapely
from rasterio.crs import CRS

from water_gee.files import atomic
from water_gee.survey.points import Survey

LAYER = "points"
LABELS = ("water", "land", "unsure")
FIELDS = ("id", "label", "longitude", "latitude")
_COLOURS = {"water": "33,102,172,255", "land": "170,150,100,255", "unsure": "213,94,0,255", "": "255,255,255,255"}
_MOMENT = "2000-01-01T00:00:00.000Z"  # in place of the time of writing: equal points are equal bytes


def write_points(path: Path, survey: Survey) -> None:
    """Write the points, their labels empty; what the map says of them is not in the file."""
    points = survey.points
    empty = np.full(len(points), None, dtype=object)
    columns = [
        np.array([one.id for one in points], dtype=object),
        empty,
        np.array([one.longitude for one in points]),
        np.array([one.latitude for one in points]),
    ]
    shapes = shapely.to_wkb(shapely.points([(one.x, one.y) for one in points]))
    with atomic(path) as temporary:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _MOMENT})
        try:
            pyogrio.raw.write(
                temporary, shapes, columns, list(FIELDS), layer=LAYER, driver="GPKG", geometry_type="Point",
                crs=CRS.from_string(survey.crs).to_wkt(),
            )  # fmt: skip
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
        _add_style(temporary)


def _add_style(path: Path) -> None:
    """Put the form where QGIS looks for it when it opens the file: the table `layer_styles`."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT(256), "
            "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
            "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            f"update_time DATETIME DEFAULT '{_MOMENT}')"
        )
        file.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, 'geom', ?, ?, '', 1, ?, '')",
            (LAYER, LAYER, style(), "labels by a drop-down list"),
        )
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
            (_MOMENT,),
        )


def style() -> str:
    """Return the QGIS style: points coloured by label, and a form that fills it from a list and guards the rest."""
    root = ElementTree.Element("qgis", version="3.34.0", styleCategories="Symbology|Fields|Forms")
    fields = ElementTree.SubElement(root, "fieldConfiguration")
    for name in FIELDS:
        widget = ElementTree.SubElement(ElementTree.SubElement(fields, "field", name=name), "editWidget")
        config = ElementTree.SubElement(ElementTree.SubElement(widget, "config"), "Option", type="Map")
        if name != "label":
            widget.set("type", "TextEdit")
            continue
        widget.set("type", "ValueMap")
        choices = ElementTree.SubElement(config, "Option", name="map", type="List")
        for label in LABELS:
            entry = ElementTree.SubElement(choices, "Option", type="Map")
            ElementTree.SubElement(entry, "Option", name=label, type="QString", value=label)
    editable = ElementTree.SubElement(root, "editable")
    for name in FIELDS:
        ElementTree.SubElement(editable, "field", name=name, editable="1" if name == "label" else "0")
    _colours(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ElementTree.tostring(root, "unicode")


def _colours(root: ElementTree.Element) -> None:
    renderer = ElementTree.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr="label", symbollevels="0", enableorderby="0"
    )
    categories = ElementTree.SubElement(renderer, "categories")
    symbols = ElementTree.SubElement(renderer, "symbols")
    for number, (label, colour) in enumerate(_COLOURS.items()):
        ElementTree.SubElement(
            categories, "category", symbol=str(number), value=label, label=label or "not labelled", render="true"
        )
        symbol = ElementTree.SubElement(symbols, "symbol", name=str(number), type="marker", alpha="1")
        layer = ElementTree.SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1"})
        options = ElementTree.SubElement(layer, "Option", type="Map")
        for name, value in {"name": "square", "color": colour, "outline_color": "0,0,0,255", "size": "3"}.items():
            ElementTree.SubElement(options, "Option", name=name, type="QString", value=value)


def labels_in(path: Path) -> list[tuple[Any, Any]]:
    """Return the id and the label of each feature of a file's points.

    Raises:
        RuntimeError, ValueError: it is no file of vector data, or has no such columns.
    """
    layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    layer = LAYER if LAYER in layers else layers[0] if layers else None
    columns: Sequence[str] = ("id", "label")
    meta, _, _, values = pyogrio.raw.read(path, layer=layer, columns=list(columns), read_geometry=False)
    found = dict(zip(meta["fields"], values, strict=True))
    if missing := [name for name in columns if name not in found]:
        raise ValueError(f"it has no column {' and no column '.join(missing)}")
    return list(zip(found["id"], found["label"], strict=True))
