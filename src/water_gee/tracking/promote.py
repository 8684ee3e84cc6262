"""The `promote` stage: the study's best run becomes its champion, which `select` then takes."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from water_gee.config.compose import params, repository
from water_gee.config.settings import Settings
from water_gee.errors import ConfigError, ModelError
from water_gee.files import write_text
from water_gee.models import exportable, load_checkpoint
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tracking.compare import paired_difference, tile_counts
from water_gee.tracking.database import connect, known_experiment
from water_gee.tracking.folders import CHAMPION, FINISHED, all_runs, kind_of
from water_gee.tracking.package import log_model, model_of

RULE = (
    "highest validation IoU to 4 digits of the models that Earth Engine can run; of equal ones the fewest parameters, "
    "then the earliest"
)
_DIGITS = 4
_CHECKPOINT = "model.ckpt"


@dataclass(frozen=True)
class Candidate:
    """A finished run whose checkpoint is at hand."""

    run_id: str
    name: str
    folder: Path
    iou: float  # of validation, at the run's threshold
    parameters: float  # infinite where the run did not tell
    started: int  # milliseconds since 1970

    @property
    def rank(self) -> tuple[float, float, int]:
        """What `RULE` sorts by, the best first."""
        return -round(self.iou, _DIGITS), self.parameters, self.started


def run(settings: Settings) -> None:
    """Register the best run as the study's champion and write its id into `params.yaml`.

    Raises:
        ModelError: there is no database, or no finished run of the study.
        ConfigError: `params.yaml` has no line for the run.
    """
    layout, study = Layout(Path(settings.paths.root)), settings.study.name
    client, found = candidates(layout, study)
    best, *others = found
    version = register(client, study, best)
    say(
        f"{study}: {CHAMPION} is version {version}, run {best.name} ({best.folder.name}), validation IoU "
        f"{best.iou:.4f}, best of {len(found)} by the rule: {RULE}"
    )
    say(why(best, others[0]) if others else "there is no other finished run to compare it with")
    say(_hand_over(layout, study, best.run_id))


def candidates(layout: Layout, study: str) -> tuple[MlflowClient, list[Candidate]]:
    """Return the finished runs of the study that can be deployed, the best first, and the client that knows them.

    A sweep's parent, which repeats its best child's metrics, has no folder in `runs/` and so is none of them;
    nor is what was pruned from a selected run, since `export` prunes what is selected; nor a baseline that cannot be
    exported.

    Raises:
        ModelError: there is none.
    """
    first = "run first: python train.py"
    if not layout.database.is_file():
        raise ModelError(f"there is no {layout.database}, so no run to choose from; {first}")
    client = connect(layout)
    known = known_experiment(client, study)
    runs = {run.info.run_id: run for run in _finished(client, known)} if known else {}
    measured = {key: run for key, run in runs.items() if math.isfinite(run.data.metrics.get("valid/iou", math.nan))}
    found = [
        Candidate(
            run_id=record.run_id,
            name=measured[record.run_id].info.run_name,
            folder=folder,
            iou=float(measured[record.run_id].data.metrics["valid/iou"]),
            parameters=float(measured[record.run_id].data.metrics.get("model/parameters", math.inf)),
            started=int(measured[record.run_id].info.start_time),
        )
        for folder, record in all_runs(layout)
        if record.run_id in measured
        and (record.status, record.pruned_from) == (FINISHED, "")
        and (folder / _CHECKPOINT).is_file()
        and exportable(kind_of(folder))
    ]
    if not found:
        gone = f" whose folder is still in {layout.runs}" if measured else ""
        raise ModelError(f"there is no finished run of the study {study}{gone}; {first}")
    return client, sorted(found, key=lambda one: one.rank)


def _finished(client: MlflowClient, known: str) -> list[Run]:
    runs, token = [], None
    while True:
        page = client.search_runs([known], f"attributes.status = '{FINISHED}'", page_token=token)
        runs += list(page)
        token = page.token
        if not token:
            return runs


def register(client: MlflowClient, study: str, best: Candidate) -> str:
    """Make the run's logged model a version of the registered model `study`, with the alias; return the version.

    A run that was registered before keeps its version: promoting twice changes nothing.
    """
    try:
        client.create_registered_model(study, description=f"Water from Landsat, by networks of the study {study}")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{study}' and run_id = '{best.run_id}'")
    if versions:
        version = str(max(int(one.version) for one in versions))
    else:
        run = client.get_run(best.run_id)
        checkpoint = best.folder / _CHECKPOINT
        logged = client.get_logged_model(
            model_of(run) or log_model(client, run, checkpoint, load_checkpoint(checkpoint))
        )
        tags = {"validation_iou": f"{best.iou:.4f}", "folder": best.folder.name}
        made = client.create_model_version(
            study, logged.artifact_location, best.run_id, tags, description=RULE, model_id=logged.model_id
        )
        version = str(made.version)
    client.set_registered_model_alias(study, CHAMPION, version)
    return version


def why(best: Candidate, second: Candidate) -> str:
    """Say in one line why the runner-up lost."""
    told = f"runner-up {second.name} ({second.folder.name}), validation IoU {second.iou:.4f}: "
    if round(best.iou, _DIGITS) == round(second.iou, _DIGITS):
        if second.parameters > best.parameters:
            sizes = f"{second.parameters:,.0f} parameters to {best.parameters:,.0f}"
            return f"{told}equal to {_DIGITS} digits, but with {sizes}"
        return f"{told}equal to {_DIGITS} digits and as large, but trained later"
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


def _hand_over(layout: Layout, study: str, run_id: str) -> str:
    """Name the run in the repository's `params.yaml`, if that is what decides for this root and study."""
    path = repository() / "params.yaml"
    if layout.root.resolve() != repository().resolve():
        return (
            f"{path} is not changed, as paths.root lies elsewhere; "
            f"next: water-gee select study={study} select.run={run_id} paths.root={layout.root}"
        )
    if study != params()["study"]:
        return (
            f"params.yaml is of another study and not changed; next: water-gee select study={study} select.run={run_id}"
        )
    write_run(path, run_id)
    return f"params.yaml: run: {run_id}; next: water-gee select, or dvc repro"


def write_run(path: Path, run_id: str) -> None:
    """Set the line `run:` of a `params.yaml` to the run; every other byte and the line's comment stay.

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
    write_text(path, changed.replace("\n", "\r\n") if crlf else changed)
