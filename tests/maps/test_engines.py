"""One map, whichever engine makes it and however it is cut: on the tiny world, by the genuine client."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

import finished
import scenes
from water_gee.earth import connect
from water_gee.errors import ConfigError, EarthError, ExportError, ModelError
from water_gee.export import export_network
from water_gee.files import sha256, write_text
from water_gee.maps.stage import run
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

ONE_YEAR = ("study.years=[2020]",)
TIE_BAND, TOLERANCE = 1e-4, 1e-5


def export(root: Path, model, earth) -> None:
    """Write what the stage `export` writes, without its proof."""
    with connect(earth, Layout(root)):
        exported = export_network(model.network, model.features, threshold=model.threshold)
        write_text(root / "export" / "expression.json", exported.function_json())
        mark = sha256(root / "models" / "model.ckpt")
        known = {"study": "tiny", "checkpoint_sha256": mark, "selected_sha256": mark, "parity": {"equal": True}}
        known |= {"expression_sha256": sha256(root / "export" / "expression.json")}
        write_sealed(root / "export" / "export.json", {**exported.report, **known})


def maps(root: Path, year: int = 2020) -> tuple[np.ndarray, np.ndarray]:
    with rasterio.open(root / "maps" / str(year) / "water.tif") as file:
        water = file.read(1)
    with rasterio.open(root / "maps" / str(year) / "probability.tif") as file:
        return water, file.read(1)


def assert_equal(one, other, threshold: float) -> None:
    (water, probability), (other_water, other_probability) = one, other
    assert np.array_equal(np.isnan(probability), np.isnan(other_probability))
    seen = ~np.isnan(probability)
    assert np.abs(probability - other_probability)[seen].max() <= TOLERANCE
    differ = (water != other_water) & ~(np.abs(probability - threshold) <= TIE_BAND)
    assert not differ.any()


@pytest.fixture
def model(tmp_path):
    return finished.checkpoint(tmp_path)


@pytest.fixture
def root(tmp_path, model, settings, eelocal_url) -> Path:
    export(tmp_path, model, settings(f"earth.url={eelocal_url}").earth)
    return tmp_path


def test_two_engines_three_cuts_one_map(root, model, settings, eelocal_url) -> None:
    def make(*overrides: str):
        run(settings(*ONE_YEAR, f"earth.url={eelocal_url}", *overrides))
        return maps(root)

    def assert_same(*overrides: str) -> None:
        assert_equal(earth, make(*overrides), model.threshold)

    earth = make("predict.engine=earth", "predict.tile_size=160")
    water, probability = earth
    assert min((water == value).mean() for value in (0, 1, 255)) > 0.005
    assert np.array_equal(water == 255, np.isnan(probability))
    assert_same("predict.engine=earth", "predict.tile_size=224")
    assert_same("predict.engine=local", "predict.tile_size=130")
    assert_same("predict.engine=local", "predict.tile_size=2048")
    assert not list((root / "work" / "predict").iterdir())
    with (root / "maps" / "area.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert int(row["water_pixels"]) == (water == 1).sum() and int(row["land_pixels"]) == (water == 0).sum()
    said = read_sealed(root / "maps" / "maps.json", "")
    files = said.pop("files")
    assert {"months", "sensor", "checkpoint_sha256", "model", "parity", "water_gee"} <= said.keys()
    for name in ("2020/clear_looks.tif", "occurrence.tif"):
        assert sha256(root / "maps" / name) == files[name]
        with rasterio.open(root / "maps" / name) as file:
            assert said.items() <= file.tags().items(), "a file says alone what the report says of all"


def test_in_a_region_too_both_engines_see_nothing_beyond_its_outline(root, model, settings, eelocal_url) -> None:
    """The network's windows end where the area does, in Earth Engine as here: the border is the same map."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = 1_900 * (1 + 0.15 * np.sin(5 * angle) + 0.05 * np.sin(41 * angle))
    middle = np.array([scenes.STRIPS[0].left + 3000, scenes.STRIPS[0].top - 2400])
    ring = (middle + np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])).tolist()
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    crs = {"type": "name", "properties": {"name": scenes.CRS}}
    write_text(root / "region.geojson", json.dumps({**shape, "crs": crs}))

    def make(*overrides: str):
        own = ("~study.areas.map.strips", f"+study.areas.map.region={root}/region.geojson", f"earth.url={eelocal_url}")
        run(settings(*ONE_YEAR, *own, *overrides))
        return maps(root)

    earth = make("predict.engine=earth", "predict.tile_size=96")
    assert 0.3 < (earth[0] != 255).mean() < 0.9
    assert_equal(earth, make("predict.engine=local", "predict.tile_size=2048"), model.threshold)


