"""A failure of the surroundings is one line that says where and what to do; a mistake of the program is a traceback."""

import errno
import io
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from rasterio.errors import RasterioIOError

from labelled import QUICK, quick_settings, write_labelled_tiles
from train_command import TRAIN, command, mlflow_runs
from water_gee import cli
from water_gee.commands import commands
from water_gee.experiments.job import run_job
from water_gee.files import atomic, write_text
from water_gee.paths import Layout
from water_gee.runs.records import FAILED, all_runs
from water_gee.surroundings import LONGEST, in_one_line, one_line
from water_gee.tracking import address, connect


def caught(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def chained(error, cause):
    error.__cause__ = cause
    return error


def full(path=None):
    return OSError(errno.ENOSPC, "No space left on device", path)


def of_sqlite(statement, path=":memory:"):
    return caught(lambda: sqlite3.connect(path).execute(statement))


def of_database(path):
    engine = sqlalchemy.create_engine(address(path))
    return caught(lambda: engine.connect().execute(sqlalchemy.text("SELECT 1 FROM sqlite_master")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (full("/disk/a.tif"), ["/disk/a.tif: No space left on device; free some space"]),
        (OSError(errno.EROFS, "Read-only file system", b"/disk/\xc3\xa9"), ["/disk/é: Read-only", "paths.root"]),
        (OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"), ["/b: Invalid cross-device link; mend"]),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/1"), ["cannot be written", "space"]),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), ["not enough memory", "data.batch"]),
        (MemoryError("Unable to allocate 9. TiB"), ["not enough memory (Unable to allocate 9. TiB)"]),
        (RasterioIOError("/disk/a.tif: not recognized"), ["/disk/a.tif", "run the stage"]),
        (
            chained(MlflowException("no"), chained(ValueError(), full("/disk/mlflow.db"))),
            ["/disk/mlflow.db: No space"],
        ),
        (
            ModuleNotFoundError("No module named 'hydra'", name="hydra.core"),
            ["package hydra is not", "water-gee[chain]"],
        ),
        (MlflowException("Run 'a' not found", RESOURCE_DOES_NOT_EXIST), ["MLflow: Run 'a' not found", "deleted"]),
    ],
)
def test_what_the_surroundings_did_is_one_line(error, words):
    line = one_line(error)
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        ModuleNotFoundError("No module named 'water_gee.gone'", name="water_gee.gone"),
        RuntimeError("shapes differ"),
        io.UnsupportedOperation("not readable"),
        OSError("a library's own"),
        MlflowException("a parameter is wrong"),
        of_sqlite("SELECT * FROM nothing"),
        chained(ValueError("a mistake"), TypeError()),
    ],
    ids=repr,
)
def test_a_mistake_of_the_program_is_not_taken_for_another_thing(error):
    assert one_line(error) is None
    with pytest.raises(type(error)), in_one_line("water-gee", "interrupted"):
        raise error


def test_a_mistake_made_while_handling_a_full_disk_is_a_mistake():
    def fail():
        try:
            raise full()
        except OSError:
            return {}["key"]

    assert one_line(caught(fail)) is None


def test_a_database_is_named_though_its_errors_do_not_name_it(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database " * 1000)
    for path in (tmp_path / "broken.db", tmp_path / "no" / "folder.db"):
        assert one_line(of_database(path)).startswith(f"{path}: ")


def test_a_file_that_is_not_whole_yet_is_named_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda source, target: (_ for _ in ()).throw(full(source)))
    assert one_line(caught(write_text, tmp_path / "a.txt", "text")).startswith(f"{tmp_path / 'a.txt'}: No space")
    assert list(tmp_path.iterdir()) == []


