"""A search: what it proposes, how it goes on, and what its parent run shows."""

import csv
import io
import socket

import matplotlib
import optuna
import pytest
from matplotlib import pyplot
from optuna.trial import TrialState

from labelled import quick_settings, write_labelled_tiles
from water_gee.config.compose import compose
from water_gee.config.search import Dimension, SearchSettings
from water_gee.config.settings import load
from water_gee.errors import ConfigError, TileError, WaterGeeError
from water_gee.experiments.job import FinishedJob, run_job
from water_gee.experiments.search import _report, corners, open_space, run_search
from water_gee.experiments.search_figures import search_figures, trials_csv
from water_gee.experiments.sweep import begin, close_sweep
from water_gee.experiments.trials import distribution, next_trial, open_study, overrides_of, trials_of, try_again
from water_gee.paths import Layout
from water_gee.runs.records import FAILED, FINISHED, KILLED, all_runs
from water_gee.tracking.database import connect, experiment
from water_gee.tracking.run_end import GivenUp
from water_gee.tracking.run_log import KEY_TAG, PARENT_TAG

pytestmark = pytest.mark.usefixtures("quick_runs")

GONE = f"{socket.gethostname()} 999999999 1"  # a process that cannot be
SPACE = {"model.lr": Dimension(low=1e-4, high=1e-1, log=True), "data.batch": Dimension(choices=[16, 32, 64])}
HOW = SearchSettings(method="optuna", trials=9, startup=3, warmup=1)


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return write_labelled_tiles(tmp_path_factory.mktemp("search"))


def value_of(trial):
    return 1 - abs(trial.params["model.lr"] - 0.01) * trial.params["data.batch"] / 64


def proceed(study, settings=HOW, killed_at=None):
    """Go on with a study to its end, or until the process is killed at its n-th trial."""
    try_again(study)
    while trial := next_trial(study, SPACE, settings, seed=3):
        if killed_at is not None and len(trials_of(study)) == killed_at:
            trial.set_user_attr("process", GONE)
            return
        study.tell(trial, value_of(trial))


def proposed(study):
    return [trial.params for trial in trials_of(study)]


def test_a_search_that_is_killed_proposes_what_the_undisturbed_one_does(tmp_path):
    undisturbed, killed = (open_study(Layout(tmp_path), name, HOW) for name in ("undisturbed", "killed"))
    proceed(undisturbed)
    for at in (3, 6, 9):
        proceed(killed, killed_at=at)
    proceed(open_study(Layout(tmp_path), "killed", HOW))
    assert proposed(killed) == proposed(undisturbed)
    assert [trial.state for trial in trials_of(killed)] == [TrialState.COMPLETE] * 9
    assert len(killed.trials) == 9 + 3  # each kill cost one attempt
    assert len({tuple(choice.values()) for choice in proposed(killed)}) == 9


def test_more_trials_go_on_with_the_same_search_and_failed_ones_are_tried_again(tmp_path):
    study = open_study(Layout(tmp_path), "study", HOW)
    failing = next_trial(study, SPACE, HOW, seed=3)
    study.tell(failing, state=TrialState.FAIL)
    proceed(study)
    assert len(trials_of(study)) == 9
    assert failing.params in [trial.params for trial in trials_of(study) if trial.state == TrialState.COMPLETE]
    proceed(study, SearchSettings(method="optuna", trials=11, startup=3))
    assert len(trials_of(study)) == 11
    assert next_trial(study, SPACE, HOW, seed=3) is None


def test_a_trial_that_falls_behind_is_given_up_but_not_in_its_last_epoch(tmp_path):
    study = open_study(Layout(tmp_path), "study", HOW)
    for _ in range(3):
        trial = next_trial(study, SPACE, HOW, seed=0)
        for epoch in range(4):
            _report(study, trial, 4)(epoch, {"valid_iou": 0.9})
        study.tell(trial, 0.9)
    poor = _report(study, next_trial(study, SPACE, HOW, seed=0), 4)
    poor(0, {"valid_iou": 0.1})  # warmup
    with pytest.raises(GivenUp) as told:
        poor(1, {"valid_iou": 0.2})
    assert told.value.epoch == 2
    nearly = _report(study, next_trial(study, SPACE, HOW, seed=0), 4)
    for epoch, iou in enumerate([0.95, 0.95, 0.95, 0.1]):
        nearly(epoch, {"valid_iou": iou})


