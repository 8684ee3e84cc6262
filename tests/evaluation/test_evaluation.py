"""The figures are those that scikit-learn gives on the same pixels for every method."""

import numpy as np
import pytest
import rasterio
from sklearn import metrics as sklearn

import finished
from vouched import vouch_for_labels
from water_gee.errors import ConfigError, ModelError, TileError
from water_gee.evaluation import METHODS, EvaluationArea
from water_gee.evaluation import assess as assess_area
from water_gee.evaluation.view import Judge, views
from water_gee.models import load_checkpoint, predict
from water_gee.tiles import clean_path, load_tile, read_manifest, write_manifest

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"
ONE_YEAR = "study.years=[2020]"


def assess(settings):
    return assess_area(EvaluationArea.of(settings))


@pytest.fixture
def assessed(tmp_path, settings):
    finished.write_root(tmp_path)
    return assess(settings(REFERENCE, ONE_YEAR, "evaluate.resamples=200"))


def answers(root) -> dict[str, np.ndarray]:
    """Return, straight from the arrays, what each method says of the tiles' own pixels, the truth, and which count."""
    content = finished.land()
    core = (slice(finished.MARGIN, -finished.MARGIN),) * 2
    model = load_checkpoint(root / "models" / "model.ckpt")
    share = content["share"][core]
    return {
        "model": predict(model, content["features"]) >= model.threshold,
        "qa_water": share >= 0.5,
        "mndwi_0": content["features"][5][core] > 0,
        "truth": content["truth"][core],
        "counts": content["seen"][core] & ~np.isnan(share),
    }


def test_every_measure_on_one_set_of_pixels(tmp_path, assessed) -> None:
    known = answers(tmp_path)
    counts, truth = known["counts"], known["truth"]
    assert set(assessed.metrics) == {"truth"} and set(assessed.metrics["truth"]) == set(METHODS)
    for method in METHODS:
        found, said, real = assessed.metrics["truth"][method], known[method][counts], truth[counts]
        assert found["pixels"] == counts.sum() < counts.size
        assert found["iou"] == pytest.approx(sklearn.jaccard_score(real, said))
        assert found["f1"] == pytest.approx(sklearn.f1_score(real, said))
        assert found["precision"] == pytest.approx(sklearn.precision_score(real, said))
        assert found["recall"] == pytest.approx(sklearn.recall_score(real, said))
        assert found["kappa"] == pytest.approx(sklearn.cohen_kappa_score(real, said))
        assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(real, said))


def test_the_metrics_are_the_contract_and_nothing_more(assessed) -> None:
    content = assessed.metrics
    measures = {"iou", "f1", "precision", "recall", "kappa", "accuracy", "pixels"}
    assert {name: set(methods) for name, methods in content.items()} == {"truth": set(METHODS)}
    assert all(set(values) == measures for values in content["truth"].values())


def test_details_hold_years_intervals_and_the_denoised_label(tmp_path, settings) -> None:
    finished.write_root(tmp_path, (2019, 2020))
    found = assess(settings(REFERENCE, "evaluate.block=32", "evaluate.resamples=200"))
    details = found.details["references"]["truth"]
    assert details["places"] == 16  # each place once, however many years it was seen in
    assert (
        sum(year["model"]["pixels"] for year in details["by_year"].values())
        == found.metrics["truth"]["model"]["pixels"]
    )
    for method in METHODS:
        interval = details["iou_intervals"][method]
        assert interval["low"] <= found.metrics["truth"][method]["iou"] <= interval["high"]
    difference = details["iou_differences"]["model - qa_water"]
    assert difference["low"] <= difference["difference"] <= difference["high"]
    denoised = details["where_denoised"]
    assert denoised["clean_label"]["iou"] == 1.0  # it was made from the truth
    assert (
        denoised["clean_label"]["pixels"] == denoised["qa_water"]["pixels"] < found.metrics["truth"]["model"]["pixels"]
    )
    for method, interval in denoised["iou_intervals"].items():
        assert interval["low"] <= denoised[method]["iou"] <= interval["high"]
    difference = denoised["iou_difference"]
    assert difference["difference"] == 1.0 - denoised["qa_water"]["iou"]
    assert 0 < difference["low"] <= difference["difference"] <= difference["high"]
    assert found == assess(settings(REFERENCE, "evaluate.block=32", "evaluate.resamples=200"))


