"""What results were made of and is no longer what it was is said, whoever shows them."""

from pathlib import Path

import pytest

from water_gee.config.inputs import marks, sha256_of
from water_gee.paths import Layout
from water_gee.report import changed_files
from water_gee.sealed import write_sealed

AREA = "study.areas.map"


@pytest.fixture
def made(tmp_path: Path, settings):
    """Reports of maps, bodies and an evaluation, and the settings; the files that they name are in the root."""
    names = ("map.geojson", "names.gpkg", "ids.shp", "ids.dbf", "labels.geojson")
    for name in names:
        (tmp_path / name).write_text("one", encoding="utf-8")
    choice = settings(f"{AREA}.strips=null", f"+{AREA}.region=map.geojson")
    layout, about = Layout.of(choice), {"study": "tiny"}
    region = marks(choice, [AREA], known=True)[f"{AREA}.region"]
    write_sealed(layout.maps / "maps.json", {**about, "area": "map", "region_md5": region})
    named = {"names": "names.gpkg", "earlier": "ids.shp"}
    hashes = {f"{key}_sha256": sha256_of(tmp_path / name) for key, name in named.items()}
    write_sealed(layout.bodies / "bodies.json", {**about, "settings": named, **hashes})
    survey = {"points_file": "labels.geojson", "points_sha256": sha256_of(tmp_path / "labels.geojson")}
    write_sealed(layout.reports / "details.json", {**about, "survey": survey})
    return choice, layout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("map.geojson", "study.areas.map: the region was changed since it was mapped; run again: water-gee predict"),
        ("names.gpkg-wal", "bodies.names: "),
        ("ids.dbf", "bodies.earlier: "),
        ("labels.geojson", "labels.geojson were changed since they were taken; run again: water-gee evaluate"),
    ],
)
def test_what_was_changed_or_removed_is_named(made, name: str, said: str) -> None:
    choice, layout = made
    assert list(changed_files(choice, layout)) == []
    (layout.root / name).write_text("another", encoding="utf-8")
    (sentence,) = changed_files(choice, layout)
    assert said in sentence and "\n" not in sentence
    (layout.root / name).unlink()
    assert len(list(changed_files(choice, layout))) == (not name.endswith("-wal"))


def test_before_anything_was_made_nothing_is_said(settings, tmp_path: Path) -> None:
    assert list(changed_files(settings(), Layout(tmp_path, "tiny"))) == []
