"""Which checkpoint becomes models/model.ckpt."""

import json
import shutil

import pytest
import torch

from labelled import quick_settings, write_labelled_tiles
from vouched import vouch_for_labels, vouch_for_run
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, ModelError
from water_gee.experiments.select import run
from water_gee.files import read_json, sha256, write_json
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, load_checkpoint, save_checkpoint
from water_gee.paths import Layout
from water_gee.runs.lineage import lineage
from water_gee.runs.records import FAILED, FINISHED, RunRecord
from water_gee.tiles import clean_path, read_manifest, read_raster, write_raster

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A root with tiles and labels, and their lineage."""
    root = tmp_path_factory.mktemp("prepared")
    layout = write_labelled_tiles(root)
    return root, lineage(layout, training_records(layout), root).plain()


@pytest.fixture
def root(tmp_path, prepared):
    """A root with tiles and labels, and no run yet."""
    return shutil.copytree(prepared[0], tmp_path / "root")


@pytest.fixture
def finished_run(root, prepared):
    """A function that leaves a run as training does, and returns its checkpoint."""

    def write(name, *, started, status=FINISHED, study="sample", iou=0.5, origin=None):
        torch.manual_seed(int(started))
        network = PixelNetwork(Standardise([0.0], [1.0]), build_body("mlp", 1, [2]), ["nir"])
        known = prepared[1] if origin is None else origin
        metadata = {"run": name, "run_id": f"id-{name}", "study": study, "lineage": known}
        layout = Layout(root)
        folder = layout.runs / name
        save_checkpoint(folder / "model.ckpt", TrainedModel(network, "mlp", (2,), metadata=metadata))
        write_json(folder / "metrics.json", {"validation": {"iou": iou}, "parameters": 10})
        (folder / "curves.csv").write_text(f"epoch,valid_iou\n0,{iou}\n", encoding="utf-8")
        vouch_for_run(layout, RunRecord(name, f"id-{name}", status, "k", study, "", started, lineage=known), name)
        return folder / "model.ckpt"

    return write


def selected(root, *overrides):
    run(quick_settings(root, *overrides))
    return read_json(root / "models" / "model.json")


def test_the_train_stages_own_run_comes_first(root, finished_run, prepared):
    own = finished_run("repro", started=1)
    finished_run("better", started=2, iou=0.9)
    known = selected(root)
    assert known["run"] == "repro" and known["sha256"] == sha256(own) == sha256(root / "models" / "model.ckpt")
    assert known["tiles_csv"] == prepared[1]["tiles_csv"] and known["study"] == "sample"
    assert load_checkpoint(root / "models" / "model.ckpt").features == ("nir",)
    assert sha256(root / "models" / "curves.csv") == known["curves_sha256"] == sha256(own.parent / "curves.csv")


def test_without_it_the_best_run_of_the_present_data_by_the_rule_not_the_newest(root, finished_run):
    finished_run("best", started=1, iou=0.9)
    finished_run("newest", started=2, iou=0.8)
    finished_run("failed", started=3, iou=0.99, status=FAILED)
    finished_run("elsewhere", started=4, iou=0.99, study="hls_chips")
    finished_run("other-data", started=5, iou=0.99, origin={"tiles": "t", "labels": "l"})
    known = selected(root)
    assert known["run"] == "best" and "best by the rule" in known["rule"]


def test_the_stages_own_run_of_other_labels_is_passed_over(root, finished_run, capsys):
    finished_run("repro", started=1)
    path = clean_path(Layout(root), "train", read_manifest(Layout(root))[0].id)
    raster = read_raster(path, "")
    raster.values[0, 30, 30] = 1 - raster.values[0, 30, 30]
    write_raster(path, raster.values, raster.names, crs="EPSG:32648", transform=raster.transform)
    vouch_for_labels(Layout(root, "sample"))
    with pytest.raises(ModelError, match="no finished run of the study sample on its present tiles and labels"):
        selected(root)
    assert "runs/repro is of other tiles or labels" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["folder", "id", "file", "relative"])
def test_a_run_is_named_by_folder_id_or_file(root, finished_run, how):
    finished_run("repro", started=2)
    path = finished_run("wanted", started=1)
    name = {"folder": "wanted", "id": "id-wanted", "file": str(path), "relative": "runs/wanted/model.ckpt"}[how]
    assert selected(root, f"select.run={name}")["run"] == "wanted"


def test_under_dvc_a_name_that_may_change_its_meaning_is_refused(root, finished_run, monkeypatch):
    path = finished_run("wanted", started=1)
    monkeypatch.setenv("DVC_STAGE", "select")
    for name in (str(path), "champion"):
        with pytest.raises(ModelError, match=r"without DVC's notice; write the run's id there"):
            selected(root, f"select.run={name}")
    assert selected(root, "select.run=id-wanted")["run"] == "wanted"


def test_selecting_twice_writes_the_same_bytes(root, finished_run):
    finished_run("repro", started=1)
    selected(root)
    before = (root / "models" / "model.json").read_bytes()
    selected(root)
    assert (root / "models" / "model.json").read_bytes() == before


@pytest.mark.parametrize("name", ["model.ckpt", "curves.csv"])
def test_a_file_that_was_changed_since_the_run_ended_is_found(root, finished_run, name):
    path = finished_run("repro", started=1).with_name(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name} is not the file that its report names"):
        selected(root)


def test_a_record_that_was_changed_leaves_the_run_out(root, finished_run, capsys):
    path = finished_run("repro", started=1).with_name("run.json")
    path.write_text(
        path.read_text(encoding="utf-8").replace('"study": "sample"', '"study": "simple"'), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="no finished run"):
        selected(root)
    assert "run.json was changed since it was written" in capsys.readouterr().err


def test_another_studys_model_is_not_overwritten(root, finished_run):
    finished_run("repro", started=1)
    selected(root)
    before = (root / "models" / "model.ckpt").read_bytes()
    with pytest.raises(ConfigError, match=r"models holds the study sample; give tiny a root of its own"):
        run(quick_settings(root, "study.name=tiny", "select.run=repro"))
    assert (root / "models" / "model.ckpt").read_bytes() == before


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ((), r"no finished run.*run first: python train\.py"),
        (("select.run=nothing",), r"no run or checkpoint file has that name; no run is finished"),
        (("select.run=failed",), r"select\.run=failed: that run is FAILED"),
        (("select.run=broken.ckpt",), r"not a Water_gee checkpoint"),
    ],
)
def test_what_cannot_be_selected_is_said_in_one_line(root, finished_run, overrides, told):
    finished_run("failed", started=1, status=FAILED)
    (root / "broken.ckpt").write_bytes(b"no")
    with pytest.raises(ModelError, match=told) as error:
        selected(root, *overrides)
    assert "\n" not in str(error.value)
    assert not (root / "models").exists()


def test_without_a_champion_its_name_says_what_to_run(root, finished_run):
    finished_run("repro", started=1)
    with pytest.raises(ModelError, match="has none yet; run first: water-gee promote"):
        selected(root, "select.run=champion")


def test_the_best_run_may_be_of_trees_which_earth_engine_runs_too(root, finished_run):
    finished_run("network", started=1)
    trees = finished_run("trees", started=2, iou=0.9)
    (trees.parent / "config.yaml").write_text("model: {name: boosted}\n", encoding="utf-8")
    assert selected(root)["run"] == "trees"


def test_promoted_runs_that_are_not_here_are_to_be_pulled(root):
    (root / "promoted.dvc").write_text(json.dumps({"outs": []}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"promoted runs are not here yet; run first: dvc pull promoted\.dvc"):
        selected(root, "select.run=0123")
