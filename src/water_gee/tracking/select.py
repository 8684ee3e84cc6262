"""The `select` stage: one run's checkpoint becomes `models/model.ckpt`, what the stages after it use."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.files import atomic, sha256, write_json
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tracking.folders import CHAMPION, FINISHED, RunRecord, all_runs, kind_of, read_record

STAGE_RUN = "repro"  # the folder of the train stage's own run
_CHECKPOINT = "model.ckpt"
PROMOTE = "water-gee promote"


@dataclass(frozen=True)
class Choice:
    """A checkpoint and the rule by which it was chosen."""

    path: Path
    rule: str
    record: RunRecord | None = None


def run(settings: Settings) -> None:
    """Write `models/model.ckpt` and `models/model.json`.

    Raises:
        ModelError: there is no such run, it is not finished, or its checkpoint is broken.
    """
    layout = Layout(Path(settings.paths.root))
    choice = choose(layout, settings.select.run, settings.study.name)
    from water_gee.models import load_checkpoint

    model = load_checkpoint(choice.path)
    with atomic(layout.models / _CHECKPOINT) as temporary:
        shutil.copyfile(choice.path, temporary)
    origin: dict[str, Any] = dict(model.metadata.get("lineage", {}))
    write_json(
        layout.models / "model.json",
        {
            "run": model.metadata.get("run", choice.path.parent.name),
            "run_id": model.metadata.get("run_id", ""),
            "rule": choice.rule,
            "study": model.metadata.get("study", ""),
            "model": model.kind,
            "features": list(model.features),
            "threshold": model.threshold,
            "temperature": model.temperature,
            "validation": model.metadata.get("validation", {}),
            "sha256": sha256(layout.models / _CHECKPOINT),
            "tiles_csv": origin.get("tiles_csv", ""),
            "clean_report": origin.get("clean_report", ""),
            "git_commit": origin.get("git_commit", ""),
            "git_dirty": origin.get("git_dirty", ""),
            "code": origin.get("code", ""),
            "dvc": origin.get("dvc", {}),
        },
    )
    say(f"models/{_CHECKPOINT}: {choice.rule}, a {model.kind} at threshold {model.threshold:.2f}")


def choose(layout: Layout, wanted: str | None, study: str) -> Choice:
    """Return the checkpoint that `wanted` names.

    That is `champion` (the registry's alias), a folder of `runs/`, an MLflow run id, or a checkpoint file. Without a
    name it is the train stage's own run; where that has not run, the newest finished run of the study that can be
    exported.

    Raises:
        ModelError: there is none, or it is not finished.
    """
    if wanted == CHAMPION:
        return replace(_named(layout, champion(layout, study)), rule=f"the study's champion, by {PROMOTE}")
    if wanted:
        return _named(layout, wanted)
    stage = layout.runs / STAGE_RUN
    record = read_record(stage)
    if record and record.status == FINISHED and (stage / _CHECKPOINT).is_file():
        return Choice(stage / _CHECKPOINT, "the train stage's own run", record)
    from water_gee.models import exportable

    for folder, record in all_runs(layout):
        trained = record.status == FINISHED and not record.pruned_from  # `export` prunes what is selected
        deployable = trained and record.study == study and exportable(kind_of(folder))
        if deployable and (folder / _CHECKPOINT).is_file():
            return Choice(folder / _CHECKPOINT, f"the newest finished run, {folder.name}", record)
    raise ModelError(f"there is no finished run of the study {study} in {layout.runs}; run first: python train.py")


def champion(layout: Layout, study: str) -> str:
    """Return the MLflow run of the study's champion.

    Raises:
        ModelError: no run was promoted.
    """
    from mlflow.exceptions import MlflowException  # takes seconds

    from water_gee.tracking.database import connect

    if layout.database.is_file():
        try:
            return str(connect(layout).get_model_version_by_alias(study, CHAMPION).run_id)
        except MlflowException:
            pass
    raise ModelError(f"select.run={CHAMPION}: the study {study} has none yet; run first: {PROMOTE}")


def _named(layout: Layout, wanted: str) -> Choice:
    for folder, record in all_runs(layout):
        if wanted in (folder.name, record.run_id):
            if record.status != FINISHED:
                raise ModelError(
                    f"select.run={wanted}: that run is {record.status}; train it again, or go on with it by "
                    "python train.py ckpt=last"
                )
            return Choice(folder / _CHECKPOINT, f"the named run, {folder.name}", record)
    for path in (Path(wanted), layout.root / wanted):
        if path.is_file():
            return Choice(path, f"the named file, {path.name}")
        if (path / _CHECKPOINT).is_file():
            return Choice(path / _CHECKPOINT, f"the named folder, {path.name}")
    known = [folder.name for folder, record in all_runs(layout) if record.status == FINISHED]
    hint = f"finished runs: {', '.join(known[:5])}" if known else "no run is finished; run first: python train.py"
    raise ModelError(f"select.run={wanted}: no folder of runs/, MLflow run id or checkpoint file has that name; {hint}")
