"""The figures of the accuracy, as `reports/metrics.json` and `reports/details.json` hold them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from water_gee.config.settings import Settings
from water_gee.errors import TileError
from water_gee.evaluation.causes import Causes
from water_gee.evaluation.count import Counter
from water_gee.evaluation.details import describe
from water_gee.evaluation.reference import Reference
from water_gee.evaluation.view import METHODS, Judge, TileView, answered_by, views
from water_gee.files import digest
from water_gee.models import Checkpoint, selected
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.tiles import TileRecord, read_manifest

Visit = Callable[[TileView], None]


@dataclass(frozen=True)
class Assessment:
    """The contents of `metrics.json` and `details.json`."""

    metrics: dict[str, dict[str, dict[str, float | int]]]
    details: dict[str, Any]


def assess(settings: Settings, visits: Sequence[Visit] = ()) -> Assessment:
    """Judge every test tile; return the contents of `metrics.json` and `details.json`.

    The model is judged on the stored tiles, by PyTorch: they are the very pixels that the quality band and
    MNDWI are judged on, and the maps equal them (stage predict). Each of `visits` is shown every tile on the way.

    Raises:
        TileError: there is no test tile with a clear pixel, or no reference overlaps one.
        ModelError: there is no checkpoint, or it reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    layout = Layout.of(settings)
    references = list(settings.study.references)
    causes = Causes(layout, references[0]) if references and is_simulated(settings, layout) else None
    checkpoint = selected(layout).checkpoint
    own = [causes.add] if causes else []
    counter = judged(settings, checkpoint, [*own, *visits], title="evaluate")
    assessment = _assessment(settings, counter)
    assessment.details["model_sha256"] = checkpoint.sha256
    assessment.details["reference_files"] = reference_hashes(settings, layout)
    if causes:
        assessment.details["causes"] = causes.table()
    if not references:
        say(f"the study {settings.study.name} names no reference: there is nothing to measure the model against")
    return assessment


def judged(settings: Settings, checkpoint: Checkpoint, visits: Sequence[Visit] = (), title: str = "") -> Counter:
    """Count a checkpoint on the test tiles against every reference; nothing is written.

    Args:
        settings: the whole configuration.
        checkpoint: what is judged.
        visits: each is shown every tile on the way.
        title: of the progress; without it, it goes by silently.

    Raises:
        TileError: there is no test tile with a clear pixel.
        ModelError: there is no checkpoint, or it reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    layout, counter = Layout.of(settings), Counter(settings.evaluate.block)
    records = _records(layout, settings.evaluate.area, settings.study.years)
    seen = views(layout, records, load_judge(checkpoint), references_of(settings, layout))
    for view in track(seen, title, len(records)) if title else seen:
        for visit in (counter.add, *visits):
            visit(view)
    return counter


def judged_together(settings: Settings, checkpoints: Sequence[Checkpoint]) -> dict[Checkpoint, Counter]:
    """Count several checkpoints as `judged` does one, every tile and its references read once for all of them.

    Raises:
        TileError: there is no test tile with a clear pixel.
        ModelError: a checkpoint is not there, or reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    layout = Layout.of(settings)
    records = _records(layout, settings.evaluate.area, settings.study.years)
    judges = {one: load_judge(one) for one in checkpoints}
    counters = {one: Counter(settings.evaluate.block) for one in checkpoints}
    seen = views(layout, records, judges[checkpoints[0]], references_of(settings, layout))
    for view in track(seen, f"testing {len(checkpoints)} runs", len(records)):
        for one, judge in judges.items():
            counters[one].add(view if one == checkpoints[0] else answered_by(view, judge))
    return counters


def references_of(settings: Settings, layout: Layout) -> list[Reference]:
    """Return the study's references, the primary one first.

    Raises:
        ConfigError: a reference has no file.
    """
    references = [Reference(name, pattern, layout.root) for name, pattern in settings.study.references.items()]
    for reference in references:
        reference.check(settings.study.years)
    return references


def is_simulated(settings: Settings, layout: Layout) -> bool:
    """Return whether the study's scenes are those that `water-gee simulate` wrote to `data/raw`."""
    catalog = settings.earth.catalog
    if settings.earth.kind != "local" or not catalog or not (layout.raw / "simulation.json").is_file():
        return False
    return layout.locate(catalog).resolve().is_relative_to(layout.raw.resolve())


def reference_hashes(settings: Settings, layout: Layout) -> dict[str, str]:
    """Return one hash of each reference's files in the study's years, by name."""
    return {
        one.name: digest(path for year in settings.study.years for path in one.files(year))
        for one in references_of(settings, layout)
    }


def load_judge(checkpoint: Checkpoint) -> Judge:
    """Return a trained model as evaluation needs it."""
    from water_gee.models import load_checkpoint, predict

    model = load_checkpoint(checkpoint.path, checkpoint.sha256)
    return Judge(partial(predict, model), model.features, model.network.radius, model.threshold)


def test_tiles(layout: Layout, settings: Settings) -> list[TileRecord]:
    """Return the tiles of the test area that hold a clear pixel."""
    return [record for record in _listed(layout, settings.evaluate.area, settings.study.years) if record.status == "ok"]


def _listed(layout: Layout, area: str, years: list[int]) -> list[TileRecord]:
    return [record for record in read_manifest(layout) if record.area == area and record.year in years]


def _records(layout: Layout, area: str, years: list[int]) -> list[TileRecord]:
    records = _listed(layout, area, years)
    usable = [record for record in records if record.status == "ok"]
    if not usable:
        why = f"all {len(records)} are empty or failed" if records else "there is none"
        raise TileError(f"no tile of the area {area} to evaluate on ({why}); run: water-gee tiles tiles.areas=[{area}]")
    return usable


def _assessment(settings: Settings, counter: Counter) -> Assessment:
    """Return the figures of all references.

    Raises:
        TileError: a reference and the clear pixels of the test tiles do not meet.
    """
    for name in settings.study.references:
        if name not in counter.tallies or not counter.tallies[name].cells:
            raise TileError(
                f"the reference {name} does not overlap the clear pixels of the area {settings.evaluate.area}; "
                f"correct study.references.{name} (its crs and place), or the area"
            )
    metrics = {
        name: {method: tally.total(method).metrics() for method in METHODS} for name, tally in counter.tallies.items()
    }
    details = {
        "area": settings.evaluate.area,
        "study": settings.study.name,
        "block_pixels": settings.evaluate.block,
        "resamples": settings.evaluate.resamples,
        "references": {
            name: describe(tally, resamples=settings.evaluate.resamples, seed=settings.seed)
            for name, tally in counter.tallies.items()
        },
    }
    return Assessment(metrics, details)
