"""Names and folders of runs."""

import multiprocessing

import pytest

from water_gee.errors import ConfigError
from water_gee.paths import Layout
from water_gee.runs.lineage import this_process
from water_gee.runs.records import (
    FINISHED,
    RUNNING,
    RunRecord,
    all_runs,
    empty_folder,
    new_folder,
    read_record,
    run_name,
    write_record,
)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "mlp"),
        (["model=mlp", "seed=1"], "mlp seed=1"),
        (["model.lr=3e-3", "study=hls_chips", "paths.root=/x", "trainer.epochs=4"], "mlp lr=3e-3 epochs=4"),
        (["run.name=repro", "ckpt=last", "earth.catalog=DIR", "+data.batch=64"], "mlp batch=64"),
    ],
)
def test_a_run_is_named_by_what_differs(overrides, name):
    assert run_name("mlp", overrides) == name


def _make(root):
    return new_folder(Layout(root), "mlp seed=1").name


def test_processes_that_start_in_the_same_second_get_folders_of_their_own(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        names = pool.map(_make, [tmp_path] * 40)
    assert len(set(names)) == 40
    assert all("=" not in name and " " not in name for name in names)  # so that select.run=NAME can be written


def record(**changes):
    values = {"name": "a", "run_id": "1", "status": FINISHED, "key": "k", "study": "s", "process": "", "started": 1.0}
    return RunRecord(**{**values, **changes})


def test_records_come_back_the_newest_first_and_broken_ones_not_at_all(tmp_path):
    layout = Layout(tmp_path)
    for number in (2, 3, 1):
        folder = new_folder(layout, str(number))
        write_record(folder, record(name=str(number), started=float(number)))
    (new_folder(layout, "broken") / "run.json").write_text("{", encoding="utf-8")
    new_folder(layout, "bare")
    assert [one.name for _, one in all_runs(layout)] == ["3", "2", "1"]
    assert all_runs(Layout(tmp_path / "nowhere")) == []


def test_a_named_folder_is_emptied_unless_a_process_trains_in_it(tmp_path):
    layout = Layout(tmp_path)
    folder = empty_folder(layout, "repro")
    (folder / "old").touch()
    write_record(folder, record())
    assert list(empty_folder(layout, "repro").iterdir()) == []
    write_record(folder, record(status=RUNNING, process=this_process()))
    with pytest.raises(ConfigError, match=r"run\.name=repro"):
        empty_folder(layout, "repro")
    assert read_record(folder)


def test_a_finished_run_and_another_studys_are_not_overwritten(tmp_path):
    write_record(empty_folder(Layout(tmp_path, "s"), "mine"), record())
    with pytest.raises(ConfigError, match=r"run\.name=mine: that run is finished; choose another name, or delete"):
        empty_folder(Layout(tmp_path, "s"), "mine")
    write_record(empty_folder(Layout(tmp_path, "s"), "repro"), record())
    with pytest.raises(ConfigError, match=r"runs/repro holds the study s; give t a root of its own"):
        empty_folder(Layout(tmp_path, "t"), "repro")
    assert empty_folder(Layout(tmp_path, "s"), "repro").is_dir()
