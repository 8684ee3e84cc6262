"""The lines of docs/tools.md give what is in the files."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from catalogue.products import described, write_products
from documents import snippet
from water_gee.config.compose import compose
from water_gee.config.settings import load

TOOLS = "docs/tools.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tools")
    write_products(root)
    described(load(compose([])), root, bodies=True)
    return root


@pytest.fixture
def root(made, monkeypatch) -> Path:
    monkeypatch.chdir(made)
    return made


def read(root: Path, layer: str, year: int = 2020) -> np.ma.MaskedArray:
    with rasterio.open(root / "maps" / str(year) / f"{layer}.tif") as file:
        return file.read(1, masked=True)


def test_xarray_reads_a_map_its_classes_and_its_area(root, capsys):
    pytest.importorskip("rioxarray")
    found: dict = {}
    exec(snippet(TOOLS, "a year's map, its classes and its area"), found)
    water = read(root, "water")
    np.testing.assert_array_equal(np.isnan(found["water"].values), water.mask)
    assert found["pixels"] == {"land": (water == 0).sum(), "water": (water == 1).sum()}
    assert water.mask.any() and found["pixels"]["water"] > 1000
    with (root / "maps" / "area.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["year"] == "2020")
    assert (found["km2"], found["low"]) == (float(row["water_km2"]), float(row["water_low_km2"]))
    assert found["low"] < found["km2"] < found["high"]
    assert found["km2"] == pytest.approx(found["pixels"]["water"] * 900 / 1e6, rel=0.02)
    assert "EPSG:32648" in capsys.readouterr().out
    exec(snippet(TOOLS, "the sure part of a map"), found)
    sure = ~water.mask & (read(root, "uncertainty").filled(100) < 50) & (read(root, "clear_looks").filled(0) >= 3)
    np.testing.assert_array_equal(~np.isnan(found["certain"].values), sure)
    assert 0 < sure.sum() < water.count()


def test_geopandas_finds_the_body_that_changed_most(root):
    found: dict = {}
    exec(snippet(TOOLS, "the bodies that changed most"), found)
    water = {year: int((read(root, "water", year) == 1).sum()) for year in (2019, 2020)}
    largest = found["changed"].iloc[0]
    assert largest["change_km2"] == pytest.approx((water[2020] - water[2019]) * 900 / 1e6, rel=0.02)
    assert largest["change_km2"] > 0.5 and largest["kind"] == "lake"


def test_pystac_client_opens_the_folder(root):
    pytest.importorskip("pystac_client", reason="needs pystac-client: pip install pystac-client")
    found: dict = {}
    exec(snippet(TOOLS, "what there is of a time"), found)
    assert set(found["found"]) == {"2019", "2020", "all_years", "bodies"}
    names = {Path(path).resolve().relative_to(root.resolve()).as_posix() for path in found["files"]}
    assert names == {f"maps/2020/{layer}.tif" for layer in ("water", "probability", "uncertainty")}


def test_maps_and_bodies_are_all_that_need_go_along(root, tmp_path):
    for name in ("catalogue", "maps", "bodies"):
        shutil.copytree(root / name, tmp_path / name)
    catalogue = pystac.Catalog.from_file(str(tmp_path / "catalogue" / "catalog.json"))
    assets = [asset for item in catalogue.get_items(recursive=True) for asset in item.assets.values()]
    paths = [Path(asset.get_absolute_href()) for asset in assets]
    assert len(paths) > 25 and all(path.is_file() and path.is_relative_to(tmp_path) for path in paths)