def test_stored_tiles_give_the_map_that_fetching_gives(tmp_path, model, settings, eelocal_url) -> None:
    from water_gee.tiles.stage import run as download

    choice = settings(
        *ONE_YEAR, f"earth.url={eelocal_url}", "predict.engine=local", "tiles.areas=[map]", "tiles.size=192"
    )
    run(choice)
    fetched = maps(tmp_path)
    download(choice)
    asked = []
    from water_gee.maps import engines

    original = engines.fetch
    engines.fetch = lambda *arguments, **more: asked.append(arguments) or original(*arguments, **more)
    try:
        run(choice)
    finally:
        engines.fetch = original
    assert asked == []
    assert_equal(fetched, maps(tmp_path), model.threshold)


def test_tiles_of_another_season_are_not_taken_for_this_one(tmp_path, model, settings, eelocal_url, capsys) -> None:
    from water_gee.tiles.stage import run as download

    common = (*ONE_YEAR, f"earth.url={eelocal_url}", "predict.engine=local", "tiles.areas=[map]", "tiles.size=192")
    run(settings(*common, "study.months=[6,6]"))
    fetched = maps(tmp_path)
    download(settings(*common))
    run(settings(*common))
    assert not np.array_equal(maps(tmp_path)[1], fetched[1], equal_nan=True)
    assert "tiles_sha256" in read_sealed(tmp_path / "maps" / "maps.json", "")
    capsys.readouterr()
    run(settings(*common, "study.months=[6,6]"))
    assert "stored tiles are of other choices, outlines or scenes than today's" in capsys.readouterr().err
    assert "tiles_sha256" not in read_sealed(tmp_path / "maps" / "maps.json", "")
    assert_equal(fetched, maps(tmp_path), model.threshold)


def test_a_service_that_fails_leaves_no_map(root, settings, eelocal_url, monkeypatch) -> None:
    from water_gee.maps import engines

    original, asked = engines.fetch, []

    def failing(*arguments, **more):
        asked.append(arguments)
        if len(asked) == 4:
            raise EarthError("computation timed out")
        return original(*arguments, **more)

    choice = settings(*ONE_YEAR, f"earth.url={eelocal_url}", "predict.engine=earth", "predict.tile_size=160")
    monkeypatch.setattr(engines, "fetch", failing)
    with pytest.raises(EarthError, match=r"1 of \d+ pieces .*computation timed out; no map was written"):
        run(choice)
    assert not (root / "maps").exists()
    first = len(asked)
    run(choice)
    assert len(asked) == first + 1
    assert (root / "maps" / "2020" / "water.tif").is_file()


def test_a_checkpoint_of_other_features(tmp_path, settings) -> None:
    finished.checkpoint(tmp_path, ("blue", "green"), kind="mlp")
    with pytest.raises(ModelError, match=r"the model reads blue, green but features.names is blue, green, red"):
        run(settings("predict.engine=local"))


def test_an_export_of_other_features_or_of_another_checkpoint(root, settings) -> None:
    content = read_sealed(root / "export" / "export.json", "")
    write_sealed(root / "export" / "export.json", {**content, "features": ["nir"]})
    with pytest.raises(ModelError, match=r"the model reads nir but features.names is blue"):
        run(settings("predict.engine=earth"))
    finished.checkpoint(root, seed=1)
    with pytest.raises(ExportError, match=r"another checkpoint .* run again: water-gee export"):
        run(settings("predict.engine=earth"))


def test_what_is_missing_is_named(tmp_path, settings) -> None:
    with pytest.raises(ModelError, match=r"model.json does not exist; run first: python train.py"):
        run(settings("predict.engine=earth"))
    finished.checkpoint(tmp_path)
    with pytest.raises(ExportError, match=r"run first: water-gee export"):
        run(settings("predict.engine=earth"))
    with pytest.raises(ConfigError, match=r"predict.runtime works with predict.engine=local only"):
        run(settings("predict.runtime=onnx"))
