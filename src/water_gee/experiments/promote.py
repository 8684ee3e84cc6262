"""The `promote` stage: the study's best run becomes its champion, which `select` then takes."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from water_gee.advice import complete
from water_gee.claims import alone
from water_gee.config.compose import params, repository
from water_gee.config.settings import Settings
from water_gee.errors import ConfigError, ModelError
from water_gee.files import write_text
from water_gee.models import load_checkpoint
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs import (
    CHAMPION,
    DIGITS,
    RULE,
    Candidate,
    candidates,
    checkpoint_of,
    files_of,
    keep,
    paired_difference,
    tile_counts,
)
from water_gee.tracking import connect, end_dead_runs, experiment, is_ours, log_model, mark_champion, model_of


def run(settings: Settings) -> None:
    """Register the best run on the present data as the study's champion, keep it, and name it in `params.yaml`.

    Raises:
        ModelError: there is no finished run of the study on its present tiles and labels, or MLflow lost the best one.
        TileError: there are no tiles or labels.
        ConfigError: `params.yaml` has no line for the run.
        WaterGeeError: a file of the best run or of its runner-up is broken; or another command promotes now.
    """
    layout = Layout.of(settings)
    with alone(layout, layout.promoted):
        _promote(layout, settings.study.name)


def _promote(layout: Layout, study: str) -> None:
    if not layout.tracks:
        raise ModelError(f"there is no {layout.database}, so no run to choose from; run first: python train.py")
    best, *others = candidates(layout)
    # What a broken file may end comes before anything is written: then there is no half a champion.
    reason = why(best, others[0]) if others else "there is no other finished run of them to compare it with"
    files, next_step = files_of(best.folder, best.record), hand_over(layout, study, best.record.run_id)
    client = connect(layout)
    place = experiment(client, layout, study)
    end_dead_runs(client, place, layout)
    before = present_champion(client, layout, best)
    version = register(client, study, best)
    mark_champion(client, place, study, version)
    keep(layout, best.record, files)
    say(
        f"{study}: {CHAMPION} is version {version}, run {best.record.name} ({best.folder.name}), validation IoU "
        f"{best.iou:.4f}, best of {1 + len(others)} on the present tiles and labels by the rule: {RULE}"
    )
    say(reason)
    if before:
        say(before)
    if next_step.params is not None:
        write_text(next_step.path, next_step.params)
    say(complete(next_step.told))


def register(client: MlflowClient, study: str, best: Candidate) -> str:
    """Make the run's logged model a version of the registered model `study`, with the alias; return the version.

    A run that was registered before keeps its version: promoting twice changes nothing.
    """
    run_id = best.record.run_id
    versions = client.search_model_versions(f"name = '{study}' and run_id = '{run_id}'")
    if versions:
        version = str(max(int(one.version) for one in versions))
    else:
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            raise ModelError(
                f"MLflow does not know the best run, {best.folder.name}; delete that folder or train it again"
            ) from error
        checkpoint = checkpoint_of(best.folder, best.record)
        model = load_checkpoint(checkpoint.path, checkpoint.sha256)
        logged = client.get_logged_model(model_of(run) or log_model(client, run, checkpoint.path, model))
        _make_registered_model(client, study)
        tags = {"validation_iou": f"{best.iou:.4f}", "folder": best.folder.name}
        made = client.create_model_version(
            study, logged.artifact_location, run_id, tags, description=RULE, model_id=logged.model_id
        )
        version = str(made.version)
    client.set_registered_model_alias(study, CHAMPION, version)
    return version


def present_champion(client: MlflowClient, layout: Layout, best: Candidate) -> str:
    """Return what there is to say of the champion before, where it is of a root that this one does not see."""
    try:
        version = client.get_model_version_by_alias(layout.study, CHAMPION)
        run = client.get_run(version.run_id)
    except MlflowException:
        return ""  # the first
    if version.run_id == best.record.run_id or is_ours(run, layout):
        return ""
    user, iou = run.data.tags.get("mlflow.user", "?"), version.tags.get("validation_iou", "?")
    return (
        f"until now it was version {version.version}, {run.info.run_name} of {user}, validation IoU {iou}, "
        f"which is not below {layout.root} and was not compared"
    )


def _make_registered_model(client: MlflowClient, study: str) -> None:
    try:
        client.create_registered_model(study, description=f"Water from Landsat, by networks of the study {study}")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def why(best: Candidate, second: Candidate) -> str:
    """Say in one line why the runner-up lost."""
    told = f"runner-up {second.record.name} ({second.folder.name}), validation IoU {second.iou:.4f}: "
    if round(best.iou, DIGITS) == round(second.iou, DIGITS):
        if second.parameters > best.parameters:
            sizes = f"{second.parameters:,.0f} parameters to {best.parameters:,.0f}"
            return f"{told}equal to {DIGITS} digits, but with {sizes}"
        return f"{told}equal to {DIGITS} digits and as large, but trained later"
    mine, theirs = tile_counts(best.folder), tile_counts(second.folder)
    if found := paired_difference(mine, theirs):
        doubt = "; it may be as good" if found.low <= 0 else ""
        return (
            f"{told}{found.value:.4f} lower, 95 % interval {found.low:.4f} to {found.high:.4f} "
            f"(paired bootstrap over {found.tiles} validation tiles){doubt}"
        )
    told += f"{best.iou - second.iou:.4f} lower"
    if mine and theirs and len(mine) > 1:
        return f"{told}, on other validation tiles or labels, so the two do not compare strictly"
    return f"{told}; without counts of two validation tiles or more there is no interval"


@dataclass(frozen=True)
class HandOver:
    """How the next stage comes to the run: `params` is the new content of `params.yaml`, None where it stays."""

    path: Path
    params: str | None
    told: str


def hand_over(layout: Layout, study: str, run_id: str) -> HandOver:
    """Return the repository's `params.yaml` with the run, if that is what decides for this root and study.

    Raises:
        ConfigError: it has no line for the run.
    """
    path = repository() / "params.yaml"
    select = f"water-gee select study={study} select.run={run_id}"
    if layout.root.resolve() != repository().resolve():
        told = f"{path} is not changed, as paths.root lies elsewhere; next: {select} paths.root={layout.root}"
        return HandOver(path, None, told)
    if study != params()["study"]:
        return HandOver(path, None, f"params.yaml is of another study and not changed; next: {select}")
    told = f"params.yaml: run: {run_id}; next: water-gee select, or dvc repro"
    return HandOver(path, with_run(path, run_id), told)


def with_run(path: Path, run_id: str) -> str:
    """Return a `params.yaml` whose line `run:` names the run; every other byte and the line's comment stay.

    Raises:
        ConfigError: there is no such line.
    """
    text = path.read_bytes().decode("utf-8")
    line = re.compile(r"""^run:[ \t]*(?:"[^"\r\n]*"|'[^'\r\n]*'|[^\s#]+)?(?P<comment>[ \t]+#[^\r\n]*)?[ \t]*$""", re.M)
    # An id of digits alone would be read back as a number.
    value = run_id if isinstance(yaml.safe_load(run_id), str) else f'"{run_id}"'
    crlf = "\r\n" in text
    changed, count = line.subn(
        lambda found: f"run: {value}" + (f"  {found['comment'].lstrip()}" if found["comment"] else ""),
        text.replace("\r\n", "\n"),
    )
    if count != 1:
        raise ConfigError(f"{path} has no line of its own for the run; add one: run: {run_id}")
    return changed.replace("\n", "\r\n") if crlf else changed
