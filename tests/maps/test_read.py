"""The door to finished maps: by year and layer, and only the very files that were written."""

import pytest

from water_gee.errors import WaterGeeError
from water_gee.files import sha256, write_bytes
from water_gee.maps import map_path, map_years
from water_gee.paths import Layout
from water_gee.sealed import write_sealed


@pytest.fixture
def layout(tmp_path) -> Layout:
    layout = Layout(tmp_path, "tiny")
    for name in ("2019/water.tif", "2020/water.tif", "change.tif"):
        write_bytes(layout.maps / name, name.encode())
    return layout


@pytest.fixture
def report(layout) -> dict:
    files = {str(path.relative_to(layout.maps)): sha256(path) for path in layout.maps.rglob("*.tif")}
    write_sealed(layout.maps / "maps.json", {"study": "tiny", "files": {**files, "area.csv": "0"}})
    return {"files": files}


def test_layers_of_a_year_and_over_the_years(layout, report) -> None:
    assert map_path(layout, report, 2020, "water") == map_path(layout, report, "2020", "water")
    assert map_path(layout, report, None, "change") == layout.maps / "change.tif"
    assert map_years(report) == [2019, 2020]


def test_a_changed_or_absent_file_is_noticed(layout, report) -> None:
    write_bytes(layout.maps / "change.tif", b"other")
    (layout.maps / "2019/water.tif").unlink()
    for year, layer in ((None, "change"), (2019, "water")):
        with pytest.raises(WaterGeeError, match=r"is not the map that was written: .*; run again: water-gee predict"):
            map_path(layout, report, year, layer)


def test_maps_of_an_earlier_version_lack_layers(layout, report) -> None:
    with pytest.raises(WaterGeeError, match=r"maps.json names no 2020/uncertainty.tif.*run again: water-gee predict"):
        map_path(layout, report, 2020, "uncertainty")
    with pytest.raises(WaterGeeError, match=r"names no 2018/water.tif"):
        map_path(layout, report, 2018, "water")


def test_a_name_that_is_no_layer_is_a_fault_of_the_program(layout, report) -> None:
    for year, layer, error in ((2020, "watr", KeyError), (2020, "change", ValueError), (None, "water", ValueError)):
        with pytest.raises(error):
            map_path(layout, report, year, layer)
