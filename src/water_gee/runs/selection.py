"""Which checkpoint a name means, which one is the best, and what is written of the one that is selected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from water_gee.errors import ModelError, TileError
from water_gee.files import atomic, sha256
from water_gee.models import load_checkpoint, selected_report_path
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs.current import checkpoint_of
from water_gee.runs.promoted import absent, promoted_runs
from water_gee.runs.records import CHECKPOINT, FINISHED, STAGE_RUN, RunRecord, all_runs, read_record
from water_gee.runs.rule import RULE, candidates
from water_gee.sealed import read_checked, write_sealed

_CURVES = "curves.csv"


@dataclass(frozen=True)
class Choice:
    """A checkpoint, the rule by which it was chosen, and the record of its run, if it is a run's."""

    path: Path
    rule: str
    record: RunRecord | None = None

    @property
    def sha256(self) -> str:
        """The hash of the checkpoint as its run's record knows it; empty of a file that is no run's."""
        return checkpoint_of(self.path.parent, self.record).sha256 if self.record else ""


def named(layout: Layout, wanted: str, key: str) -> Choice:
    """Return the checkpoint of a finished run, by its MLflow id or its folder's name, or a checkpoint file.

    Args:
        layout: of the root; a run of another study than its is said.
        wanted: the name.
        key: of the configuration that holds it, for messages.

    Raises:
        ModelError: nothing has that name, or the run is not finished.
    """
    for folder, record in [*promoted_runs(layout), *all_runs(layout)]:
        if wanted in (folder.name, record.run_id):
            if record.status != FINISHED:
                raise ModelError(
                    f"{key}={wanted}: that run is {record.status}; train it again, or go on with it by "
                    "python train.py ckpt=last"
                )
            if record.study != layout.study:
                say(f"{key}={wanted}: that run was trained on the study {record.study}, not on {layout.study}")
            return Choice(folder / CHECKPOINT, f"the named run, {record.name} ({folder.name})", record)
    for path in (Path(wanted), layout.root / wanted):
        for file in (path, path / CHECKPOINT):
            if file.is_file():
                return Choice(file, f"the named file, {file.name if file == path else path.name}")
    if absent(layout):
        raise ModelError(f"{key}={wanted}: promoted runs are not here yet; run first: dvc pull promoted.dvc")
    known = [folder.name for folder, record in all_runs(layout) if record.status == FINISHED]
    hint = f"finished runs: {', '.join(known[:5])}" if known else "no run is finished; run first: python train.py"
    raise ModelError(f"{key}={wanted}: no run or checkpoint file has that name; {hint}")


def own_or_best(layout: Layout, *, trained_now: bool) -> Choice:
    """Return the train stage's own run, if that is of the present tiles and labels; else the best of those that are.

    Args:
        layout: of the root and study.
        trained_now: the stage ran just before, as in `dvc repro`, so that its run is of what is there.

    Raises:
        ModelError: there is no finished run.
    """
    stage = layout.runs / STAGE_RUN
    record = read_record(stage)
    finished = record is not None and record.status == FINISHED and (stage / CHECKPOINT).is_file()
    if record and finished and (trained_now or _is_present(layout, record)):
        return Choice(stage / CHECKPOINT, "the train stage's own run", record)
    best = candidates(layout)[0]
    return Choice(best.folder / CHECKPOINT, f"{best.folder.name}, the best by the rule: {RULE}", best.record)


def _is_present(layout: Layout, record: RunRecord) -> bool:
    """Return whether the train stage's own run is of the tiles and labels that are there."""
    try:
        found = any(one.record.run_id == record.run_id for one in candidates(layout))
    except (ModelError, TileError):
        found = False
    if not found:
        say(f"runs/{STAGE_RUN} is of other tiles or labels, or of another study, and is passed over")
    return found


def write_selected(layout: Layout, choice: Choice) -> None:
    """Write `models/model.ckpt`, `models/model.json` and the run's curves.

    Raises:
        ModelError: the checkpoint or the curves are broken, or not those that the run left.
    """
    model = load_checkpoint(choice.path, choice.sha256)
    content = choice.path.read_bytes()
    with atomic(layout.models / CHECKPOINT) as temporary:
        temporary.write_bytes(content)
    curves = _copy_curves(layout, choice)
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
            "started_from": model.metadata.get("started_from", ""),
            "pruned": model.metadata.get("pruned", 0.0),
            "taught_by": model.metadata.get("taught_by", ""),
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


def _copy_curves(layout: Layout, choice: Choice) -> str:
    """Keep the run's curves with its checkpoint, wherever the run will be; return their hash, empty without any."""
    known = choice.record.files.get(_CURVES, "") if choice.record else ""
    if known:
        content = read_checked(choice.path.parent / _CURVES, known, "train the run again", error=ModelError)
        with atomic(layout.models / _CURVES) as temporary:
            temporary.write_bytes(content)
    else:
        (layout.models / _CURVES).unlink(missing_ok=True)
    return known
