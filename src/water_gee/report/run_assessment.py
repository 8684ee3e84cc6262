"""A run's checkpoint on the test area: metrics and figures to log beside its validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.drawing import drawing
from water_gee.evaluation import EvaluationArea, Reference, TileView, count_checkpoint
from water_gee.models import Checkpoint
from water_gee.panels import MUTED
from water_gee.report import pictures
from water_gee.report.gallery import Gallery
from water_gee.report.palette import AREA_COLOURS
from water_gee.runs import Dataset

_BINS = 200  # steps of probability in which test pixels are counted


@dataclass(frozen=True)
class RunAssessment:
    """What the references say of a model."""

    metrics: Mapping[str, Mapping[str, float | int]]  # by reference, the primary one first
    data: Sequence[Dataset]  # the references


class Probabilities:
    """Test pixels by probability and truth, for each reference: counts [land or water, bin]."""

    def __init__(self) -> None:
        self.counts: dict[str, NDArray[np.int64]] = {}

    def add(self, view: TileView) -> None:
        """Count a tile."""
        for name, reference in view.references.items():
            known = view.clear & (reference != UNKNOWN)
            step = np.minimum((view.probability[known] * _BINS).astype(np.int64), _BINS - 1)
            truth = reference[known] == WATER
            held = self.counts.setdefault(name, np.zeros((2, _BINS), dtype=np.int64))
            for value in (0, 1):
                held[value] += np.bincount(step[truth == bool(value)], minlength=_BINS)


def assess_run(test: EvaluationArea, checkpoint: Path, folder: Path) -> RunAssessment | None:
    """Judge a checkpoint on the test area and draw its figures into `folder`; None without a reference or test tiles.

    Raises:
        TileError: a test tile or a reference is broken.
        ModelError: the checkpoint reads other features than the tiles hold.
        ConfigError: a reference has no file.
    """
    references, records = test.checked_references(), test.tiles()
    if not references or not records:
        return None
    gallery, probabilities = Gallery.of(records, references[0].name), Probabilities()
    tallies = count_checkpoint(test, Checkpoint(checkpoint, ""), [gallery.add, probabilities.add]).tallies
    confusions = {
        one.name: tallies[one.name].total("model")
        for one in references
        if one.name in tallies and tallies[one.name].cells
    }
    curves(folder / "curves.png", probabilities.counts)
    for year, overview in gallery.years.items():
        pictures.agreement(folder / f"errors_{year}.png", overview, references[0].name)
    for number, place in enumerate(gallery.places, start=1):
        pictures.place(folder / f"errors_place_{number}.png", place, references[0].name)
    data = [
        _dataset(test, reference, confusions[reference.name].pixels)
        for reference in references
        if reference.name in confusions
    ]
    return RunAssessment({name: one.metrics() for name, one in confusions.items()}, data)


def _dataset(test: EvaluationArea, reference: Reference, pixels: int) -> Dataset:
    """Return a reference as a dataset of the run."""
    files = [path for year in test.years for path in reference.files(year)]
    profile = {"files": len(files), "pixels": pixels}
    return Dataset(
        f"reference {reference.name}", reference.mark(test.years), reference.pattern, "test", ("water",), profile
    )


def curves(path: Path, counts: Mapping[str, NDArray[np.int64]]) -> None:
    """Draw precision against recall, and the share of water against the probability, by reference."""
    with drawing(path, 3.6, width=8.4) as figure:
        exact, reliable = figure.subplots(1, 2)
        reliable.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
        for (name, (land, water)), colour in zip(counts.items(), AREA_COLOURS * len(counts), strict=False):
            found, false = np.cumsum(water[::-1]), np.cumsum(land[::-1])
            recall, precision = found / max(1, found[-1]), found / np.maximum(found + false, 1)
            exact.plot([0.0, *recall], [precision[0], *precision], color=colour, label=name)
            _reliability(reliable, land, water, colour)
        exact.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="recall", ylabel="precision", title="Test: precision, recall")
        reliable.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of water", ylabel="share that is water")
        reliable.set_title("Test: calibration")
        exact.legend(loc="lower left")


def _reliability(axes: Axes, land: NDArray[np.int64], water: NDArray[np.int64], colour: str) -> None:
    """Draw 20 steps of probability that hold pixels."""
    water, pixels = water.reshape(20, -1).sum(axis=1), (land + water).reshape(20, -1).sum(axis=1)
    used = pixels > 0
    axes.plot(((np.arange(20) + 0.5) / 20)[used], water[used] / pixels[used], ".-", color=colour)