def test_of_two_files_the_full_or_closed_one_is_named(tmp_path, monkeypatch):
    """A file that is moved to another disk is copied there, and the error then names both."""
    made, target = tmp_path / "made.txt", tmp_path / "a.txt"

    def move_to_full_disk():
        with atomic(target) as temporary:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(made), None, str(temporary))

    assert one_line(caught(move_to_full_disk)).startswith(f"{target}: No space")

    def closed(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", closed)  # which a disk that cannot be written answers for what is not there too
    monkeypatch.setattr(Path, "write_text", closed)
    assert one_line(caught(write_text, target, "text")).startswith(f"{target}: Read-only file system")


def test_a_line_without_end_loses_its_middle():
    line = one_line(OSError(errno.ENAMETOOLONG, "File name too long", "/a" * 5000))
    assert len(line) <= LONGEST and line.startswith("/a/a") and line.endswith("paths.root")


@pytest.mark.parametrize("name", [name for name in commands() if name != "simulate"])
def test_every_stage_says_in_one_line_that_its_root_is_no_folder(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        cli.main([name, f"paths.root={tmp_path}/file/below"])
    assert isinstance(ended.value.code, str) and "\n" not in ended.value.code
    assert (tmp_path / "file").read_bytes() == b""


def water_gee(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "water_gee", *arguments],
        cwd=TRAIN.parent,
        text=True,
        encoding="utf-8",
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_cannot_be_written_is_one_line():
    with open("/dev/full", "w", encoding="utf-8") as nowhere:
        done = water_gee("tiles", "--cfg", "job", stdout=nowhere)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "standard output" in done.stderr and "No space left on device; free" in done.stderr


def test_an_output_that_nobody_reads_is_no_matter():
    ours, theirs = os.pipe()
    os.close(ours)
    done = water_gee("tiles", "--cfg", "job", stdout=theirs)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_limit_on_the_size_of_files_is_one_line_and_leaves_no_half_of_one(tmp_path):
    code = (
        "import sys; from pathlib import Path; from water_gee.files import atomic, write_text\n"
        "from water_gee.surroundings import in_one_line\n"
        "with in_one_line('water-gee', ''): write_text(Path(sys.argv[1]), 'x' * 100_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.txt")], capture_output=True, text=True, encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "a.txt: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_tiles_that_find_no_room_end_the_run_as_failed(tmp_path, monkeypatch):
    layout = write_labelled_tiles(tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(full()), raising=False)
    with pytest.raises(OSError) as error:
        run_job(quick_settings(tmp_path, "run.name=one"), [])
    assert one_line(error.value).startswith(f"{layout.runs / 'one'}: No space left on device; free some space")
    assert [run.info.status for run in mlflow_runs(layout)] == [FAILED]
    ((_, record),) = all_runs(layout)
    assert record.status == FAILED and "No space left" in record.error
    assert sorted(path.name for path in (layout.runs / "one").iterdir()) == ["config.yaml", "run.json"]


def test_a_database_that_could_not_be_made_is_made_by_the_next_command(small_disk):
    layout = Layout(small_disk(600) / "root")
    assert "mlflow.db: database or disk is full" in one_line(caught(connect, layout))
    assert [path.name for path in layout.root.iterdir()] == ["mlartifacts"]
    subprocess.run(["mount", "-o", "remount,size=8m", str(layout.root.parent)], check=True)
    assert connect(layout).search_experiments()


@pytest.mark.slow
@pytest.mark.parametrize("kib", [1300, 1900, 2500, 2700, 2900])
def test_a_training_on_a_disk_that_fills_ends_in_one_line_and_is_marked_failed(small_disk, kib):
    root = small_disk(kib)
    layout = write_labelled_tiles(root)
    code, out, err = command(*QUICK, "trainer.epochs=2", f"paths.root={root}")
    assert code == 1 and out == "" and "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"train.py: {root}/") and "full" in last + "full" * ("No space" in last)
    assert [path for path in root.rglob("*.tmp*") if path.is_file()] == []
    if layout.database.exists():
        assert [run.info.status for run in mlflow_runs(layout)] in ([], [FAILED])


@pytest.mark.slow
def test_a_root_that_cannot_be_written_is_one_line(small_disk):
    root = small_disk(4000)
    write_labelled_tiles(root)
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
    code, _, err = command(*QUICK, f"paths.root={root}")
    assert code == 1 and err.count("\n") == 2  # what is trained, and why it is not
    assert str(root) in err and "Read-only file system" in err


def test_an_interruption_is_one_line():
    with pytest.raises(SystemExit) as ended, in_one_line("water-gee", "interrupted; again"):
        signal.raise_signal(signal.SIGINT)
    assert ended.value.code == "water-gee: interrupted; again"
