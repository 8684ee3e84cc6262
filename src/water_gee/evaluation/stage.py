"""The figures of the accuracy, as `reports/metrics.json` and `reports/details.json` hold them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from water_gee.errors import TileError
from water_gee.evaluation.area import EvaluationArea
from water_gee.evaluation.causes import Causes
from water_gee.evaluation.circumstances import Circumstances
from water_gee.evaluation.count import Counter
from water_gee.evaluation.details import describe
from water_gee.evaluation.reliability import Reliability
from water_gee.evaluation.view import METHODS, Judge, TileView, answered_by, views
from water_gee.models import Checkpoint, selected
from water_gee.progress import say, track

Visit = Callable[[TileView], None]


@dataclass(frozen=True)
class Assessment:
    """The contents of `metrics.json` and `details.json`."""

    metrics: dict[str, dict[str, dict[str, float | int]]]
    details: dict[str, Any]


def assess(test: EvaluationArea, visits: Sequence[Visit] = ()) -> Assessment:
    """Judge every test tile; return the contents of `metrics.json` and `details.json`.

    The model is judged on the stored tiles, by PyTorch: they are the very pixels that the quality band and
    MNDWI are judged on, and the maps equal them (stage predict). Each of `visits` is shown every tile on the way.

    Raises:
        TileError: there is no test tile with a clear pixel, or no reference overlaps one.
        ModelError: there is no checkpoint, or it reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    causes = Causes(test.layout, test.references[0].name) if test.references and test.is_simulated else None
    checkpoint = selected(test.layout).checkpoint
    studied: dict[str, Circumstances | Reliability] = {}
    for first in test.references[:1]:
        studied["circumstances"] = Circumstances(first, test.block)
        studied["reliability"] = Reliability(first.name, test.block)
    own = [*([causes.add] if causes else []), *(table.add for table in studied.values())]
    counter = count_checkpoint(test, checkpoint, [*own, *visits], title="evaluate")
    assessment = _assessment(test, counter)
    for remark in (*test.remarks(test.records()[0]), *_one_sided(test, counter)):
        say(remark)
    assessment.details["model_sha256"] = checkpoint.sha256
    assessment.details["reference_files"] = test.reference_hashes()
    if causes:
        assessment.details["causes"] = causes.table()
    for name, table in studied.items():
        assessment.details[name] = table.table(resamples=test.resamples, seed=test.seed)
    if not test.references:
        say(f"the study {test.layout.study} names no reference: there is nothing to measure the model against")
    return assessment


def count_checkpoint(
    test: EvaluationArea, checkpoint: Checkpoint, visits: Sequence[Visit] = (), title: str = ""
) -> Counter:
    """Count a checkpoint on the test tiles against every reference; nothing is written.

    Args:
        test: the tiles and references.
        checkpoint: what is counted.
        visits: each is shown every tile on the way.
        title: of the progress; without it, it goes by silently.

    Raises:
        TileError: there is no test tile with a clear pixel.
        ModelError: there is no checkpoint, or it reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    records, counter = test.records(), Counter(test.block)
    seen = views(test.layout, records, load_judge(checkpoint), test.checked_references())
    for view in track(seen, title, len(records)) if title else seen:
        for visit in (counter.add, *visits):
            visit(view)
    return counter


def count_checkpoints(test: EvaluationArea, checkpoints: Sequence[Checkpoint]) -> dict[Checkpoint, Counter]:
    """Count several checkpoints as `count_checkpoint` does one, every tile and its references read once for all.

    Raises:
        TileError: there is no test tile with a clear pixel.
        ModelError: a checkpoint is not there, or reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    records = test.records()
    judges = {one: load_judge(one) for one in checkpoints}
    counters = {one: Counter(test.block) for one in checkpoints}
    seen = views(test.layout, records, judges[checkpoints[0]], test.checked_references())
    for view in track(seen, f"testing {len(checkpoints)} runs", len(records)):
        for one, judge in judges.items():
            counters[one].add(view if one == checkpoints[0] else answered_by(view, judge))
    return counters


def load_judge(checkpoint: Checkpoint) -> Judge:
    """Return a trained model as evaluation needs it."""
    from water_gee.models import load_checkpoint, predict

    model = load_checkpoint(checkpoint.path, checkpoint.sha256)
    return Judge(partial(predict, model), model.features, model.network.radius, model.threshold)


def _one_sided(test: EvaluationArea, counter: Counter) -> Iterator[str]:
    """Yield a line for each reference that knows a single class: half of the figures then mean nothing."""
    for reference in test.references:
        found = counter.tallies[reference.name].total("model")
        water, land = found.tp + found.fn, found.fp + found.tn
        if not water or not land:
            name, other = ("land", "water") if land else ("water", "land")
            yield (
                f"{reference.key}: on the clear pixels of the area {test.area} it shows {name} and no {other}: IoU, F1 "
                f"and kappa say nothing of {other}; take a reference that shows both"
            )


def _assessment(test: EvaluationArea, counter: Counter) -> Assessment:
    """Return the figures of all references.

    Raises:
        TileError: a reference and the clear pixels of the test tiles do not meet.
    """
    for name in (one.name for one in test.references):
        if name not in counter.tallies or not counter.tallies[name].cells:
            raise TileError(
                f"the reference {name} does not overlap the clear pixels of the area {test.area}; "
                f"correct study.references.{name} (its crs and place), or the area"
            )
    metrics = {
        name: {method: tally.total(method).metrics() for method in METHODS} for name, tally in counter.tallies.items()
    }
    details = {
        "area": test.area,
        "study": test.layout.study,
        "block_pixels": test.block,
        "resamples": test.resamples,
        "references": {
            name: describe(tally, resamples=test.resamples, seed=test.seed) for name, tally in counter.tallies.items()
        },
    }
    return Assessment(metrics, details)
