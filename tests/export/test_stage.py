"""`water-gee export` on the tiny study: proven first, then written, or nothing at all."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from finished import checkpoint
from vouched import vouch_for_model
from water_gee.errors import ExportError, ModelError, TileError
from water_gee.export import stage
from water_gee.export.ir import Conv
from water_gee.export.network import export_program
from water_gee.export.tracing import trace
from water_gee.models import CFMaskRule, TrainedModel, load_checkpoint, raw_network, save_checkpoint
from water_gee.paths import Layout
from water_gee.tiles import load_tile, read_manifest
from water_gee.tiles.stage import run as run_tiles
from water_gee.training.trees import boosted_trees

FEW = "export.parity_pixels=8000"  # where it is not the proof that is tested


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return {"root": tmp_path_factory.mktemp("export_stage")}


@pytest.fixture
def ready(settings, eelocal_url, shared):
    """Settings of a root with tiles and a checkpoint; the tiles are fetched once."""
    root = shared["root"]

    def composed(*overrides):
        return settings(f"earth.url={eelocal_url}", "study.years=[2020]", f"paths.root={root}", *overrides)

    if "tiles" not in shared:
        run_tiles(composed())
        shared["tiles"] = True
    checkpoint(root, tuple(composed().features.names))
    return composed


def test_the_stage_writes_a_proven_network(ready, shared):
    stage.run(ready("export.form=array"))
    folder = Layout(shared["root"]).export
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "code_editor.js",
        "export.json",
        "expression.json",
    ]
    report = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    parity = report["parity"]
    assert parity["equal"] and parity["max_abs"] <= 1e-5 and parity["flips"] == parity["mask_differences"] == 0
    clear = sum(r.clear_pixels for r in read_manifest(Layout(shared["root"])) if r.status == "ok")
    assert parity["pixels"] >= 0.9 * clear and parity["masked"] > 0
    assert report["proved_by"] == "eelocal" and report["calls"] <= 100
    assert report["bytes"] == len((folder / "expression.json").read_text(encoding="utf-8").strip())
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "ee.deserializer.fromJSON" in card and "stand-in" in card
    script = (folder / "code_editor.js").read_text(encoding="utf-8")
    assert "study tiny" in script and "var BEGIN = '2020-06-01'" in script


@pytest.fixture
def exported(ready, shared):
    """The folder export/ as a run with `FEW` leaves it; the run is made once."""
    folder = Layout(shared["root"]).export
    if "export" not in shared:
        stage.run(ready(FEW))
        shared["export"] = files_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in shared["export"].items():
        (folder / name).write_bytes(content)
    return folder


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_runs_write_the_same_bytes(ready, exported):
    first = files_of(exported)
    shutil.rmtree(exported)
    stage.run(ready(FEW))
    assert files_of(exported) == first


def test_nothing_but_ee_loads_it_in_three_lines(ready, exported, eelocal_url):
    """A process of its own that imports `ee` alone, against eelocal."""
    card = (exported / "README.md").read_text(encoding="utf-8")
    lines = card.split("```python\n")[1].split("```")[0]
    program = f"""
import ee, json, sys
from google.auth.credentials import AnonymousCredentials
ee.deprecation.deprecated_assets = {{"none": None}}
ee.Initialize(credentials=AnonymousCredentials(), project="local", url={eelocal_url!r})
image = ee.Image.constant([0.05, 0.04, 0.03, 0.02, 0.01, 0.6, 0.1, 0.1]).rename(
    {list(ready().features.names)!r})
{lines}
assert "water_gee" not in sys.modules
print(json.dumps([band["id"] for band in water.getInfo()["bands"]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=exported,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert json.loads(done.stdout) == ["water", "probability"]


def test_the_form_kernel_asks_the_service_first_and_is_proven_too(ready, shared):
    checkpoint(shared["root"], tuple(ready().features.names), kind="mlp")
    stage.run(ready("export.form=kernel", "export.logits=true"))
    report = json.loads((Layout(shared["root"]).export / "export.json").read_text(encoding="utf-8"))
    assert report["form"] == "kernel" and isinstance(report["flip"], bool) and report["parity"]["equal"]
    assert report["outputs"] == ["water", "probability", "logits"]


@pytest.mark.parametrize("kind", ["cfmask", "boosted"])
def test_baselines_of_comparisons_are_proven_too(ready, shared, kind):
    names = tuple(ready().features.names)
    body = CFMaskRule.of(names) if kind == "cfmask" else boosted_on(shared["root"])
    widths = body.widths if kind == "boosted" else ()
    layout = Layout(shared["root"], "tiny")
    save_checkpoint(layout.models / "model.ckpt", TrainedModel(raw_network(body, names), kind, tuple(widths)))
    vouch_for_model(layout)
    stage.run(ready())
    parity = json.loads((layout.export / "export.json").read_text(encoding="utf-8"))["parity"]
    assert parity["equal"] and parity["flips"] == 0 and parity["pixels"] > 5000, parity


def boosted_on(root):
    """Trees fitted to a tile's own pixels, whose histogram bins are at values that pixels have."""
    layout = Layout(root)
    record = next(record for record in read_manifest(layout) if record.status == "ok")
    values = load_tile(layout, record).features.reshape(8, -1).T
    values = np.unique(np.round(values[~np.isnan(values).any(axis=1)], 2), axis=0)
    body = boosted_trees(
        values, values[:, 5] > np.median(values[:, 5]), np.ones(len(values), np.float32),
        trees=12, leaves=15, lr=0.3, l2=1.0, seed=0,
    )  # fmt: skip
    return body


def test_a_network_that_differs_is_not_written_and_the_last_good_one_stays(ready, exported, monkeypatch):
    before = files_of(exported)

    def without_bias(network, features, options):
        def change(op):
            return replace(op, bias=op.bias + 0.01) if isinstance(op, Conv) else op

        return export_program(trace(network, features).rewritten(change), options, standardised=False)

    monkeypatch.setattr(stage, "export_network", without_bias)
    with pytest.raises(ExportError, match="differs from PyTorch"):
        stage.run(ready(FEW))
    assert files_of(exported) == before


def test_what_is_missing_or_does_not_fit_is_said_in_one_line(ready, shared, tmp_path):
    with pytest.raises(ModelError, match=r"train\.py"):
        stage.run(ready(f"paths.root={tmp_path}"))
    checkpoint(tmp_path, tuple(ready().features.names))
    with pytest.raises(TileError, match="water-gee tiles"):
        stage.run(ready(f"paths.root={tmp_path}"))
    checkpoint(shared["root"], ("blue", "green"))
    with pytest.raises(ExportError, match="reads the features blue, green"):
        stage.run(ready())
    checkpoint(shared["root"], tuple(ready().features.names))
    model = load_checkpoint(Layout(shared["root"]).models / "model.ckpt")
    with pytest.raises(ExportError, match=r"tiles\.margin=3"):
        stage.check(model, model.features, margin=1)


def test_tiles_of_much_and_of_little_fill_are_compared(shared, ready):
    records = [record for record in read_manifest(Layout(shared["root"])) if record.status == "ok"]
    few = stage.chosen(records, 1)
    assert len(few) == 1 and few[0].clear_pixels == min(record.clear_pixels for record in records)
    two = stage.chosen(records, few[0].clear_pixels + 1)
    assert two[1].clear_pixels == max(record.clear_pixels for record in records)
    assert len(stage.chosen(records, 10**9)) == len(records)
    with pytest.raises(ExportError, match="water-gee tiles"):
        stage.chosen([], 1)
