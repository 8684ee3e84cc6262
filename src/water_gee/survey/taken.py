"""Labelled points taken back: accuracy and area of the map that is there now."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from water_gee.classes import UNKNOWN
from water_gee.config.inputs import sha256_of
from water_gee.errors import WaterGeeError
from water_gee.maps import map_path, read_areas, read_maps
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.survey.design import OTHER
from water_gee.survey.estimate import FEWEST, Estimates, estimate
from water_gee.survey.intervals import Estimated
from water_gee.survey.labels import CLASSES, UNSURE, Answers, read_labels
from water_gee.survey.points import Survey, read_survey

_FEW = 5  # labelled points of a stratum below which that is said


def assess_points(layout: Layout, name: str) -> dict[str, Any]:
    """Return what the labelled points of a file say of the maps that are there, as `details.json` holds it.

    Points without a label, and those that the labeller was not sure of, do not count: they are taken to be missing at
    random within their stratum. What overall accuracy would be if the map were wrong, or right, on all that were not
    sure is told beside it. Where the map is another one than was sampled, its classes at the points are read anew,
    and the strata remain those of the map that was sampled.

    Raises:
        WaterGeeError: there is no survey or no map of its year; the file cannot be read, holds points of another
            survey, a point twice or a label that is none; or hardly a point is labelled.
    """
    survey = read_survey(layout)
    if survey is None:
        raise WaterGeeError(f"evaluate.points: there is no survey in {layout.survey}; run first: water-gee sample")
    path = layout.locate(name)
    labels = read_labels(path, survey)
    mapped, same = _classes_of(layout, survey)
    answers = Answers.of(survey, labels, mapped)
    strata = _Strata.of(survey, answers)
    found = strata.estimate(answers.kinds["labelled"], answers.truth)
    _tell(survey, answers, strata.merged, same=same)
    details = {
        "mark": survey.mark,
        "year": survey.year,
        "design": survey.design,
        "points_file": name,
        "points_sha256": sha256_of(path),
        "map": "sampled" if same else "another",
        "strata": answers.rows(survey),
        "merged": strata.merged,
        "counts": answers.totals,
        "matrix": found.cells.tolist(),
        "total_km2": found.total / 1e6,
        "overall": as_json(found.overall),
        "kappa": as_json(found.kappa),
        "classes": {name: _class(found, index) for index, name in enumerate(CLASSES)},
    }
    if not same:  # the strata tell how large the classes of the map of then are
        mapped_now = _mapped_km2(layout, survey.year)
        for name, of in details["classes"].items():
            of["mapped_km2"] = mapped_now[name]
    if answers.totals["unsure"]:
        details["if_unsure"] = _if_unsure(strata, answers)
    return details


def _classes_of(layout: Layout, survey: Survey) -> tuple[NDArray[np.int64], bool]:
    """Return the class that the present map gives each point, 255 for none, and whether it is the map of then.

    Raises:
        WaterGeeError: there is no map of the survey's year, or it is in another crs.
    """
    maps, name = read_maps(layout), f"{survey.year}/water.tif"
    if maps is None or name not in maps["files"]:
        raise WaterGeeError(f"the survey is of {survey.year}, of which there is no map; run: water-gee predict")
    with rasterio.open(map_path(layout, maps, str(survey.year), "water")) as file:
        if file.crs.to_string() != survey.crs:
            raise WaterGeeError(f"the map is in {file.crs.to_string()} and the survey in {survey.crs}; sample again")
        mapped = np.full(len(survey.points), UNKNOWN, dtype=np.int64)
        for number, point in enumerate(survey.points):
            row, column = file.index(point.x, point.y)
            if 0 <= row < file.height and 0 <= column < file.width:
                mapped[number] = file.read(1, window=Window(column, row, 1, 1))[0, 0]
    return mapped, maps["files"][name] == survey.water_sha256


def _mapped_km2(layout: Layout, year: int) -> dict[str, float]:
    """Return the area of each class on the present map of a year."""
    rows = {row["year"]: row for row in read_areas(layout, read_maps(layout) or {})}
    return {name: float(rows[str(year)][f"{name}_km2"]) for name in CLASSES}


class _Strata:
    """The strata that estimates are made over: those of the survey, less those that too few points count in."""

    def __init__(self, survey: Survey, mapped: NDArray[np.int64], number: NDArray[np.int64], into: list[int]) -> None:
        names = [one.name for one in survey.strata]
        kept = sorted(set(into))
        self.merged = [f"{names[one]} into {names[target]}" for one, target in enumerate(into) if one != target]
        members = [[one for one, target in zip(survey.strata, into, strict=True) if target == keep] for keep in kept]
        self.areas = [sum(one.area_m2 for one in group) for group in members]
        self.pixels = [sum(one.pixels for one in group) for group in members]
        self._mapped = mapped
        self._number = np.array([kept.index(into[one]) for one in number])

    @classmethod
    def of(cls, survey: Survey, answers: Answers) -> "_Strata":
        """Merge each stratum of fewer than two points that count with the other of its class.

        Raises:
            WaterGeeError: hardly a point of a class is labelled.
        """
        names = [one.name for one in survey.strata]
        into = list(range(len(names)))
        counted = np.bincount(answers.stratum[answers.kinds["labelled"]], minlength=len(names))
        for index in np.argsort(counted, kind="stable"):
            other = names.index(OTHER[names[index]]) if OTHER[names[index]] in names else index
            if counted[index] < FEWEST and other != index and into[other] == other:
                into[index] = other
                counted[other] += counted[index]
        if short := [names[one] for one in sorted(set(into)) if counted[one] < FEWEST]:
            raise WaterGeeError(
                f"hardly a point of the stratum {short[0]} is labelled, so that its variance is not known; label more"
            )
        return cls(survey, answers.mapped, answers.stratum, into)

    def estimate(self, chosen: NDArray[np.bool_], truth: NDArray[np.int64]) -> Estimates:
        """Return what the chosen points say."""
        counts = np.zeros((len(self.areas), 2, 2), dtype=np.int64)
        np.add.at(counts, (self._number[chosen], self._mapped[chosen], truth[chosen]), 1)
        return estimate(counts, self.areas, self.pixels)


def _if_unsure(strata: _Strata, answers: Answers) -> dict[str, float]:
    """Return overall accuracy, were the map wrong, or right, on all points that the labeller was not sure of."""
    unsure = (answers.label == UNSURE) & (answers.mapped != UNKNOWN)
    chosen, found = answers.kinds["labelled"] | unsure, {}
    for name, flip in (("wrong", 1), ("right", 0)):
        truth = np.where(unsure, answers.mapped ^ flip, answers.truth)
        found[name] = float(strata.estimate(chosen, truth).overall.value)
    return found


def _class(found: Estimates, index: int) -> dict[str, Any]:
    measures = {"users": found.users, "producers": found.producers, "iou": found.iou, "f1": found.f1}
    return {
        **{name: as_json(of.at(index)) for name, of in measures.items()},
        "area_km2": as_json(found.area.times(1e-6).at(index)),
        "mapped_km2": float(found.mapped[index]) * found.total / 1e6,
    }


def as_json(found: Estimated) -> dict[str, float | None]:
    """Return a single estimate as plain numbers, None where it is not defined."""
    values = {"value": found.value, "error": found.error, "low": found.low, "high": found.high}
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}


def _tell(survey: Survey, answers: Answers, merged: Sequence[str], *, same: bool) -> None:
    """Say which points do not count, and what else a reader of the estimates should know."""
    totals = answers.totals
    words = {"unsure": "not sure of", "unlabelled": "not labelled", "not_shown": "not shown by the map"}
    if left := [f"{totals[name]} {what}" for name, what in words.items() if totals[name]]:
        say(f"survey {survey.mark}: {totals['labelled']} of {totals['points']} points count ({', '.join(left)})")
    if not same:
        say(
            f"survey {survey.mark} was drawn from another map of {survey.year}: the present map is judged by the same "
            "points, with the strata of that one"
        )
    for one in merged:
        say(f"survey {survey.mark}: fewer than {FEWEST} points count in a stratum, which is merged: {one}")
    for row in answers.rows(survey):
        if FEWEST <= row["labelled"] < _FEW:
            say(f"survey {survey.mark}: {row['labelled']} points count in {row['stratum']}; its share is hardly known")
