"""Stage `cost`: what accuracy a network loses by being cheaper, so that the user can choose."""

from collections.abc import Mapping, Sequence

from water_gee.config.model import PruneSettings
from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.evaluation import EvaluationArea, count_checkpoints
from water_gee.experiments.cost_chart import draw
from water_gee.experiments.job import run_job
from water_gee.experiments.networks import TrainedNetwork, trained_networks
from water_gee.files import write_text
from water_gee.models import Selected, load_checkpoint, selected
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import as_csv, as_markdown, show
from water_gee.tracking import log_costs, log_report


def run(settings: Settings) -> None:
    """Prune the selected network by each of `cost.shares`, and compare all finished runs of the study.

    Writes `reports/cost/accuracy_cost.png` and `.csv` and logs both in an MLflow run of their own. Test figures are
    shown, and choose nothing.

    Raises:
        ModelError: there is no selected checkpoint, or no finished run of the tiles and labels that are there.
        TileError: there are no training or test tiles.
        ConfigError: a reference has no file.
    """
    layout = Layout.of(settings)
    for share in settings.cost.shares:
        prune_selected(settings, selected(layout), share)
    found = trained_networks(layout)
    if not found:
        raise ModelError("no finished run is of these tiles and clean labels; run first: python train.py")
    counters = count_checkpoints(EvaluationArea.of(settings), [one.checkpoint for one in found])
    tested = {
        one.path.parent.name: {name: tally.total("model").iou for name, tally in counter.tallies.items()}
        for one, counter in counters.items()
    }
    references = list(settings.study.references)
    rows = table(found, tested, references)
    folder = layout.reports / "cost"
    files = [folder / "accuracy_cost.csv", folder / "accuracy_cost.png"]
    write_text(files[0], as_csv(rows))
    draw(files[1], found, tested, references)
    log_costs(layout, {one.record.run_id: one.macs for one in found})
    log_report(layout, "cost", "accuracy against cost", files, as_markdown(rows))
    show("accuracy against cost", rows, texts=2)
    say(f"the figure is {files[1]}")


def prune_selected(settings: Settings, chosen: Selected, share: float) -> None:
    """Prune the selected network by a share and train it further, unless that was done before.

    A network of the user's own is left as it is.
    """
    checkpoint = chosen.checkpoint
    if own := load_checkpoint(checkpoint.path, checkpoint.sha256).own:
        say(f"the selected network is of {own.target}, a class of your own, and is not pruned by {share:.0%}")
        return
    source = str(chosen.report.get("run_id") or chosen.checkpoint.path)
    prune = PruneSettings.model_validate({"from": source, "share": share})
    none = settings.run.model_copy(update={"name": None})
    run_job(settings.model_copy(update={"prune": prune, "ckpt": None, "run": none}), [], again=False)


def table(
    found: Sequence[TrainedNetwork], tested: Mapping[str, Mapping[str, float]], references: Sequence[str]
) -> list[list[str]]:
    """Return a heading and a row a network: cost, its share of the costliest, IoU of validation and by reference.

    Args:
        found: the networks, the costliest first.
        tested: test IoU by run folder and reference.
        references: the references, in the order of the columns.
    """
    heading = ["network", "run", "macs_per_pixel", "share", "validation_iou", *(f"test_iou_{n}" for n in references)]
    rows = [heading]
    for one in found:
        run = one.checkpoint.path.parent.name
        ious = [one.validation, *(tested[run].get(name, float("nan")) for name in references)]
        cost = [str(one.macs), f"{one.macs / found[0].macs:.3f}"]
        rows.append([one.name, run, *cost, *(f"{iou:.4f}" for iou in ious)])
    return rows
