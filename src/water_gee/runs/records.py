"""The folders of `runs/`, and what each says about its run in `run.json`."""

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from water_gee.claims import claim
from water_gee.config.yaml_file import read_mapping
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import is_there, sha256
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs.lineage import is_gone
from water_gee.sealed import read_sealed, write_sealed

CHAMPION = "champion"  # alias of the registered model, and how a user asks for it
STAGE_RUN = "repro"  # the folder of the train stage's own run
RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"  # as MLflow spells them
CHECKPOINT = "model.ckpt"
RUN_FILE = "run.json"
KEPT = (CHECKPOINT, "config.yaml", "metrics.json", "curves.csv", "validation_tiles.json")  # what a finished run leaves
_BROKEN = "delete the run's folder, or train it again"
# What names a run is what changes its outcome; these do not, or stand in the name already.
_UNNAMED = (
    "model",
    "study",
    "tags",
    "prune.",
    "distil.",
    "earth",
    "ckpt",
    "run.",
    "paths.",
    "select.",
    "hydra",
    "trainer.threads",
    "trainer.log_model",
    "tags",
    "cluster",
)


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder knows it."""

    name: str  # what differs: shown in MLflow
    run_id: str  # of MLflow
    status: str
    key: str  # of configuration, code and data
    study: str
    process: str
    started: float  # seconds since 1970
    parent: str = ""  # MLflow run of the sweep
    error: str = ""
    given_up: int = 0  # the epoch, counted from 1, after which a search gave the run up
    started_from: str = ""  # SHA-256 of the checkpoint that it started from; empty of a new network
    taught_by: str = ""  # SHA-256 of the checkpoint of the teacher; empty where there was none
    seconds: float = 0.0
    overrides: list[str] = field(default_factory=list)
    lineage: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 of what a finished run left, by name

    @property
    def is_running(self) -> bool:
        """Whether its process is still at it."""
        return self.status == RUNNING and not is_gone(self.process)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `run.json`."""
    write_sealed(folder / RUN_FILE, asdict(record))


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a run has left, by name."""
    return {name: sha256(folder / name) for name in KEPT if (folder / name).is_file()}


def read_record(folder: Path) -> RunRecord | None:
    """Return the record of a run's folder, or None where there is none; one that is broken is said."""
    if not is_there(folder / RUN_FILE):
        return None
    try:
        content = read_sealed(folder / RUN_FILE, "the run is left out")
        known = {item.name for item in fields(RunRecord)}
        return RunRecord(**{key: value for key, value in content.items() if key in known})
    except WaterGeeError as error:
        say(str(error))
    except TypeError:
        say(f"{folder / RUN_FILE} is of another version; the run is left out")
    return None


def kind_of(folder: Path) -> str:
    """Return the kind of network of a run's folder; empty where its configuration is not there.

    Raises:
        WaterGeeError: its configuration is broken.
    """
    path = folder / "config.yaml"
    if not (path.exists() or path.is_symlink()):
        return ""
    model = read_config(folder).get("model")
    kind = model.get("name") if isinstance(model, dict) else None
    if not isinstance(kind, str):
        raise WaterGeeError(f"{path} names no model; {_BROKEN}")
    return kind


def read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a run's folder.

    Raises:
        WaterGeeError: it is not there, or is broken.
    """
    return read_mapping(folder / "config.yaml", _BROKEN)


def all_runs(layout: Layout) -> list[tuple[Path, RunRecord]]:
    """Return every run's folder and record, the newest first."""
    found = []
    for folder in sorted(layout.runs.iterdir()) if layout.runs.is_dir() else []:
        if record := read_record(folder):
            found.append((folder, record))
    return sorted(found, key=lambda run: run[1].started, reverse=True)


def run_name(model: str, overrides: Sequence[str]) -> str:
    """Return the model and the overrides that matter: `pixelcnn lr=3e-3 seed=1`."""
    told = []
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if not key.startswith(_UNNAMED) or key.startswith("model."):
            told.append(f"{key.rpartition('.')[2]}={value}")
    return " ".join([model, *told])


def new_folder(layout: Layout, name: str) -> Path:
    """Make a folder for a run that no other process has, named by the run and the time."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", name.replace("=", "")).strip("-")[:60]
    while True:
        folder = layout.runs / f"{words}_{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue


def empty_folder(layout: Layout, name: str) -> Path:
    """Make the folder of a run that the user named, emptied of an earlier run.

    A finished run stays: whoever selects a run by its folder's name means that one. Only the train stage's own run,
    which DVC keeps, is replaced by the next.

    Raises:
        ConfigError: a process is training in it, or a finished run or another study's is there.
    """
    folder = layout.runs / name
    record = read_record(folder)
    if record and record.status == FINISHED and name != STAGE_RUN:
        raise ConfigError(f"run.name={name}: that run is finished; choose another name, or delete {folder}")
    if record and record.is_running:
        raise ConfigError(f"run.name={name}: that run is still training (process {record.process}); choose another")
    claim(layout, folder / RUN_FILE)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