def test_bounds_choices_and_whole_numbers_become_overrides():
    whole, real = distribution(Dimension(low=8, high=64, step=8)), distribution(Dimension(low=1.0, high=8.0))
    assert isinstance(whole, optuna.distributions.IntDistribution) and whole.step == 8
    assert isinstance(real, optuna.distributions.FloatDistribution)
    assert overrides_of({"model.lr": 0.00123456789, "data.crop": 16, "data.confidence": True, "model": "mlp"}) == [
        "model.lr=0.001235", "data.crop=16", "data.confidence=true", "model=mlp"
    ]  # fmt: skip
    assert corners(SPACE) == [
        ["model.lr=0.0001", "data.batch=16"], ["model.lr=0.1", "data.batch=32"], ["model.lr=0.0001", "data.batch=64"]
    ]  # fmt: skip


def test_what_the_command_line_fixes_is_not_searched(tmp_path):
    settings = quick_settings(tmp_path, "search=optuna")
    assert "model.lr" in settings.search.space
    assert "model.lr" not in open_space(settings, ["model=mlp", "model.lr=0.01"])
    nothing = quick_settings(
        tmp_path, "search=optuna", "search.space={model.weight_decay: null, data.other_per_water: null}"
    )
    with pytest.raises(ConfigError, match="nothing is left to search"):
        open_space(nothing, ["model.lr=0.01"])


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ("{model.lr: {low: 2, high: 1}}", "low 2 is not below high 1"),
        ("{model.lr: {low: 0.0, high: 0.1}}", "log: true needs a low above 0"),
        ("{model.lr: {choices: [1, 2]}}", "either choices, or low and high"),
        ("{model.lr: {hihg: 1}}", "hihg: there is no such key"),
        ("{data.crop: {low: 1}}", "give low and high"),
    ],
)
def test_an_impossible_space_is_one_line(tmp_path, space, told):
    with pytest.raises(ConfigError) as error:
        quick_settings(tmp_path, "search=optuna", f"+search.space={space}")
    assert told in str(error.value) and "search.space" in str(error.value) and "\n" not in str(error.value)


def test_a_key_that_the_space_lacks_is_added_with_a_plus(tmp_path):
    space = "search.space={model.lr: null, data.crop: {choices: [16, 32]}}"
    with pytest.raises(ConfigError, match=r"to add one write \+search.space="):
        quick_settings(tmp_path, "search=optuna", space)
    found = quick_settings(tmp_path, "search=optuna", f"+{space}").search.space
    assert found["model.lr"] is None and found["data.crop"].choices == [16, 32]


