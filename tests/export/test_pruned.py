"""`export.prune`: what is exported, mapped and measured is the pruned network, and no other."""

import json
import shutil

import pytest
import rasterio

from finished import checkpoint
from water_gee.denoise.stage import run as run_denoise
from water_gee.errors import ExportError, ModelError
from water_gee.evaluation import judged
from water_gee.experiments.select import choose
from water_gee.export import deployed, stage
from water_gee.files import sha256
from water_gee.maps.stage import run as run_predict
from water_gee.models import Checkpoint, load_checkpoint, multiply_adds
from water_gee.paths import Layout
from water_gee.report.cost import run as run_cost
from water_gee.runs import all_runs
from water_gee.tiles.stage import run as run_tiles
from water_gee.tracking.database import connect

PRUNE = ("export.prune=0.7", "export.prune_epochs=1", "export.parity_pixels=8000", "trainer.accelerator=cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("pruned")


@pytest.fixture
def ready(settings, eelocal_url, root):
    """Settings of a root with tiles, labels and a selected checkpoint."""

    def composed(*overrides):
        own = (f"earth.url={eelocal_url}", "study.years=[2020]", f"paths.root={root}", "denoise=none")
        return settings(*own, *overrides)

    if not (root / "models").exists():
        run_tiles(composed())
        run_denoise(composed())
        checkpoint(root, tuple(composed().features.names))
    return composed


def runs(layout):
    return [record.name for _, record in all_runs(layout)]


def test_the_pruned_network_is_proven_and_deployed(ready, root):
    layout = Layout(root)
    stage.run(ready(*PRUNE))
    report = json.loads((layout.export / "export.json").read_text(encoding="utf-8"))
    pruned, full = load_checkpoint(layout.export / "model.ckpt"), load_checkpoint(layout.models / "model.ckpt")
    assert report["parity"]["equal"] and report["parity"]["flips"] == 0
    assert multiply_adds(pruned.network) <= 0.3 * multiply_adds(full.network)
    assert report["macs_per_pixel"] <= multiply_adds(pruned.network) and report["pruned"] == 0.7
    assert report["threshold"] == pruned.threshold and report["temperature"] == pruned.temperature
    assert report["checkpoint_sha256"] == sha256(layout.export / "model.ckpt")
    assert report["selected_sha256"] == sha256(layout.models / "model.ckpt") == pruned.metadata["pruned_from"]
    assert deployed(layout).path == layout.export / "model.ckpt"
    assert "pruned" in (layout.export / "README.md").read_text(encoding="utf-8")


def test_both_engines_map_with_the_pruned_network(ready, root):
    layout, maps = Layout(root), {}
    stage.run(ready(*PRUNE))
    for engine in ("earth", "local"):
        run_predict(ready(f"predict.engine={engine}"))
        with rasterio.open(layout.maps / "2020" / "probability.tif") as file:
            maps[engine] = file.read(1, masked=True)
            assert file.tags()["checkpoint_sha256"] == sha256(layout.export / "model.ckpt")
    assert (maps["earth"].mask == maps["local"].mask).all()
    assert abs(maps["earth"] - maps["local"]).max() <= 1e-5


def test_the_run_is_in_mlflow_made_once_and_never_selected_by_default(ready, root):
    layout = Layout(root)
    stage.run(ready(*PRUNE))
    stage.run(ready(*PRUNE))
    assert runs(layout).count("pixelcnn prune=0.7") == 1
    folder, record = next(run for run in all_runs(layout) if run[1].name == "pixelcnn prune=0.7")
    run = connect(layout).get_run(record.run_id)
    macs = multiply_adds(load_checkpoint(folder / "model.ckpt").network)
    assert run.data.metrics["model/macs_per_pixel"] == macs
    assert (
        run.data.metrics["valid/iou"]
        == json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["validation"]["iou"]
    )
    assert run.data.params["prune"] == "0.7" and run.data.params["model"] == "pixelcnn"
    with pytest.raises(ModelError, match="no finished run"):
        choose(Layout.of(ready()), None)


def test_cost_compares_the_shares_and_logs_the_figure(ready, root, capsys):
    layout = Layout(root)
    run_cost(ready(*PRUNE, "export.shares=[0.7,0.9]"))
    rows = (layout.reports / "cost" / "accuracy_cost.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("network,run,macs_per_pixel,share,validation_iou,test_iou_") and len(rows) == 3
    assert (layout.reports / "cost" / "accuracy_cost.png").stat().st_size > 10_000
    folder = layout.runs / rows[1].split(",")[-5]
    tallies = judged(ready(), Checkpoint(folder / "model.ckpt", "")).tallies
    tested = {name: tally.total("model").iou for name, tally in tallies.items()}
    assert rows[1].endswith(f"{next(iter(tested.values())):.4f}")
    client = connect(layout)
    experiment = client.get_experiment_by_name("tiny")
    (logged,) = client.search_runs([experiment.experiment_id], "tags.kind = 'cost'")
    names = {item.path for item in client.list_artifacts(logged.info.run_id)}
    assert names == {"accuracy_cost.png", "accuracy_cost.csv"}


def test_another_selection_or_no_pruning_deploys_the_selected_one(ready, root, tmp_path):
    layout = Layout(root)
    stage.run(ready(*PRUNE))
    selected, kept = layout.models / "model.ckpt", tmp_path / "models"
    shutil.copytree(layout.models, kept)
    checkpoint(root, tuple(ready().features.names), seed=1)
    try:
        assert deployed(layout).path == selected
        with pytest.raises(ExportError, match="water-gee export"):
            run_predict(ready("predict.engine=earth"))
    finally:
        shutil.copytree(kept, layout.models, dirs_exist_ok=True)
    assert deployed(layout).path == layout.export / "model.ckpt"
    stage.run(ready("export.parity_pixels=8000"))
    assert deployed(layout).path == selected and not (layout.export / "model.ckpt").exists()
