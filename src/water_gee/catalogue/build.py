"""The catalogue of a study: a collection, an item a year, one over the years, and one of the water bodies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pystac
import rasterio

from water_gee.bodies import bodies_path
from water_gee.catalogue.assets import (
    CSV,
    FILE,
    GEOPACKAGE,
    OF_RASTERS,
    OF_TABLES,
    PARQUET,
    QML,
    crs_fields,
    file_asset,
    raster_asset,
)
from water_gee.catalogue.lineage import Lineage
from water_gee.catalogue.place import Place, place_of
from water_gee.catalogue.season import season
from water_gee.config.catalogue import CatalogueSettings
from water_gee.errors import WaterGeeError
from water_gee.files import sha256
from water_gee.maps import LAYERS, OVER_YEARS, YEARLY, Layer, file_name, map_path, map_years, read_areas
from water_gee.paths import Layout

ALL_YEARS, BODIES = "all_years", "bodies"  # ids of the items that are of no single year
_ADVICE = "run again: water-gee predict"
# Name of a file of the bodies, of its asset, its title and media type.
_OF_BODIES = (
    ("bodies.gpkg", "bodies", "Water bodies, over all years and by year", GEOPACKAGE, "data"),
    ("bodies.parquet", "bodies_parquet", "Water bodies over all years", PARQUET, "data"),
    ("bodies_by_year.parquet", "bodies_by_year_parquet", "Water bodies by year", PARQUET, "data"),
    ("bodies.csv", "series", "The area of each water body by year", CSV, "data"),
    ("bodies.qml", "bodies_style", "QGIS style of the water bodies", QML, "style"),
)


@dataclass(frozen=True)
class Content:
    """What the catalogue is made of: the root's maps and bodies, and where they come from."""

    layout: Layout
    maps: Mapping[str, Any]  # their report
    bodies: Mapping[str, Any] | None
    lineage: Lineage

    @property
    def years(self) -> list[int]:
        """The years that there are maps of."""
        return map_years(self.maps)

    @property
    def months(self) -> tuple[int, int]:
        """The first and the last month of each year's season.

        Raises:
            WaterGeeError: the maps do not tell.
        """
        first, _, last = str(self.maps.get("months", "")).partition("-")
        if not (first.isdecimal() and last.isdecimal()):
            raise WaterGeeError(f"{self.layout.maps / 'maps.json'} does not tell the maps' months; {_ADVICE}")
        return int(first), int(last)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The first and the last second of all seasons."""
        return season(self.years[0], self.months)[0], season(self.years[-1], self.months)[1]


def build(content: Content, choice: CatalogueSettings) -> pystac.Catalog:
    """Return the catalogue, its hrefs set: to be written below `catalogue/`, it points at files of the root.

    Raises:
        WaterGeeError: a map or a file of the bodies is not the one that its report names, or there are no maps.
    """
    layout = content.layout
    if not content.years:
        raise WaterGeeError(f"{layout.maps / 'maps.json'} names no maps; {_ADVICE}")
    items = [_of_year(content, year) for year in content.years]
    if over := [layer for layer in OVER_YEARS if file_name(layer) in content.maps["files"]]:
        items.append(_of_layers(content, ALL_YEARS, "All years", over, None, content.span))
    if content.bodies is not None:
        items.append(_of_bodies(content, content.bodies, items[0]))
    collection = _collection(content, choice, items)
    root = pystac.Catalog(layout.study, f"The surface-water maps of the study {layout.study}.", collection.title)
    root.catalog_type = pystac.CatalogType.SELF_CONTAINED
    root.add_child(collection)
    collection.add_items(items)
    folder = layout.catalogue.absolute()
    root.set_self_href(str(folder / "catalog.json"))
    collection.set_self_href(str(folder / "collection.json"))
    for item in items:
        item.set_self_href(str(folder / item.id / f"{item.id}.json"))
    return root


def _of_year(content: Content, year: int) -> pystac.Item:
    known = [layer for layer in YEARLY if file_name(layer, year) in content.maps["files"]]
    item = _of_layers(content, str(year), f"Surface water {year}", known, year, season(year, content.months))
    rows = [row for row in read_areas(content.layout, content.maps) if row["year"] == str(year)]
    item.properties |= {f"water_gee:{key}": float(row[key]) for row in rows for key in row if key.endswith("_km2")}
    return item


def _of_layers(
    content: Content,
    name: str,
    title: str,
    layers: Sequence[Layer],
    year: int | None,
    span: tuple[datetime, datetime],
) -> pystac.Item:
    paths = {layer.name: map_path(content.layout, content.maps, year, layer.name) for layer in layers}
    with rasterio.open(next(iter(paths.values()))) as file:
        place = place_of(tuple(file.bounds), file.crs.to_wkt())
        crs = crs_fields(file.crs)
    item = _item(content, name, title, place, span, OF_RASTERS)
    item.properties |= crs
    for layer in layers:
        known = content.maps["files"]
        path = paths[layer.name].absolute()
        item.add_asset(
            layer.name, raster_asset(path, known[file_name(layer, year)], layer, [] if year else content.years)
        )
        style = path.with_suffix(".qml")
        if file_name(layer, year, "qml") in known and style.is_file():  # as it is: people change styles in QGIS
            asset = file_asset(style, sha256(style), f"QGIS style: {layer.title}", QML, ["style"])
            item.add_asset(f"{layer.name}_style", asset)
    return item


def _of_bodies(content: Content, report: Mapping[str, Any], like: pystac.Item) -> pystac.Item:
    """Return the item of the bodies, which lie where the maps do."""
    assert like.geometry is not None and like.bbox is not None, "an item of maps has a place"
    place = Place(like.geometry, (like.bbox[0], like.bbox[1], like.bbox[2], like.bbox[3]))
    item = _item(content, BODIES, "Water bodies", place, content.span, OF_TABLES)
    item.properties |= {key: like.properties[key] for key in like.properties if key.startswith("proj:")}
    if "bodies" in report:
        item.properties["water_gee:bodies"] = report["bodies"]
    for name, key, title, media, role in _OF_BODIES:
        if name not in report["files"]:
            continue
        path, known = content.layout.bodies.absolute() / name, report["files"][name]
        if role != "style":
            path = bodies_path(content.layout, report, name).absolute()
        elif path.is_file():
            known = sha256(path)
        else:
            continue
        item.add_asset(key, file_asset(path, known, title, media, [role]))
    return item


def _item(
    content: Content,
    name: str,
    title: str,
    place: Place,
    span: tuple[datetime, datetime],
    extensions: Iterable[str],
) -> pystac.Item:
    item = pystac.Item(
        name, dict(place.geometry), list(place.bbox), None,
        {"title": title, "water_gee:study": content.layout.study, **content.lineage.properties},
        *span, list(extensions),
    )  # fmt: skip
    item.add_links(content.lineage.links())
    return item


def _collection(content: Content, choice: CatalogueSettings, items: Sequence[pystac.Item]) -> pystac.Collection:
    layout, years = content.layout, content.years
    extent = pystac.Extent(
        pystac.SpatialExtent([list(items[0].bbox or [])]), pystac.TemporalExtent([list(content.span)])
    )
    told = " to ".join(dict.fromkeys((str(years[0]), str(years[-1]))))
    collection = pystac.Collection(
        layout.study,
        choice.description or f"Maps of surface water of the study {layout.study}, {told}: {_listed(items)}.",
        extent,
        choice.title or f"Surface water of {layout.study}, {told}",
        [FILE],
        license=choice.license,
        keywords=list(choice.keywords) or None,
        providers=[
            pystac.Provider(one.name, one.description, [pystac.ProviderRole(role) for role in one.roles], one.url)
            for one in choice.providers
        ]
        or None,
        catalog_type=pystac.CatalogType.SELF_CONTAINED,
    )
    code = items[0].properties.get("proj:code")
    summaries = {"proj:code": [code]} if code else {}
    sensor = content.maps.get("sensor")
    collection.summaries = pystac.Summaries({**summaries, **({"water_gee:sensor": [sensor]} if sensor else {})})
    table = layout.maps / "area.csv"
    area = file_asset(table.absolute(), content.maps["files"]["area.csv"], "Areas by year", CSV, ["data"])
    collection.add_asset("areas", area)
    if choice.license_url:
        collection.add_link(pystac.Link(pystac.RelType.LICENSE, choice.license_url))
    collection.add_links(content.lineage.links())
    return collection


def _listed(items: Sequence[pystac.Item]) -> str:
    """Return the layers that the items have, in words."""
    titles = [layer.title.lower() for layer in LAYERS.values() if any(layer.name in item.assets for item in items)]
    return ", ".join(titles)
