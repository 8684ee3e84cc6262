"""The part of the page on water bodies, and the bodies themselves for its map."""

from collections.abc import Sequence
from dataclasses import dataclass

from water_gee.bodies import are_of, bodies_path, read_bodies, read_series
from water_gee.paths import Layout
from water_gee.report.artifacts import Products
from water_gee.report.atlas.bodies import Body, BodyYear, bodies_of, most_changed
from water_gee.report.page import Cell, Row, Section, Table

_ROWS = 12


@dataclass(frozen=True)
class WaterBodies:
    """The bodies of the maps that the page shows; of other maps none are, but `stale` says that they are there."""

    bodies: Sequence[Body] = ()
    stale: str = ""


def water_bodies(layout: Layout, made: Products) -> WaterBodies:
    """Return the bodies of the maps, none where there are none of these maps.

    Raises:
        WaterGeeError: a file of them is not the one that was written.
    """
    import geopandas

    report = read_bodies(layout)
    if report is None:
        return WaterBodies()
    if made.maps is None or not are_of(layout, report):
        return WaterBodies(
            stale="The water bodies are of other maps than those of this page and are not shown; "
            "run again: water-gee bodies, then water-gee evaluate."
        )
    # The GeoPackage holds the same, but programs that only look into one write to it.
    table = geopandas.read_parquet(bodies_path(layout, report, "bodies.parquet"), columns=["id", "geometry"])
    outlines = dict(zip(table["id"], table.geometry, strict=True))
    return WaterBodies(bodies_of(outlines, read_series(layout, report)))


def section(found: WaterBodies) -> Section:
    """Return the section with the bodies that changed most between two years, or the largest of a single year."""
    part = Section("bodies", "Water bodies")
    if found.stale:
        part.texts.append(found.stale)
    if not found.bodies:
        return part
    rivers = sum(body.kind == "river" for body in found.bodies)
    part.texts.append(
        f"Water bodies on the maps: {len(found.bodies):,}, rivers among them: {rivers:,}. bodies/bodies.gpkg has "
        "their outlines and bodies/bodies.csv their areas by year. A body keeps its id from year to year."
    )
    if changed := most_changed(found.bodies)[:_ROWS]:
        rows = tuple(_row(body) for body in changed)
        note = (
            "Between the first and the last year in which at most a twentieth of the body was unseen. Beside each area "
            "stands its 95 % interval; a change is sure where the two intervals lie apart."
        )
        columns = ("Body", "Kind", "First, km²", "Last, km²", "Change, km²", "Sure")
        part.tables.append(Table(columns, rows, "Those that changed most", note=note))
    else:
        largest = sorted(found.bodies, key=lambda body: (-body.largest, body.id))[:_ROWS]
        rows = tuple(Row.of(_name(body), body.kind, f"{body.largest:,.3f}") for body in largest)
        part.tables.append(Table(("Body", "Kind", "Water, km²"), rows, "The largest"))
    return part


def _row(body: Body) -> Row:
    assert body.ends is not None and body.change is not None, "only such are ranked by change"
    first, last = body.ends
    return Row.of(
        _name(body), body.kind, _area(first), _area(last), f"{body.change:+,.3f}", "yes" if body.is_sure else "no"
    )


def _name(body: Body) -> Cell:
    return Cell(body.name, body.id) if body.name else Cell(body.id)


def _area(one: BodyYear) -> Cell:
    interval = "" if one.low is None or one.high is None else f", {one.low:,.3f}-{one.high:,.3f}"
    return Cell(f"{one.area or 0.0:,.3f}", f"{one.year}{interval}")
