"""Files that the configuration names: a change of what they hold is noticed, by DVC and by a stage that runs."""

import shutil
from pathlib import Path

import pytest
import yaml

from water_gee.config import compose as composing
from water_gee.config import configure
from water_gee.config.compose import compose
from water_gee.config.configure import check_composed, stages_with_files
from water_gee.config.inputs import file_keys, marks, parts
from water_gee.config.settings import Settings, load
from water_gee.errors import ConfigError
from water_gee.pipeline import render

PROJECT = Path(__file__).parents[2]
KEYS = ("study.areas", "study.references", "bodies.names", "bodies.earlier", "evaluate.points", "prune.from",
        "distil.from")  # fmt: skip
FOUND = {
    "study.areas.map.region": ("map.shp", ("map.dbf", "map.prj")),
    "study.references.truth.path": ("truth/{year}.tif", ("truth/2019.tif.msk", "truth/2020.tif", "truth/2019.tfw")),
    "bodies.names": ("names.gpkg", ("names.gpkg-wal",)),  # what QGIS has saved lies there for as long as it runs
    "bodies.earlier": ("earlier.gdb", ("earlier.gdb/a.gdbtable",)),
    "evaluate.points": ("labels.geojson", ("survey/survey.json",)),
}


def write(path: Path, text: str = "one") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's choices, which name a file of each kind outside of `data/raw` and `conf`."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    study = tmp_path / "conf" / "study" / "sample.yaml"
    text = study.read_text(encoding="utf-8")
    text = text.replace("map: {strips: [[131, 23], [135, 23]]}", "map: {region: map.shp}")
    study.write_text(text.replace("data/raw/reference/water_{year}_*.tif", "truth/{year}.tif"), encoding="utf-8")
    for file, key in (("bodies", "names"), ("bodies", "earlier"), ("evaluate", "points")):
        path = tmp_path / "conf" / file / "default.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump({**content, key: FOUND[f"{file}.{key}"][0]}), encoding="utf-8")
    for name in ("map.shp", "truth/2019.tif", "names.gpkg", "earlier.gdb/gdb", "labels.geojson"):
        write(tmp_path / name)
    for module in (composing, configure):
        monkeypatch.setattr(module, "repository", lambda: tmp_path)
    composing.params.cache_clear()
    yield tmp_path
    composing.params.cache_clear()


def settings_of(root: Path, *overrides: str) -> Settings:
    return load(compose([f"paths.root={root}", *overrides]))


def test_the_keys_that_name_files_are_found_by_their_type(project: Path) -> None:
    assert set(file_keys()) == set(KEYS)
    assert set(marks(settings_of(project), file_keys())) == set(FOUND)
    assert set(stages_with_files()) == {"tiles", "train", "export", "predict", "bodies", "evaluate"}


@pytest.mark.parametrize("key", FOUND)
def test_what_a_file_holds_and_what_lies_beside_it_counts(project: Path, key: str) -> None:
    settings = settings_of(project)
    before = marks(settings, KEYS)
    for name in FOUND[key][1]:
        write(project / name, "another")
        after = marks(settings, KEYS)
        assert {one for one in after if after[one] != before[one]} == {key}, name
        before = after
    assert marks(settings, ["seed"]) == {}


def test_files_that_dvc_looks_at_and_a_result_of_the_stages_own_are_left_out(project: Path) -> None:
    for name in ("data/raw/map.shp", "data/raw/2019.tif", "bodies/bodies.parquet"):
        write(project / name)
    chosen = ("study.areas.map.region=data/raw/map.shp", "study.references.truth='data/raw/{year}.tif'")
    assert marks(settings_of(project, *chosen), ["study"]) == {}
    assert set(marks(settings_of(project, "bodies.earlier=bodies/bodies.parquet"), ["bodies"])) == {"bodies.names"}


def test_a_file_that_is_not_there_has_no_hash_until_it_is(project: Path) -> None:
    (project / "names.gpkg").unlink()
    assert set(marks(settings_of(project), ["bodies"])) == {"bodies.earlier"}


def test_a_checkpoint_counts_where_it_is_a_file_and_not_where_it_is_a_run(project: Path) -> None:
    write(project / "data/raw/teacher.ckpt")
    before = marks(settings_of(project, "prune.from=a1b2c3", "distil.from=data/raw/teacher.ckpt"), ["prune", "distil"])
    assert set(before) == {"distil.from"}
    write(project / "data/raw/teacher.ckpt", "another")
    after = marks(settings_of(project, "distil.from=data/raw/teacher.ckpt"), ["prune", "distil"])
    assert set(after) == {"distil.from"} and after != before


def test_an_empty_log_beside_a_geopackage_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "one.gpkg")
    write(tmp_path / "one.gpkg-wal", "")
    assert parts(tmp_path / "one.gpkg") == [tmp_path / "one.gpkg"]


def test_the_pipeline_looks_at_them_each_time(project: Path, monkeypatch, capsys) -> None:
    settings = settings_of(project)
    monkeypatch.setenv("DVC_STAGE", "configure")
    assert set(configure.looked_for(settings)) == set(FOUND)
    write(project / "dvc.yaml", yaml.safe_dump({"stages": {"configure": {"cmd": "of another form"}}}, indent=4))
    with pytest.raises(ConfigError, match=r"study\.areas\.map\.region: DVC would not notice that map\.shp was changed"):
        configure.run(settings)
    write(project / "dvc.yaml", render())
    configure.run(settings)
    assert (project / "dvc.yaml").read_text(encoding="utf-8") == render(always=True)
    assert "study.areas.map.region: DVC does not see map.shp" in capsys.readouterr().err
    configure.run(settings)
    held = yaml.safe_load((project / "composed.yaml").read_text(encoding="utf-8"))["files"]
    assert set(held) == set(stages_with_files()) and set(held["bodies"]) == {"bodies.names", "bodies.earlier"}
    check_composed(settings, "evaluate")
    write(project / "labels.geojson", "more labels")
    check_composed(settings, "bodies")
    with pytest.raises(ConfigError, match=r"evaluate\.points: its file was changed while dvc repro was running"):
        check_composed(settings, "evaluate")
    configure.run(settings)
    after = yaml.safe_load((project / "composed.yaml").read_text(encoding="utf-8"))["files"]
    assert [name for name in held if held[name] != after[name]] == ["evaluate"]
