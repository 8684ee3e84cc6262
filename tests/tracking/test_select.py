"""Which checkpoint becomes models/model.ckpt."""

import pytest
import torch

from labelled import quick_settings
from water_gee.errors import ModelError
from water_gee.files import read_json, sha256
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, load_checkpoint, save_checkpoint
from water_gee.paths import Layout
from water_gee.tracking.folders import FAILED, FINISHED, RunRecord, write_record
from water_gee.tracking.select import run


def finished_run(root, name, *, started, status=FINISHED, study="sample"):
    torch.manual_seed(int(started))
    network = PixelNetwork(Standardise([0.0], [1.0]), build_body("mlp", 1, [2]), ["nir"])
    metadata = {"run": name, "run_id": f"id-{name}", "study": study, "lineage": {"tiles_csv": "t", "git_commit": "c"}}
    folder = Layout(root).runs / name
    save_checkpoint(folder / "model.ckpt", TrainedModel(network, "mlp", (2,), metadata=metadata))
    write_record(folder, RunRecord(name, f"id-{name}", status, "k", study, "", started))
    return folder / "model.ckpt"


def selected(root, *overrides):
    run(quick_settings(root, *overrides))
    return read_json(root / "models" / "model.json")


def test_the_train_stages_own_run_comes_first(tmp_path):
    own = finished_run(tmp_path, "repro", started=1)
    finished_run(tmp_path, "newer", started=2)
    known = selected(tmp_path)
    assert known["run"] == "repro" and known["sha256"] == sha256(own) == sha256(tmp_path / "models" / "model.ckpt")
    assert (known["tiles_csv"], known["git_commit"]) == ("t", "c")
    assert load_checkpoint(tmp_path / "models" / "model.ckpt").features == ("nir",)


def test_without_it_the_newest_finished_run_of_the_study(tmp_path):
    finished_run(tmp_path, "older", started=1)
    finished_run(tmp_path, "newer", started=2)
    finished_run(tmp_path, "failed", started=3, status=FAILED)
    finished_run(tmp_path, "elsewhere", started=4, study="hls_chips")
    known = selected(tmp_path)
    assert known["run"] == "newer" and "newest finished run" in known["rule"]


@pytest.mark.parametrize("how", ["folder", "id", "file", "relative"])
def test_a_run_is_named_by_folder_id_or_file(tmp_path, how):
    finished_run(tmp_path, "repro", started=2)
    path = finished_run(tmp_path, "wanted", started=1)
    name = {"folder": "wanted", "id": "id-wanted", "file": str(path), "relative": "runs/wanted/model.ckpt"}[how]
    assert selected(tmp_path, f"select.run={name}")["run"] == "wanted"


def test_selecting_twice_writes_the_same_bytes(tmp_path):
    finished_run(tmp_path, "repro", started=1)
    selected(tmp_path)
    before = (tmp_path / "models" / "model.json").read_bytes()
    selected(tmp_path)
    assert (tmp_path / "models" / "model.json").read_bytes() == before


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ((), r"no finished run.*run first: python train\.py"),
        (("select.run=nothing",), r"no folder of runs/.*no run is finished"),
        (("select.run=failed",), r"select\.run=failed: that run is FAILED"),
        (("select.run=broken.ckpt",), r"not a Water_gee checkpoint"),
    ],
)
def test_what_cannot_be_selected_is_said_in_one_line(tmp_path, overrides, told):
    finished_run(tmp_path, "failed", started=1, status=FAILED)
    (tmp_path / "broken.ckpt").write_bytes(b"no")
    with pytest.raises(ModelError, match=told) as error:
        selected(tmp_path, *overrides)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()


def test_without_a_champion_its_name_says_what_to_run(tmp_path):
    finished_run(tmp_path, "repro", started=1)
    with pytest.raises(ModelError, match="has none yet; run first: water-gee promote"):
        selected(tmp_path, "select.run=champion")


def test_the_newest_run_is_not_one_that_earth_engine_cannot_run(tmp_path):
    finished_run(tmp_path, "network", started=1)
    trees = finished_run(tmp_path, "trees", started=2)
    (trees.parent / "config.yaml").write_text("model: {name: boosted}\n")
    assert selected(tmp_path)["run"] == "network"