def test_a_key_or_value_that_does_not_exist_is_told_before_anything_is_written(tmp_path):
    for space, told in (
        ("{model.lrr: {low: 1, high: 2}}", "did you mean model.lr"),
        ("{model: {choices: [mlp, pixelcn]}}", "did you mean pixelcnn"),
        ("{data.crop: {low: 4, high: 64}}", "data.crop"),
    ):
        settings = quick_settings(tmp_path, "search=optuna", f"+search.space={space}")
        with pytest.raises(ConfigError, match=told):
            run_search(settings, [f"paths.root={tmp_path}"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_of_trials_is_told_in_one_line(tmp_path):
    layout = Layout(tmp_path)
    layout.searches.write_bytes(b"not a database, but long enough to look like a file of some kind" * 40)
    with pytest.raises(WaterGeeError, match="move it away") as error:
        open_study(layout, "study", HOW)
    assert "\n" not in str(error.value)


class Training:
    """Stands for a training: an MLflow run whose IoU follows from the learning rate; above `limit` it fails."""

    def __init__(self, layout, limit):
        self.client, self.limit, self.tried = connect(layout), limit, []
        self.experiment = experiment(self.client, layout, "sample")
        self.layout = layout

    def __call__(self, settings, overrides, *, parent, on_epoch):
        self.tried.append(settings.model.lr)
        tags = {PARENT_TAG: parent, KEY_TAG: f"{settings.model.lr}", "overrides": " ".join(overrides)}
        run = self.client.create_run(self.experiment, tags=tags)
        failed = settings.model.lr > self.limit
        iou = 1 - abs(settings.model.lr - 0.01)
        if not failed:
            self.client.log_metric(run.info.run_id, "valid/iou", iou)
        self.client.set_terminated(run.info.run_id, FAILED if failed else FINISHED)
        if failed:
            raise TileError("a tile is gone")
        return FinishedJob(run.info.run_id, "mlp", self.layout.runs / "mlp", iou)


def test_a_failing_trial_does_not_stop_the_others_and_is_tried_again_by_the_next_start(layout, capsys):
    alone = "search.space={model.weight_decay: null, data.other_per_water: null}"
    own = [f"paths.root={layout.root}", "model=mlp"]
    settings = load(compose([*own, "search=optuna", "search.trials=5", "search.startup=5", alone]))

    training = Training(layout, limit=0.005)
    failed = run_search(settings, [*own, "search=optuna", "search.trials=5"], run=training)
    assert len(training.tried) == 5 and failed == sum(lr > 0.005 for lr in training.tried) > 0
    (parent,) = training.client.search_runs([training.experiment], "tags.kind = 'search'")
    assert parent.info.status == FAILED and f"{5 - failed} of 5 jobs finished" in capsys.readouterr().out

    again = Training(layout, limit=1.0)
    assert run_search(settings, own, run=again) == 0
    assert again.tried == [lr for lr in training.tried if lr > 0.005]
    (parent,) = training.client.search_runs([training.experiment], "tags.kind = 'search'")
    best = min(training.tried, key=lambda lr: abs(lr - 0.01))
    assert parent.info.status == FINISHED and parent.data.metrics["valid/iou"] == 1 - abs(best - 0.01)
    assert parent.data.tags["best_params"] == f"model.lr={best:.4g}"
    artifacts = {one.path for one in training.client.list_artifacts(parent.info.run_id)}
    assert {"trials.csv", "search.png", "search_epochs.png", "comparison.png"} <= artifacts


def test_the_trials_are_a_table_and_figures_that_leave_matplotlib_as_it_was():
    study = optuna.create_study(direction="maximize")
    space = {key: distribution(one) for key, one in SPACE.items()}
    for number in range(12):
        trial = study.ask(space)
        trial.set_user_attr("process", GONE)
        trial.set_user_attr("run", f"mlp_{number}")
        trial.report(0.5, 0)
        if number == 1:
            trial.report(0.6, 1)
        study.tell(trial, value_of(trial) if number else None, state=None if number else TrialState.PRUNED)
    failed = study.ask(space)
    study.tell(failed, state=TrialState.FAIL)
    try_again(study)

    first, second, *_, last = list(csv.DictReader(io.StringIO(trials_csv(study))))
    assert list(first) == [
        "number", "state", "validation_iou", "data.batch", "model.lr", "run", "epoch_0", "epoch_1"
    ]  # fmt: skip
    assert (first["state"], second["run"], second["epoch_1"]) == ("PRUNED", "mlp_1", "0.6")
    assert (last["number"], last["state"]) == ("13", "WAITING")  # and not the attempt before it

    style = matplotlib.rcParams["axes.facecolor"], matplotlib.rcParams["axes.grid"]
    names = [name for name, figure in search_figures(study) if figure.axes[0].has_data()]
    assert names == ["search.png", "search_epochs.png", "search_importances.png"]
    assert (matplotlib.rcParams["axes.facecolor"], matplotlib.rcParams["axes.grid"]) == style
    assert pyplot.get_fignums() == []


def test_a_run_that_a_search_gave_up_is_killed_not_failed_and_is_never_gone_on_with(layout, capsys):
    settings = quick_settings(layout.root, "seed=7")
    sweep = begin(layout, "sample", "a key", "search", [], 1, ["seed"])

    def give_up(epoch, metrics):
        raise GivenUp(epoch + 1)

    with pytest.raises(GivenUp):
        run_job(settings, ["seed=7"], parent=sweep.run_id, on_epoch=give_up)
    (run,) = sweep.children()
    assert (run.info.status, run.data.tags["given_up"]) == (KILLED, "1")
    with pytest.raises(GivenUp):  # at once: it would be given up again
        run_job(settings, ["seed=7"], parent=sweep.run_id)
    assert len(sweep.client.search_runs([sweep.experiment_id], f"tags.`{PARENT_TAG}` = '{sweep.run_id}'")) == 1
    assert close_sweep(sweep) == 0
    assert sweep.client.get_run(sweep.run_id).info.status == FINISHED
    assert "given up, epoch 1" in capsys.readouterr().out
    own = run_job(quick_settings(layout.root, "seed=7", "ckpt=last", "trainer.epochs=3"), ["seed=7"])
    given_up = [folder for folder, record in all_runs(layout) if record.given_up]
    assert own.folder not in given_up and own.run_id != run.info.run_id
