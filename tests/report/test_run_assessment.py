"""A run's checkpoint on the test area, and the comparison of all runs."""

import csv
import shutil

import pytest
import yaml

import finished
from labelled import write_labelled_tiles
from vouched import vouch_for_labels, vouch_for_run
from water_gee.denoise import training_records
from water_gee.errors import ModelError
from water_gee.evaluation import EvaluationArea, assess
from water_gee.experiments import comparison
from water_gee.models import save_checkpoint
from water_gee.paths import Layout
from water_gee.report.run_assessment import assess_run
from water_gee.runs.lineage import lineage
from water_gee.runs.records import FINISHED, RunRecord
from water_gee.tiles import read_manifest, write_manifest

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"
ONE_YEAR = "study.years=[2020]"


def test_a_run_is_judged_as_the_evaluation_does_it(tmp_path, settings):
    layout = finished.write_root(tmp_path)
    chosen = settings(REFERENCE, ONE_YEAR, "evaluate.resamples=200")
    folder = tmp_path / "figures"
    found = assess_run(EvaluationArea.of(chosen), layout.models / "model.ckpt", folder)
    assert found.metrics["truth"] == assess(EvaluationArea.of(chosen)).metrics["truth"]["model"]
    assert {"curves.png", "errors_2020.png", "errors_place_1.png"} <= {path.name for path in folder.iterdir()}
    assert [(one.name, one.context, len(one.digest)) for one in found.data] == [("reference truth", "test", 32)]


def test_without_a_reference_or_a_test_tile_there_is_nothing_to_judge(tmp_path, settings):
    layout = finished.write_root(tmp_path)
    checkpoint = layout.models / "model.ckpt"
    assert (
        assess_run(EvaluationArea.of(settings("~study.references", ONE_YEAR)), checkpoint, tmp_path / "figures") is None
    )
    write_manifest(layout, [])
    assert assess_run(EvaluationArea.of(settings(REFERENCE, ONE_YEAR)), checkpoint, tmp_path / "figures") is None


@pytest.fixture
def trained(tmp_path, settings):
    """A root with labelled training tiles, test tiles, and finished runs of two models."""
    layout = write_labelled_tiles(tmp_path)
    training = read_manifest(layout)
    layout = finished.write_root(tmp_path)
    write_manifest(layout, [*training, *read_manifest(layout)])
    vouch_for_labels(layout)
    origin = lineage(layout, training_records(layout), tmp_path).plain()
    for kind, seed in (("pixelcnn", 0), ("pixelcnn", 1), ("mlp", 0)):
        name = f"{kind}-{seed}"
        folder = layout.runs / name
        save_checkpoint(folder / "model.ckpt", finished.checkpoint(tmp_path, seed=seed, kind=kind))
        (folder / "metrics.json").write_text(f'{{"validation": {{"iou": 0.8{seed}}}}}', encoding="utf-8")
        (folder / "config.yaml").write_text(yaml.safe_dump({"model": {"name": kind}, "seed": seed}), encoding="utf-8")
        record = RunRecord(f"{kind} seed={seed}", name, FINISHED, name, "tiny", "", seed, lineage=origin)
        vouch_for_run(layout, record, name)
    return layout


def test_all_runs_stand_in_one_table_a_configuration_a_row(trained, settings, capsys):
    comparison.run(settings(REFERENCE, ONE_YEAR, "evaluate.resamples=200", "evaluate.block=32"))
    folder = trained.reports / "comparison"
    with (folder / "comparison.csv").open(encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert {name: row["runs"] for name, row in rows.items()} == {
        "qa_water": "1", "mndwi_0": "1", "pixelcnn": "2", "mlp": "1"
    }  # fmt: skip
    assert rows["pixelcnn"]["validation_iou"] == "0.8050" and float(rows["qa_water"]["difference"]) == 0
    for row in rows.values():
        assert float(row["low"]) <= float(row["test_iou"]) <= float(row["high"])
    assert (folder / "comparison.png").stat().st_size > 5000
    assert "against the reference" in capsys.readouterr().out


def test_without_runs_or_references_it_says_what_to_do(trained, settings):
    with pytest.raises(ModelError, match=r"study\.references"):
        comparison.run(settings("~study.references", ONE_YEAR))
    shutil.rmtree(trained.runs)
    with pytest.raises(ModelError, match=r"python train\.py"):
        comparison.run(settings(REFERENCE, ONE_YEAR))
    assert not (Layout(trained.root).reports / "comparison").exists()
