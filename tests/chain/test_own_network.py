"""A network of the user's own through the whole chain: trained, tracked, selected, exported, proven, mapped, judged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
import rasterio
import torch
import yaml
from mlflow import MlflowClient

import own_networks
from chain.conftest import PROJECT
from water_gee.config import compose as composing
from water_gee.config import configure
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.denoise.stage import run as denoise
from water_gee.errors import ConfigError
from water_gee.experiments.job import run_job
from water_gee.experiments.select import run as select
from water_gee.export.stage import run as export
from water_gee.files import read_json
from water_gee.maps.stage import run as predict
from water_gee.models import load_checkpoint
from water_gee.paths import Layout
from water_gee.pipeline import current
from water_gee.report.stage import run as evaluate
from water_gee.tiles import load_tile, read_manifest
from water_gee.tiles.stage import run as tiles
from water_gee.tracking import connect
from water_gee.tracking.logged_model import model_of


@pytest.fixture
def settings(world, eelocal_url, tmp_path, monkeypatch) -> Callable[..., Settings]:
    """A function from overrides to the settings of the tiny study with the network `mine`."""
    conf = tmp_path / "conf"
    shutil.copytree(world / "conf", conf)
    shutil.copytree(own_networks.CONF, conf, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(own_networks.FOLDER))
    where = ["study=tiny", f"earth.url={eelocal_url}", "study.years=[2020]", f"paths.root={tmp_path / 'root'}"]
    quick = ["tiles.size=64", "denoise=none", "trainer.epochs=3", "trainer.accelerator=cpu", "data.crop=32"]
    short = ["export.parity_pixels=8000", "predict.area=test", "evaluate.resamples=100"]
    return lambda *more: load(compose(["model=mine", *where, *quick, *short, *more], str(conf)))


def test_it_goes_from_tiles_to_a_map_that_is_what_the_module_answers(settings):
    for stage in (tiles, denoise):
        stage(settings())
    job = run_job(settings("run.name=first"), ["model=mine"])
    for stage in (select, export, predict, evaluate):
        stage(settings("select.run=first"))
    layout = Layout.of(settings())
    parity = read_json(layout.export / "export.json")["parity"]
    assert parity["equal"] and parity["flips"] == 0 and parity["max_abs"] <= 1e-5
    (by_reference,) = read_json(layout.reports / "metrics.json").values()
    assert by_reference["model"]["iou"] > 0.5
    check_map(layout)
    check_logged(connect(layout), job.run_id)


def check_map(layout: Layout) -> None:
    """Compare the map with the user's module itself: standardised by hand, and the sigmoid of its log-odds."""
    model = load_checkpoint(layout.models / "model.ckpt")
    module, standard = model.network.body.network, model.network.standardise
    assert type(module).__name__ == "Residual" and model.network.radius == 2
    with rasterio.open(layout.maps / "2020" / "probability.tif") as file:
        whole, transform = file.read(1), file.transform
    compared = 0
    for record in read_manifest(layout):
        if (record.area, record.status) != ("test", "ok"):
            continue
        tile, side, inset = load_tile(layout, record), record.size, record.margin - 2
        raw = torch.from_numpy(tile.features)[None]
        raw = raw.masked_fill(raw.isnan().any(dim=1, keepdim=True), torch.nan)
        with torch.no_grad():
            logit = module(torch.nan_to_num((raw - standard.mean) / standard.deviation, nan=0.0))
        answer = torch.sigmoid(logit / model.temperature)[0, 0].numpy()[inset : inset + side, inset : inset + side]
        column, row = (round(place) for place in ~transform @ (tile.transform @ (record.margin, record.margin)))
        y, x = max(row, 0), max(column, 0)  # a tile may reach beyond the map
        part = whole[y : row + side, x : column + side]
        answer = answer[y - row : y - row + part.shape[0], x - column : x - column + part.shape[1]]
        there = ~np.isnan(part)
        np.testing.assert_allclose(part[there], answer[there], atol=1e-5)
        compared += int(there.sum())
    assert compared > 5000


def check_logged(client: MlflowClient, run_id: str) -> None:
    """Check what MLflow shows of the network, and that it serves it with a copy of its code."""
    run = client.get_run(run_id)
    wanted = {"model": "mine", "model.target": "mynets.residual.Residual", "model.width": "8", "lr": "0.01"}
    assert wanted.items() <= run.data.params.items() and len(run.data.params["model.code"]) == 16
    folder = Path(mlflow.artifacts.download_artifacts(client.get_logged_model(model_of(run)).artifact_location))
    copied = {path.relative_to(folder / "code").as_posix() for path in (folder / "code").rglob("*.py")}
    assert copied == {"mynets/__init__.py", "mynets/residual.py"}
    served = mlflow.pyfunc.load_model(str(folder))
    assert served.predict(np.zeros((1, 8, 6, 7), np.float32)).shape == (1, 2, 3)


def test_dvc_watches_its_source_and_sees_that_it_was_edited(tmp_path, monkeypatch):
    for name in ("conf", "params.yaml", "dvc.yaml"):
        copied = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copied(PROJECT / name, tmp_path / name)
    own_networks.write_network(tmp_path, "own_watched", "class Net(nn.Module): pass\n")
    params = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("model: pixelcnn", "model: own_watched"), encoding="utf-8")
    for module in (composing, configure):
        monkeypatch.setattr(module, "repository", lambda: tmp_path)
    composing.params.cache_clear()
    monkeypatch.setenv("DVC_STAGE", "configure")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        settings = load(compose([f"paths.root={tmp_path}"]))
        with pytest.raises(ConfigError, match=r"does not name own_watched/__init__.py, .*; run: make pipeline"):
            configure.run(settings)
        (tmp_path / "dvc.yaml").write_text(current(), encoding="utf-8")
        deps = yaml.safe_load(current())["stages"]["configure"]["deps"]
        assert deps[-2:] == ["own_watched/__init__.py", "own_watched/nets.py"]
        configure.run(settings)
        before = (tmp_path / "composed.yaml").read_text(encoding="utf-8")
        (tmp_path / "own_watched" / "nets.py").write_text("x = 1\n", encoding="utf-8")
        own_networks.forget("own_watched")
        configure.run(load(compose([f"paths.root={tmp_path}"])))
        assert (tmp_path / "composed.yaml").read_text(encoding="utf-8") != before
    finally:
        composing.params.cache_clear()
