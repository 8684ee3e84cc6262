"""A simulated study on disk: the folder catalog, its truth, its errors, and that it can be made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml

from simulated import SMALL_DATES, small_spec
from water_gee.errors import WaterGeeError
from water_gee.files import read_json, sha256
from water_gee.simulate import SimulationSpec, measure, simulate
from water_gee.simulate.figures import error_causes, quicklook, spectra_comparison
from water_gee.simulate.quality import HIDDEN, WATER
from water_gee.simulate.realism import LIMITS, PERCENTS, REAL_LAND, REAL_WATER, read_seasons, real_percentiles
from water_gee.simulate.sensor import to_reflectance
from water_gee.simulate.spectra import BANDS
from water_gee.simulate.stage import remake

_SCENES = "catalog/LANDSAT/LC08/C02/T1_L2"


def _hashes(raw: Path) -> dict[str, str]:
    return {str(path.relative_to(raw)): sha256(path) for path in sorted(raw.rglob("*")) if path.is_file()}


def test_one_seed_gives_the_same_bytes_and_another_seed_another_place(tmp_path: Path) -> None:
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        simulate(small_spec(seed, size=192, dates=SMALL_DATES[1:4:2]), tmp_path / name)
    first, again, other = (_hashes(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first if name.endswith(".tif"))


def test_scenes_are_a_folder_catalog_of_landsat_numbers(study: Path) -> None:
    scenes = sorted((study / _SCENES).glob("*.tif"))
    assert len(scenes) == 2 * len(SMALL_DATES)
    for path in scenes:
        with rasterio.open(path) as source:
            assert source.descriptions == (*BANDS, "QA_PIXEL")
            assert source.dtypes[0] == "uint16" and source.nodata == 0
            assert source.crs.to_epsg() == 32648 and source.res == (30.0, 30.0)
            assert source.transform.c % 7680 == 0 and source.transform.f % 7680 == 0
            numbers = source.read()
        fill = numbers[-1] == 1
        assert np.array_equal(fill, (numbers[:-1] == 0).all(axis=0))
        assert np.array_equal(fill, (numbers[:-1] == 0).any(axis=0))
        assert numbers[:-1].max() <= 65455
        properties = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert properties["system:index"] == path.stem
        assert 40 < properties["SUN_ELEVATION"] < 62 and 120 < properties["SUN_AZIMUTH"] < 160
        assert 0 <= properties["CLOUD_COVER"] <= 100
        assert properties["WRS_ROW"] == 23 and str(properties["WRS_PATH"]) in path.stem
    assert (study / "catalog/COPERNICUS/DEM/GLO30/simulated_131023_DEM.json").is_file()


def test_the_truth_is_the_fraction_above_one_half(study: Path) -> None:
    for path in (study / "reference").glob("*.tif"):
        with rasterio.open(path) as source:
            water = source.read(1)
        with rasterio.open(study / "fraction" / path.name.replace("water", "fraction")) as source:
            fraction = source.read(1)
        assert set(np.unique(water)) == {0, 1}
        assert np.all(fraction[water == 1] >= 50) and np.all(fraction[water == 0] <= 50)


def test_the_water_bit_is_the_rule_on_what_the_sensor_saw(study: Path) -> None:
    for path in sorted((study / _SCENES).glob("*.tif"))[:2]:
        with rasterio.open(path) as source:
            numbers = source.read()
        clear = (numbers[-1] & (HIDDEN | 1)) == 0
        nir = to_reflectance(numbers[:-1])[3]
        called = (numbers[-1] & WATER) > 0
        assert nir[clear & called].max() < 0.13  # 0.11 at the top of the atmosphere
        assert np.median(nir[clear & ~called]) > 0.15


def test_boundaries_surround_the_strips(study: Path) -> None:
    for role, path in (("train", 131), ("test", 135)):
        content = read_json(study / "boundaries" / f"{role}.geojson")
        (feature,) = content["features"]
        assert feature["properties"]["path"] == path
        ring = np.array(feature["geometry"]["coordinates"][0])
        assert np.array_equal(ring[0], ring[-1])
        assert 99 < ring[:, 0].min() < ring[:, 0].max() < 107 and 51 < ring[:, 1].min() < ring[:, 1].max() < 53


def test_errors_have_their_causes(study: Path) -> None:
    report = read_json(study / "simulation.json")["realism"]
    assert report == measure(study)
    label = report["qa_label"]["pooled"]
    assert 0.02 <= label["commission"] <= 0.2 and 0.02 <= label["omission"] <= 0.2  # small strips are mostly edge
    causes = label["causes"]
    for name in ("lava", "burn", "terrain_shadow", "narrow", "edge", "reeds"):
        assert causes[name]["wrong"] > 0, name
        assert causes[name]["rate"] > 5 * causes["land"]["rate"], name
    assert report["mndwi"]["pooled"]["causes"]["snow"]["wrong"] > causes["snow"]["wrong"]
    for kind in ("commission", "omission"):
        parts = sum(cause["share"] for cause in causes.values() if cause["kind"] == kind)
        assert parts == pytest.approx(label[kind], abs=1e-3)


def test_figures_show_every_band_and_cause(study: Path, tmp_path: Path) -> None:
    report = measure(study)
    for name, draw in (("spectra", spectra_comparison), ("causes", error_causes)):
        figure = draw(report)
        assert len(figure.axes) == 2
        figure.savefig(tmp_path / f"{name}.png")
    true, false = quicklook(next((study / _SCENES).glob("*.tif")))
    assert true.shape == false.shape == (256, 256, 3) and true.std() > 10


def test_median_spectra_are_within_the_range_of_real_pixels(study: Path) -> None:
    report = measure(study)
    for kind, real in (("water", REAL_WATER), ("land", REAL_LAND)):
        for band, row in zip(BANDS, real, strict=True):
            assert row[0] <= report[f"{kind}_percentiles"][band][2] <= row[-1], (kind, band)


def test_the_real_percentiles_are_what_was_measured(real_scenes: Path) -> None:
    for measured, stored in zip(real_percentiles(real_scenes), (REAL_WATER, REAL_LAND), strict=True):
        assert measured.shape == (len(BANDS), len(PERCENTS))
        np.testing.assert_allclose(measured, np.array(stored), atol=2e-4)


def test_remaking_replaces_its_own_files_and_nobody_elses(tmp_path: Path) -> None:
    raw = tmp_path / "data" / "raw"
    spec = small_spec(1, size=192, dates=SMALL_DATES[:1])
    remake(spec, raw)
    stale = raw / _SCENES / "LC08_131023_19990101.tif"
    stale.write_bytes(b"")
    remake(spec, raw)
    assert not stale.exists()
    assert sorted(path.name for path in raw.parent.iterdir()) == ["raw"]
    (raw / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(WaterGeeError, match=r"mine\.txt"):
        remake(spec, raw)
    with pytest.raises(WaterGeeError, match="water-gee simulate"):
        list(read_seasons(tmp_path))


@pytest.mark.slow
def test_the_default_study_is_as_real_as_it_must_be(tmp_path: Path) -> None:
    conf = Path(__file__).parents[2] / "conf" / "simulate" / "default.yaml"
    spec = SimulationSpec(**yaml.safe_load(conf.read_text(encoding="utf-8")))
    report = simulate(spec, tmp_path)["realism"]
    label = report["qa_label"]["pooled"]
    for kind in ("commission", "omission"):
        assert LIMITS[0] <= label[kind] <= LIMITS[1]
    assert all(0.06 <= share <= 0.12 for share in report["water_share"].values())
    causes = label["causes"]
    assert all(causes[name]["wrong"] > 50 for name in ("lava", "burn", "terrain_shadow", "turbid", "narrow", "edge"))
    megabytes = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) / 1e6
    assert megabytes <= 36
