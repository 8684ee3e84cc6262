"""The `select` stage: one run's checkpoint becomes `models/model.ckpt`, what the stages after it use."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from water_gee.claims import claim
from water_gee.config.settings import Settings
from water_gee.errors import ModelError, TileError
from water_gee.files import atomic, sha256
from water_gee.models import load_checkpoint, selected_report_path
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.sealed import read_checked, write_sealed
from water_gee.tracking.folders import (
    CHAMPION,
    CHECKPOINT,
    FINISHED,
    STAGE_RUN,
    RunRecord,
    all_runs,
    read_record,
)
from water_gee.tracking.promoted import absent, promoted_runs
from water_gee.tracking.rule import RULE, candidates

PROMOTE = "water-gee promote"
_CURVES = "curves.csv"


@dataclass(frozen=True)
class Choice:
    """A checkpoint, the rule by which it was chosen, and the record of its run, if it is a run's."""

    path: Path
    rule: str
    record: RunRecord | None = None


def run(settings: Settings) -> None:
    """Write `models/model.ckpt`, `models/model.json` and the run's curves.

    Raises:
        ModelError: there is no such run, it is not finished, or its checkpoint is broken.
        ConfigError: another study's model is there.
    """
    layout = Layout.of(settings)
    claim(layout, selected_report_path(layout))
    choice = choose(settings)
    known = choice.record.files if choice.record else {}
    model = load_checkpoint(choice.path, known.get(CHECKPOINT, "") if choice.record else "")
    content = choice.path.read_bytes()
    with atomic(layout.models / CHECKPOINT) as temporary:
        temporary.write_bytes(content)
    curves = _copy_curves(layout, choice, known)
    origin: dict[str, Any] = dict(model.metadata.get("lineage", {}))
    write_sealed(
        selected_report_path(layout),
        {
            "run": model.metadata.get("run", choice.path.parent.name),
            "run_id": model.metadata.get("run_id", ""),
            "rule": choice.rule,
            "study": layout.study,
            "trained_on": model.metadata.get("study", ""),
            "model": model.kind,
            "features": list(model.features),
            "threshold": model.threshold,
            "temperature": model.temperature,
            "validation": model.metadata.get("validation", {}),
            "sha256": sha256(layout.models / CHECKPOINT),
            "curves_sha256": curves,
            "tiles": origin.get("tiles", ""),
            "labels": origin.get("labels", ""),
            "tiles_csv": origin.get("tiles_csv", ""),
            "clean_report": origin.get("clean_report", ""),
            "git_commit": origin.get("git_commit", ""),
            "git_dirty": origin.get("git_dirty", ""),
            "code": origin.get("code", ""),
            "dvc": origin.get("dvc", {}),
        },
    )
    say(f"models/{CHECKPOINT}: {choice.rule}, a {model.kind} at threshold {model.threshold:.2f}")


def _copy_curves(layout: Layout, choice: Choice, known: dict[str, str]) -> str:
    """Keep the run's curves with its checkpoint, wherever the run will be; return their hash, empty without any."""
    if _CURVES in known:
        content = read_checked(choice.path.parent / _CURVES, known[_CURVES], "train the run again", error=ModelError)
        with atomic(layout.models / _CURVES) as temporary:
            temporary.write_bytes(content)
    else:
        (layout.models / _CURVES).unlink(missing_ok=True)
    return known.get(_CURVES, "")


def choose(settings: Settings) -> Choice:
    """Return the checkpoint that `select.run` names.

    That is `champion` (the registry's alias), an MLflow run id or a folder of `runs/` or `promoted/`, or a checkpoint
    file. Without a name it is the train stage's own run, if that is of the present tiles and labels; else the best of
    the runs that are, by the rule of `promote`.

    Raises:
        ModelError: there is none, or it is not finished.
    """
    layout, wanted = Layout.of(settings), settings.select.run
    if wanted == CHAMPION:
        _refuse_under_dvc(CHAMPION)
        return replace(_named(layout, champion(layout)), rule=f"the study's champion, by {PROMOTE}")
    if wanted:
        return _named(layout, wanted)
    stage = layout.runs / STAGE_RUN
    record = read_record(stage)
    if record and record.status == FINISHED and (stage / CHECKPOINT).is_file() and _is_present(settings, record):
        return Choice(stage / CHECKPOINT, "the train stage's own run", record)
    best = candidates(settings)[0]
    return Choice(best.folder / CHECKPOINT, f"{best.folder.name}, the best by the rule: {RULE}", best.record)


def _is_present(settings: Settings, record: RunRecord) -> bool:
    """Return whether the train stage's own run is of the tiles and labels that are there.

    Where `dvc repro` runs the stage it is, or training would have been repeated.
    """
    if "DVC_STAGE" in os.environ:
        return True
    try:
        found = any(one.record.run_id == record.run_id for one in candidates(settings))
    except (ModelError, TileError):
        found = False
    if not found:
        say(f"runs/{STAGE_RUN} is of other tiles or labels, or of another study, and is passed over")
    return found


def champion(layout: Layout) -> str:
    """Return the MLflow run of the study's champion.

    Raises:
        ModelError: no run was promoted.
    """
    from mlflow.exceptions import MlflowException  # takes seconds

    from water_gee.tracking.database import connect

    if layout.database.is_file():
        try:
            return str(connect(layout).get_model_version_by_alias(layout.study, CHAMPION).run_id)
        except MlflowException:
            pass
    raise ModelError(f"select.run={CHAMPION}: the study {layout.study} has none yet; run first: {PROMOTE}")


def _named(layout: Layout, wanted: str) -> Choice:
    runs = [*promoted_runs(layout), *all_runs(layout)]
    for folder, record in runs:
        if wanted in (folder.name, record.run_id):
            if record.status != FINISHED:
                raise ModelError(
                    f"select.run={wanted}: that run is {record.status}; train it again, or go on with it by "
                    "python train.py ckpt=last"
                )
            if record.study != layout.study:
                say(f"select.run={wanted}: that run was trained on the study {record.study}, not on {layout.study}")
            return Choice(folder / CHECKPOINT, f"the named run, {record.name} ({folder.name})", record)
    for path in (Path(wanted), layout.root / wanted):
        for file in (path, path / CHECKPOINT):
            if file.is_file():
                _refuse_under_dvc(wanted)
                return Choice(file, f"the named file, {file.name if file == path else path.name}")
    if absent(layout):
        raise ModelError(f"select.run={wanted}: promoted runs are not here yet; run first: dvc pull promoted.dvc")
    known = [folder.name for folder, record in all_runs(layout) if record.status == FINISHED]
    hint = f"finished runs: {', '.join(known[:5])}" if known else "no run is finished; run first: python train.py"
    raise ModelError(f"select.run={wanted}: no run or checkpoint file has that name; {hint}")


def _refuse_under_dvc(wanted: str) -> None:
    """Refuse a name that may come to mean something else without a change that DVC sees.

    Raises:
        ModelError: `dvc repro` runs the stage.
    """
    if "DVC_STAGE" in os.environ:
        raise ModelError(
            f"params.yaml: run: {wanted} may become another model without DVC's notice; write the run's id there, as "
            f"{PROMOTE} does"
        )
