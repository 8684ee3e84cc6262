"""`water-gee denoise-bench`: every method on every rung, once, a kill or not; and no method sees the truth."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from denoise.synthetic import bytes_below
from ladder.grounded import AREAS, ladder_settings
from water_gee.config.settings import Settings
from water_gee.denoise import METHODS, CleanLabel, Raw
from water_gee.denoise.method import TileByTile
from water_gee.errors import ConfigError, TileError, WaterGeeError
from water_gee.experiments import denoise_bench as stage
from water_gee.ladder.bench import Bench, Measured
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

V1 = "ladder.methods=[none,v1]"
seen: list = []


@dataclass(frozen=True)
class Spy(TileByTile):
    """Stands in for v1: keeps what it is given, and gives the labels back."""

    samples: int = 1000
    heavy: ClassVar[bool] = False

    def __call__(self, tile, seed: int, learned=None) -> CleanLabel:
        seen.append((tile, seed, learned))
        return Raw(3)(tile)


@pytest.fixture
def spy(monkeypatch):
    seen.clear()
    monkeypatch.setitem(METHODS, "v1", Spy)
    return seen


@pytest.fixture
def no_drawing(monkeypatch):
    monkeypatch.setattr(stage, "draw", lambda path, ladders: path.write_bytes(b"drawn"))
    monkeypatch.setattr(stage, "log_report", lambda *arguments: None)


def measured(root, *overrides):
    settings = ladder_settings(root, *overrides)
    return Bench.of(settings).measured()


def results(root):
    return bytes_below(root / "reports/ladder/results")


def test_a_method_that_changes_nothing_leaves_what_was_put_in(root) -> None:
    rows = measured(root, "ladder.kinds=[shadow,blocks]", "ladder.rates=[10,20]", "ladder.seeds=[0,1]").rows
    assert [(row.kind, row.rate, row.method) for row in rows] == [
        (kind, rate, "none") for kind in ("shadow", "blocks") for rate in (10, 20)
    ]
    for row in rows:
        put, left = row.measures["put"]["all"], row.measures["left"]["all"]
        assert put.value == pytest.approx(row.rate / 100, abs=1e-3)
        assert put.value - 0.03 < left.value <= put.value  # some near fill lost their label
        assert left.low < left.value < left.high
        assert row.measures["damage"]["all"].value == 0 and 0.8 < row.measures["coverage"]["all"].value < 1
        assert (row.measures["commission"]["all"].value == 0) == (row.kind == "blocks")


def test_no_method_sees_the_truth(root, spy) -> None:
    measured(root, V1, "ladder.kinds=[flips]", "ladder.rates=[30]")
    assert len(spy) == 8
    bench = Bench.of(ladder_settings(root))
    stored = {tile.record: tile for area in AREAS for ground in bench.ground(area) for tile in ground.tiles}
    for tile, seed, learned in spy:
        own = stored[tile.record]
        assert isinstance(seed, int) and learned is None
        assert vars(tile).keys() == vars(own).keys() and tile.beside.keys() == own.beside.keys()
        bands = [(tile.features, own.features), *((band, own.beside[name]) for name, band in tile.beside.items())]
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in bands)
        assert (tile.names, tile.transform) == (own.names, own.transform)
        ground = next(one for one in bench.ground(own.record.area) if own.record in [each.record for each in one.tiles])
        assert (tile.label != ground.truth[ground.cut(own)])[tile.label != 255].mean() > 0.02


def test_equal_seeds_give_equal_results_and_a_second_bench_does_nothing(root, spy) -> None:
    first, files = measured(root, V1), results(root)
    assert len(files) == 8 and len(spy) == 16
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.json")}
    assert measured(root, V1) == first and len(spy) == 16
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.json")} == before
    for path in (root / "reports/ladder/results").rglob("*.json"):
        path.unlink()
    assert measured(root, V1) == first and results(root) == files


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ("denoise=v1 denoise.samples=7", 16),  # the settings of the method
        ("evaluate.block=48", 16),
        ("ladder.tiles=1", 4),
        ("ladder.seeds=[0,1]", 16),
        ("evaluate.resamples=200", 0),
        ("model=mlp", 0),
    ],
)
def test_what_depends_on_a_change_is_done_again_and_nothing_else(root, spy, change, done) -> None:
    measured(root, V1)
    spy.clear()
    measured(root, V1, *change.split())
    assert len(spy) == done


def test_another_truth_or_tile_or_a_damaged_result_is_done_again(root, spy) -> None:
    measured(root, V1)
    spy.clear()
    path = next((root / "reports/ladder/results").rglob("train_shadow_10_0_v1.json"))
    path.write_text(path.read_text(encoding="utf-8").replace('"rate": 10', '"rate": 11'), encoding="utf-8")
    measured(root, V1)
    assert [tile.record.area for tile, _, _ in spy] == ["train"] * 4
    reference = root / "reference/water_2020_test.tif"
    reference.write_bytes((root / "reference/water_2020_train.tif").read_bytes())
    with pytest.raises(TileError, match=r"truth shows no water on the clear pixels of the area test; correct study"):
        measured(root, V1)


def test_a_method_learns_from_each_area_alone(root, monkeypatch) -> None:
    from denoise.surveying import Middle

    monkeypatch.setitem(METHODS, "v1", Middle)
    lessons = []
    monkeypatch.setattr(Middle, "learn", lambda self, surveys, seed: _learn(lessons, list(surveys)))
    measured(root, V1, "ladder.kinds=[flips]")
    assert lessons == [
        ["2020_c0001_r0007", "2020_c0001_r0008", "2020_c0002_r0007", "2020_c0002_r0008"],
        ["2020_c0021_r0007", "2020_c0021_r0008", "2020_c0022_r0007", "2020_c0022_r0008"],
    ]


def _learn(lessons, surveys):
    lessons.append([record.id for record, _ in surveys])
    return {"tiles": [], "middle": 0.1, "seed": 0}


COMMAND = """
import sys, time
sys.path[:0] = {paths!r}
from ladder.grounded import ladder_settings
from water_gee.ladder import bench
from water_gee.paths import Layout
clean = bench.clean
bench.clean = lambda *arguments: (time.sleep(0.4), clean(*arguments))[1]
settings = ladder_settings({root!r}, "ladder.kinds=[flips,blocks,shore]")
bench.Bench.of(settings).measured()
"""


def test_a_killed_bench_goes_on_to_the_same_end(root) -> None:
    kinds = "ladder.kinds=[flips,blocks,shore]"
    command = COMMAND.format(paths=[str(Path(__file__).parents[1])], root=str(root))
    process = subprocess.Popen([sys.executable, "-c", command], env={**os.environ})
    folder, deadline = root / "reports/ladder/results", time.monotonic() + 180
    while len(list(folder.rglob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in folder.rglob("[!.]*.json")}
    assert 2 <= len(done) < 6
    after = measured(root, kinds)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    files = results(root)
    for path in folder.rglob("*.json"):
        path.unlink()
    assert measured(root, kinds) == after and {k: v for k, v in files.items() if ".tmp" not in k} == results(root)


def test_networks_learn_from_noisy_mended_and_true_labels(root, spy) -> None:
    own = (V1, "ladder.kinds=[flips]", "ladder.training.rates=[10]", "ladder.training.epochs=1", "model=mlp",
           "trainer.accelerator=cpu", "data.crop=16", "trainer.threads=1")  # fmt: skip
    taught = measured(root, *own).taught
    assert [(one.kind, one.rate) for one in taught] == [("flips", 10)]
    networks = {one.name: one for one in taught[0].networks}
    assert {*networks} == {"truth", "none", "v1"}
    assert networks["none"].difference == 0 and 0.3 < networks["truth"].iou <= 1
    assert networks["v1"].iou == networks["none"].iou  # it gives the labels back
    spy.clear()
    assert measured(root, *own).taught == taught and spy == []


def test_the_command_writes_tables_and_a_report_that_names_them(root, no_drawing, capsys) -> None:
    stage.run(ladder_settings(root))
    folder = root / "reports/ladder"
    report = read_sealed(folder / "ladder.json", "")
    assert report["study"] == "sample" and {*report["files"]} == {"ladder.csv", "networks.csv", "ladder.png"}
    lines = (folder / "ladder.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 3 and lines[1].startswith("sample,shadow,10,none,all,")
    output = capsys.readouterr().out
    assert "put in" in output and "none" in output and "shadow" in output
    write_sealed(folder / "ladder.json", {**report, "study": "other"})
    with pytest.raises(ConfigError, match="holds the study other"):
        stage.run(ladder_settings(root))


def test_figure_and_metrics_reach_mlflow(root) -> None:
    from water_gee.tracking.database import connect

    settings = ladder_settings(root, "ladder.rates=[10,20]")
    stage.run(settings)
    client = connect(Layout.of(settings))
    run = client.search_runs([one.experiment_id for one in client.search_experiments()])[0]
    assert run.data.tags["kind"] == "ladder"
    course = client.get_metric_history(run.info.run_id, "sample/shadow/none/left")
    assert [one.step for one in course] == [10, 20] and course[1].value == pytest.approx(0.2, abs=0.03)
    names = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert names == {"ladder.csv", "ladder.json", "ladder.png", "networks.csv"}


def test_a_study_beside_has_a_root_of_its_own_and_is_left_out_without_its_scenes(
    root, no_drawing, monkeypatch, capsys
) -> None:
    from water_gee.tiles import stage as tiles

    fetched = []
    monkeypatch.setattr(tiles, "run", lambda settings: fetched.append((settings.study.name, settings.paths.root)))
    monkeypatch.setattr(stage.Bench, "of", classmethod(lambda cls, settings, home: _Stub(settings, home)))
    monkeypatch.delenv("WATER_GEE_SCENES", raising=False)
    stage.run(ladder_settings(root, "ladder.studies=[hls_chips,sample]"))
    assert fetched == [] and "WATER_GEE_SCENES; it is left out" in capsys.readouterr().err.replace("\n", " ")
    monkeypatch.setenv("WATER_GEE_SCENES", str(root))
    stage.run(ladder_settings(root, "ladder.studies=[hls_chips]", "seed=3"))
    assert fetched == [("hls_chips", str(root / "work/ladder/hls_chips"))]
    report = read_sealed(root / "reports/ladder/ladder.json", "")
    assert [(one["study"], one["reference"]) for one in report["studies"]] == [("sample", "3"), ("hls_chips", "3")]
    with pytest.raises(ConfigError, match="study=hls: there is no"):
        stage.run(ladder_settings(root, "ladder.studies=[hls]"))


@dataclass(frozen=True)
class _Stub:
    """Stands in for a bench: measures nothing, and says its seed in place of the reference."""

    settings: Settings
    home: Layout

    def measured(self) -> Measured:
        assert self.home.study == "sample"
        return Measured(self.settings.study.name, str(self.settings.seed), [], [])


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        (
            ["ladder.methods=[magic]"],
            ConfigError,
            "ladder.methods: 'magic' is unknown; choose from confident, label_model, ",
        ),
        (["study.references={truth: 'nowhere/*.tif'}"], ConfigError, "study.references.truth: no file matches"),
        (["ladder.kinds=[fog]"], ConfigError, "ladder.kinds.0: "),
        (["ladder.rates=[60]"], ConfigError, "ladder.rates.0: input should be less than or equal to 50"),
        (["ladder.rates=[10,10]"], ConfigError, "ladder.rates: a value is listed twice"),
        (["ladder.areas=[nowhere]"], ConfigError, "ladder.areas: the study sample has no area 'nowhere'"),
        (["ladder.areas=[map]"], TileError, "no tile of the area map has a clear pixel; run: water-gee tiles"),
        (["ladder.seeds=[3]"], ConfigError, "ladder: training.seeds holds 0, which is none of seeds"),
    ],
)
def test_a_mistake_is_one_line(root, overrides, error, words) -> None:
    with pytest.raises(error) as raised:
        measured(root, *overrides)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_the_truth_is_asked_for(root) -> None:
    settings = ladder_settings(root)
    bare = settings.model_copy(update={"study": settings.study.model_copy(update={"references": {}})})
    with pytest.raises(ConfigError, match=r"names no reference: the ladder needs the truth; add study\.references"):
        Bench.of(bare)


def test_tiles_are_asked_for(tmp_path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/water_2020_a.tif").write_bytes(b"no tiff")
    with pytest.raises(WaterGeeError, match="there are no tiles yet"):
        measured(tmp_path)
