"""The whole chain by `dvc repro` on a tiny study: what it writes, and what a change makes it run again."""

import csv
import json

import pytest
import rasterio

from water_gee.commands import commands
from water_gee.config.compose import compose
from water_gee.config.settings import load

FILES = (
    "data/tiles/tiles.csv", "data/clean/report.json", "runs/repro/model.ckpt", "models/model.ckpt", "models/model.json",
    "export/expression.json", "export/code_editor.js", "export/export.json", "maps/2019/water.tif",
    "maps/2020/probability.tif", "maps/area.csv", "reports/metrics.json", "reports/index.html",
    "catalogue/catalog.json",
)  # fmt: skip


def test_every_file_of_the_contract_is_there(reproduced) -> None:
    assert [name for name in FILES if not (reproduced.root / name).is_file()] == []
    assert list((reproduced.root / "data/clean/figures").glob("*.png"))
    assert list((reproduced.root / "reports/figures").glob("*.png"))


def test_the_metrics_have_the_contracts_shape_and_dvc_shows_them(reproduced) -> None:
    metrics = json.loads((reproduced.root / "reports/metrics.json").read_text(encoding="utf-8"))
    keys = {"iou", "f1", "precision", "recall", "kappa", "accuracy", "pixels"}
    assert {name: {method: set(values) for method, values in by.items()} for name, by in metrics.items()} == {
        "truth": {"model": keys, "qa_water": keys, "mndwi_0": keys}
    }
    pixels = {values["pixels"] for values in metrics["truth"].values()}
    assert len(pixels) == 1
    assert "truth.model.iou" in reproduced.run("dvc", "metrics", "show").stdout.replace("│", " ")


def test_the_exported_network_is_equal(reproduced) -> None:
    report = json.loads((reproduced.root / "export/export.json").read_text(encoding="utf-8"))
    assert report["parity"]["equal"] and report["parity"]["max_abs"] <= 1e-5
    assert report["parity"]["flips"] == 0
    assert report["calls"] <= 100


def test_the_maps_never_call_unseen_land(reproduced) -> None:
    root = reproduced.root / "maps" / "2020"
    with rasterio.open(root / "water.tif") as water, rasterio.open(root / "probability.tif") as probability:
        assert water.nodata == 255 and water.crs.to_epsg() == 32648 and water.transform == probability.transform
        unseen = probability.read_masks(1) == 0
        assert unseen.any()
        assert (water.read(1)[unseen] == 255).all()
    with (reproduced.root / "maps/area.csv").open(encoding="utf-8") as file:
        assert {row["year"] for row in csv.DictReader(file)} == {"2019", "2020"}


def test_a_second_repro_does_nothing(reproduced) -> None:
    outcome = reproduced.run("dvc", "repro")
    assert "Data and pipelines are up to date" in outcome.stdout + outcome.stderr
    assert "Running stage" not in outcome.stdout


def test_a_changed_key_makes_dvc_run_its_readers_and_back_again_nothing(reproduced) -> None:
    file = "conf/sensor/landsat8.yaml"
    before = (reproduced.root / file).read_text(encoding="utf-8")
    try:
        reproduced.replace(file, "water_bit: 7", "water_bit: 6")
        assert "configure" in reproduced.stale()
        reproduced.run("dvc", "repro", "configure")
        assert reproduced.stale() == {"tiles", "export", "predict"}
    finally:
        (reproduced.root / file).write_text(before, encoding="utf-8")
        reproduced.run("dvc", "repro", "configure")
    assert reproduced.stale() == set()


LONG = pytest.mark.slow


# DVC takes seconds to look: one key of each kind here, the others in the long tests; test_reads tries every key.
@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        pytest.param(
            "conf/study/tiny.yaml", "months: [6, 8]", "months: [6, 9]",
            {"tiles", "export", "predict", "evaluate"}, marks=LONG,
        ),
        ("conf/study/tiny.yaml", "water_{year}_*", "water_{year}*", {"evaluate"}),
        pytest.param("conf/dem/glo30.yaml", "band: DEM", "band: dem", {"tiles", "export", "predict"}, marks=LONG),
        ("conf/denoise/water_gee.yaml", "radius: 3", "radius: 4", {"denoise"}),
        pytest.param("conf/trainer/default.yaml", "patience: 4", "patience: 5", {"train"}, marks=LONG),
        ("params.yaml", "data: auto", "data: crops", {"train"}),
        pytest.param("params.yaml", "seed: 0", "seed: 1", {"denoise", "train", "evaluate"}, marks=LONG),
        ("params.yaml", "run: ", "run: repro", {"select"}),
        pytest.param("conf/evaluate/default.yaml", "area: test", "area: train", {"evaluate"}, marks=LONG),
        ("conf/earth/local.yaml", "workers: 2", "workers: 3", set()),
        pytest.param("conf/model/mlp.yaml", "lr: ", "lr: 1", set(), marks=LONG),
    ],
)  # fmt: skip
def test_a_changed_key_concerns_the_stages_that_read_it_and_no_other(
    reproduced, taken_for_repository, file, old, new, stages
) -> None:
    root = taken_for_repository(reproduced.root)
    paths = root / file, root / "composed.yaml"
    before = [path.read_bytes() for path in paths]
    try:
        reproduced.replace(file, old, new)
        commands()["configure"].run(load(compose([f"paths.root={root}"])))
        assert reproduced.stale() == {"configure", *stages}  # DVC has not seen yet that `configure` was run
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content)


def test_a_replaced_reference_makes_the_evaluation_stale(reproduced) -> None:
    path = next((reproduced.root / "data/raw/reference").glob("*.tif"))
    before = path.read_bytes()
    try:
        path.write_bytes(before + b" ")
        assert "evaluate" in reproduced.stale()
    finally:
        path.write_bytes(before)


@pytest.mark.slow
def test_a_changed_file_that_the_configuration_names_makes_its_stage_stale(reproduced, taken_for_repository) -> None:
    root = taken_for_repository(reproduced.root)
    paths = [root / name for name in ("conf/bodies/default.yaml", "dvc.yaml", "composed.yaml")]
    before, names = [path.read_bytes() for path in paths], root / "names.geojson"
    try:
        reproduced.replace("conf/bodies/default.yaml", "names: ", "names: names.geojson")
        names.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
        said = reproduced.run("dvc", "repro", "configure")
        assert "bodies.names: DVC does not see names.geojson" in said.stdout + said.stderr
        reproduced.run("dvc", "commit", "--force", "bodies")  # as if made with these names
        assert reproduced.stale() == {"configure"}  # always, as said
        names.write_text('{"type": "FeatureCollection", "features": [ ]}', encoding="utf-8")
        reproduced.run("dvc", "repro", "configure")
        assert reproduced.stale() == {"configure", "bodies"}
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content)
        names.unlink()
        reproduced.run("dvc", "repro", "configure")
        reproduced.run("dvc", "commit", "--force", "bodies")
