"""The bodies on the page are those of its maps, and those that changed most come first."""

import geopandas

import finished
from explored import HOSTILE, bodies, years_of
from water_gee.files import sha256, write_text
from water_gee.report import artifacts
from water_gee.report.water_bodies import WaterBodies, section, water_bodies
from water_gee.sealed import write_sealed


def test_the_section_ranks_by_change_and_says_which_are_sure() -> None:
    part = section(WaterBodies(bodies()))
    assert "Water bodies on the maps: 3, rivers among them: 1." in part.texts[0]
    (table,) = part.tables
    assert [row.cells[0].text for row in table.rows] == ["Big lake", HOSTILE]
    assert [row.cells[-2].text for row in table.rows] == ["+1.500", "-0.050"]
    assert [row.cells[-1].text for row in table.rows] == ["yes", "no"]
    assert table.rows[0].cells[2].note == "2019, 2.900-3.100"


def test_of_a_single_year_the_largest_are_shown() -> None:
    single = [type(body)(body.id, body.name, body.kind, body.outline, years_of(2.0)) for body in bodies()]
    (table,) = section(WaterBodies(single)).tables
    assert table.title == "The largest" and len(table.rows) == 3


def test_bodies_of_other_maps_are_named_and_not_shown(tmp_path) -> None:
    layout = finished.write_root(tmp_path)
    finished.add_products(tmp_path)
    made = artifacts.products(layout)
    assert water_bodies(layout, made) == WaterBodies()
    write_text(layout.bodies / "bodies.csv", "id,name\n")
    files = {"bodies.csv": sha256(layout.bodies / "bodies.csv")}
    write_sealed(layout.bodies / "bodies.json", {"study": finished.STUDY, "maps_sha256": "of others", "files": files})
    found = water_bodies(layout, made)
    assert found.bodies == () and "run again: water-gee bodies" in found.stale
    assert section(found).texts == [found.stale] and section(WaterBodies()).texts == []


def test_a_geopackage_that_qgis_wrote_into_leaves_the_page_its_bodies(tmp_path) -> None:
    layout = finished.write_root(tmp_path)
    finished.add_products(tmp_path)
    columns = "id,name,kind,year,area_km2,low_km2,high_km2,perimeter_km,unseen_share,complete"
    write_text(layout.bodies / "bodies.csv", f"{columns}\nw1,,lake,2020,3,2.9,3.1,9,0,1\n")
    write_text(layout.bodies / "bodies.gpkg", "as it was\n")
    table = geopandas.GeoDataFrame({"id": ["w1"]}, geometry=[bodies()[0].outline], crs=32648)
    table.to_parquet(layout.bodies / "bodies.parquet")
    files = {name: sha256(layout.bodies / name) for name in ("bodies.csv", "bodies.gpkg", "bodies.parquet")}
    known = {"study": finished.STUDY, "maps_sha256": sha256(layout.maps / "maps.json"), "files": files}
    write_sealed(layout.bodies / "bodies.json", known)
    write_text(layout.bodies / "bodies.gpkg", "opened once\n")
    (found,) = water_bodies(layout, artifacts.products(layout)).bodies
    assert found.id == "w1" and found.outline.equals(bodies()[0].outline)