def test_mended_and_damaged_labels_are_counted(tmp_path, settings) -> None:
    """Of the raw labels, right or wrong, how many did denoising change, and how many did it leave open."""
    layout = finished.write_root(tmp_path)
    known = answers(tmp_path)
    top, *others = read_manifest(layout)
    for record in (top, *others):
        path = clean_path(layout, record.area, record.id)
        with rasterio.open(path, "r+") as file:
            bands = file.read()
            bands[0] = 255  # a tile whose labels speak nowhere
            if record == top:
                bands[0, : finished.MARGIN + 8] = 1  # 8 rows of the tile's own are said to be water, the others land
                bands[0, finished.MARGIN + 8 :] = 0
            bands[1] = np.where(bands[0] == 255, np.nan, 1)
            file.write(bands)
    vouch_for_labels(layout)
    found = assess(settings(REFERENCE, ONE_YEAR, "evaluate.resamples=100")).details["references"]["truth"]
    window = top.tile.window
    own = window.within(finished.LATTICE)
    said = np.zeros((finished.SIZE, finished.SIZE), dtype=bool)
    said[:8] = True
    raw, truth, counts = (known[name][own] for name in ("qa_water", "truth", "counts"))
    everywhere = known["counts"]
    wrong = everywhere & (known["qa_water"] != known["truth"])
    assert found["where_denoised"]["fates"] == {
        "mended": (counts & (raw != truth) & (said == truth)).sum(),
        "still_wrong": (counts & (raw != truth) & (said != truth)).sum(),
        "wrong_left_open": wrong.sum() - (counts & (raw != truth)).sum(),
        "damaged": (counts & (raw == truth) & (said != truth)).sum(),
        "still_right": (counts & (raw == truth) & (said == truth)).sum(),
        "right_left_open": (everywhere & ~wrong).sum() - (counts & (raw == truth)).sum(),
    }
    assert min(found["where_denoised"]["fates"].values()) > 0
    assert found["where_denoised"]["clean_label"]["pixels"] == counts.sum()


def test_a_study_without_references_has_no_metrics(tmp_path, settings, capsys) -> None:
    finished.write_root(tmp_path)
    assert assess(settings("~study.references", ONE_YEAR)).metrics == {}
    assert "names no reference" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "name", "other"), [(0, "land", "water"), (1, "water", "land")])
def test_a_reference_of_one_class_is_said_to_be_half_of_one(tmp_path, settings, capsys, value, name, other) -> None:
    finished.write_root(tmp_path)
    capsys.readouterr()
    assess(settings(REFERENCE, ONE_YEAR, "evaluate.resamples=100"))
    assert "study.references.truth" not in capsys.readouterr().err
    finished.reference(tmp_path / "reference" / "water_2020_a.tif", np.full_like(finished.land()["truth"], value))
    assess(settings(REFERENCE, ONE_YEAR, "evaluate.resamples=100"))
    assert f"study.references.truth: on the clear pixels of the area test it shows {name} and no {other}" in (
        capsys.readouterr().err
    )


def test_mndwi_is_made_of_its_bands_where_it_is_no_feature(tmp_path, settings, assessed, monkeypatch) -> None:
    monkeypatch.setattr(finished, "FEATURES", tuple(name if name != "mndwi" else "index" for name in finished.FEATURES))
    finished.write_root(tmp_path)
    finished.checkpoint(tmp_path, finished.FEATURES)
    again = assess(settings(REFERENCE, ONE_YEAR))
    assert again.metrics["truth"]["mndwi_0"] == assessed.metrics["truth"]["mndwi_0"]
    monkeypatch.setattr(finished, "FEATURES", tuple("abcdefgh"))
    finished.write_root(tmp_path)
    finished.checkpoint(tmp_path, finished.FEATURES)
    with pytest.raises(TileError, match=r"MNDWI needs the band mndwi, or green and swir1, and the tiles hold a, b"):
        assess(settings(REFERENCE, ONE_YEAR))


