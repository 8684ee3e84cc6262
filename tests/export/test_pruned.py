"""A pruned network is exported, mapped and measured like any other: what is selected is what is deployed."""

import json

import pytest
import rasterio

from finished import checkpoint
from water_gee.denoise.stage import run as run_denoise
from water_gee.evaluation import EvaluationArea, count_checkpoint
from water_gee.experiments.cost import run as run_cost
from water_gee.experiments.job import run_job
from water_gee.experiments.select import run as run_select
from water_gee.export import stage
from water_gee.files import sha256
from water_gee.maps.stage import run as run_predict
from water_gee.models import Checkpoint, load_checkpoint, multiply_adds
from water_gee.paths import Layout
from water_gee.tiles.stage import run as run_tiles
from water_gee.tracking import connect

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("pruned")


@pytest.fixture
def ready(settings, eelocal_url, root):
    """Settings of a root with tiles and labels, where a network was pruned by 0.7 and selected."""

    def composed(*overrides):
        own = (f"earth.url={eelocal_url}", "study.years=[2020]", f"paths.root={root}", "denoise=none")
        return settings(*own, "trainer.accelerator=cpu", "trainer.epochs=1", "export.parity_pixels=8000", *overrides)

    if not (root / "models").exists():
        run_tiles(composed())
        run_denoise(composed())
        checkpoint(root, tuple(composed().features.names))
        (root / "models" / "model.ckpt").rename(root / "whole.ckpt")
        run_job(composed("prune.from=whole.ckpt", "prune.share=0.7", "run.name=small"), [])
        run_select(composed("select.run=small"))
    return composed


def test_the_pruned_network_is_proven_and_mapped_by_both_engines(ready, root):
    layout, maps = Layout(root), {}
    stage.run(ready())
    report = json.loads((layout.export / "export.json").read_text(encoding="utf-8"))
    pruned, full = load_checkpoint(layout.models / "model.ckpt"), load_checkpoint(root / "whole.ckpt")
    assert report["parity"]["equal"] and report["parity"]["flips"] == 0
    assert multiply_adds(pruned.network) <= 0.3 * multiply_adds(full.network)
    assert report["macs_per_pixel"] <= multiply_adds(pruned.network)
    assert report["threshold"] == pruned.threshold and report["temperature"] == pruned.temperature
    assert report["checkpoint_sha256"] == sha256(layout.runs / "small" / "model.ckpt")
    assert "pruned" in (layout.export / "README.md").read_text(encoding="utf-8")
    for engine in ("earth", "local"):
        run_predict(ready(f"predict.engine={engine}"))
        with rasterio.open(layout.maps / "2020" / "probability.tif") as file:
            maps[engine] = file.read(1, masked=True)
            assert file.tags()["checkpoint_sha256"] == report["checkpoint_sha256"]
    assert (maps["earth"].mask == maps["local"].mask).all()
    assert abs(maps["earth"] - maps["local"]).max() <= 1e-5


def test_cost_compares_the_shares_and_logs_the_figure(ready, root):
    layout = Layout(root)
    run_cost(ready("cost.shares=[0.4]"))
    rows = (layout.reports / "cost" / "accuracy_cost.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("network,run,macs_per_pixel,share,validation_iou,test_iou_") and len(rows) == 3
    assert (layout.reports / "cost" / "accuracy_cost.png").stat().st_size > 10_000
    folder = layout.runs / rows[1].split(",")[-5]
    tallies = count_checkpoint(EvaluationArea.of(ready()), Checkpoint(folder / "model.ckpt", "")).tallies
    tested = {name: tally.total("model").iou for name, tally in tallies.items()}
    assert rows[1].endswith(f"{next(iter(tested.values())):.4f}")
    client = connect(layout)
    experiment = client.get_experiment_by_name("tiny")
    (logged,) = client.search_runs([experiment.experiment_id], "tags.kind = 'cost'")
    names = {item.path for item in client.list_artifacts(logged.info.run_id)}
    assert names == {"accuracy_cost.png", "accuracy_cost.csv"}