class TestBadInput:
    """Each ends in one line that names the fix."""

    @pytest.fixture
    def root(self, tmp_path):
        finished.write_root(tmp_path)
        return tmp_path

    def fails(self, settings, error, match, *overrides: str) -> None:
        with pytest.raises(error, match=match) as caught:
            assess(settings(*(overrides or (REFERENCE,)), ONE_YEAR))
        assert "\n" not in str(caught.value)

    def test_no_file_of_a_reference(self, root, settings) -> None:
        pattern = "study.references={truth: 'nowhere/{year}*.tif'}"
        self.fails(settings, ConfigError, r"study.references.truth: no file matches nowhere/\{year\}\*.tif", pattern)

    def test_a_reference_elsewhere(self, root, settings) -> None:
        (root / "reference" / "water_2020_a.tif").unlink()
        finished.reference(root / "reference" / "water_2020_a.tif", finished.land()["truth"], shift=(300_000, 0))
        self.fails(settings, TileError, r"the reference truth does not overlap the clear pixels of the area test")

    def test_a_reference_of_other_values(self, root, settings) -> None:
        finished.reference(root / "reference" / "water_2020_a.tif", finished.land()["truth"] * 7)
        self.fails(
            settings, TileError, r"holds the value 7; say by study.references.truth.values or ranges what is water"
        )

    @pytest.mark.parametrize(("nodata", "name"), [(0, "land"), (1, "water")])
    def test_a_reference_whose_class_is_its_nodata(self, root, settings, nodata, name) -> None:
        with rasterio.open(root / "reference" / "water_2020_a.tif", "r+") as file:
            file.nodata = nodata
        self.fails(settings, ConfigError, rf"truth: .*names {nodata} as its nodata, so that all {name}")

    def test_a_broken_reference(self, root, settings) -> None:
        (root / "reference" / "water_2020_a.tif").write_bytes(b"not a raster")
        self.fails(settings, TileError, r"water_2020_a.tif cannot be read .*; replace the file")

    def test_a_model_of_other_features(self, root, settings) -> None:
        finished.checkpoint(root, ("blue", "ndvi"))
        self.fails(settings, ModelError, r"the model reads blue, ndvi but the tiles hold blue, green, red")

    def test_a_margin_that_is_too_narrow(self, root, settings, monkeypatch) -> None:
        monkeypatch.setattr(finished, "MARGIN", 1)
        finished.write_root(root, margin=1)
        self.fails(settings, TileError, r"needs a margin of 3 pixels and the tiles have 1; set tiles.margin=3")

    def test_no_checkpoint(self, root, settings) -> None:
        (root / "models" / "model.ckpt").unlink()
        self.fails(settings, ModelError, r"model.ckpt does not exist; run again: water-gee select")
        (root / "models" / "model.json").unlink()
        self.fails(settings, ModelError, r"model.json does not exist; run first: python train.py")

    def test_no_tiles_of_the_area(self, root, settings) -> None:
        layout = finished.Layout(root, "tiny")
        write_manifest(layout, [])
        self.fails(settings, TileError, r"no tile of the area test to evaluate on \(there is none\)")
        assert read_manifest(layout) == []


def test_real_chips_give_the_figures_that_others_measured(real_scenes, tmp_path) -> None:
    """The quality band and MNDWI on path 135, as the scenes' README states them; the model here is a random one."""
    from water_gee.config.compose import compose
    from water_gee.config.settings import load
    from water_gee.tiles.stage import run

    choice = load(compose(["study=hls_chips", f"paths.root={tmp_path}", "tiles.areas=[test]"]))
    run(choice)
    finished.checkpoint(tmp_path, study="hls_chips")
    metrics = assess(choice).metrics
    found = {(name, method): round(metrics[name][method]["iou"], 3) for name in metrics for method in METHODS[1:]}
    assert found == {
        ("plausible", "qa_water"): 0.794, ("plausible", "mndwi_0"): 0.745,
        ("all", "qa_water"): 0.651, ("all", "mndwi_0"): 0.604,
    }  # fmt: skip


def test_a_model_of_some_of_the_tiles_features_is_given_those_in_its_order(tmp_path) -> None:
    layout = finished.write_root(tmp_path)
    record = read_manifest(layout)[0]
    tile = load_tile(layout, record)
    for names in (("nir", "blue"), ("swir1",)):
        (view,) = views(layout, [record], Judge(lambda features: features[-1], names, 0, 0.5), [])
        np.testing.assert_array_equal(view.probability, tile.band(names[-1])[tile.core])
