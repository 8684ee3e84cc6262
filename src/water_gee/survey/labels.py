"""The labels of a file, checked against the survey, point by point."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.errors import WaterGeeError
from water_gee.survey.geopackage import LABELS, labels_in
from water_gee.survey.points import Survey

CLASSES = ("land", "water")  # by their numbers on the map
UNSURE = "unsure"
_LISTED = 3


def read_labels(path: Path, survey: Survey) -> dict[str, str]:
    """Return the labels of a file by point: water, land or unsure; a point without a label is left out.

    Raises:
        WaterGeeError: the file cannot be read, holds points of another survey, a point twice or a label that is none.
    """
    if not path.is_file():
        raise WaterGeeError(f"evaluate.points: {path} does not exist; name the file of labelled points")
    try:
        pairs = labels_in(path)
    except (RuntimeError, ValueError) as error:
        why = str(error).split(";")[0].rstrip(".")
        raise WaterGeeError(
            f"evaluate.points: {path} cannot be read ({why}); name the GeoPackage or GeoJSON with the columns id and "
            "label"
        ) from error
    known = {point.id for point in survey.points}
    ids = [str(one) for one, _ in pairs]
    if foreign := [one for one in ids if one not in known]:
        raise WaterGeeError(
            f"evaluate.points: {path} holds points that survey {survey.mark} does not know ({_some(foreign)}); take "
            "the file of this survey, or put back the survey of that file"
        )
    if twice := [one for one, times in Counter(ids).items() if times > 1]:
        raise WaterGeeError(f"evaluate.points: {path} holds points twice ({_some(twice)}); keep one of each")
    words = {name: _word(label) for name, (_, label) in zip(ids, pairs, strict=True)}
    if strange := [f"{name}: {word}" for name, word in words.items() if word and word not in LABELS]:
        raise WaterGeeError(
            f"evaluate.points: {path} holds labels that are none ({_some(strange)}); write {', '.join(LABELS)}"
        )
    return {name: word for name, word in words.items() if word}


def _word(label: Any) -> str:
    return label.strip().lower() if isinstance(label, str) else "" if label is None or label != label else str(label)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


@dataclass(frozen=True)
class Answers:
    """Every point of a survey [point]: its stratum's number, its label (empty without), the map's class (255: none)."""

    stratum: NDArray[np.int64]
    label: NDArray[np.str_]
    mapped: NDArray[np.int64]

    @classmethod
    def of(cls, survey: Survey, labels: Mapping[str, str], mapped: NDArray[np.int64]) -> Self:
        """Return the survey's points with their labels."""
        names = [one.name for one in survey.strata]
        strata = np.array([names.index(point.stratum) for point in survey.points])
        return cls(strata, np.array([labels.get(point.id, "") for point in survey.points]), mapped)

    @property
    def truth(self) -> NDArray[np.int64]:
        """The class in truth of the points that count."""
        return np.where(self.label == CLASSES[WATER], np.int64(WATER), np.int64(LAND))

    @property
    def kinds(self) -> dict[str, NDArray[np.bool_]]:
        """Which points count, as `labelled`, and which do not, by the reason."""
        shown, known = self.mapped != UNKNOWN, np.isin(self.label, CLASSES)
        return {
            "labelled": known & shown,
            "unsure": self.label == UNSURE,
            "unlabelled": self.label == "",
            "not_shown": known & ~shown,
        }

    @property
    def totals(self) -> dict[str, int]:
        """The number of all points, and of each kind."""
        return {"points": len(self.label), **{name: int(of.sum()) for name, of in self.kinds.items()}}

    def rows(self, survey: Survey) -> list[dict[str, Any]]:
        """Return a row a stratum: its size, its points by kind, and how many of those that count are water."""
        kinds = self.kinds
        kinds["water"] = kinds["labelled"] & (self.truth == WATER)
        return [
            {
                "stratum": one.name, "class": CLASSES[int(one.water)], "pixels": one.pixels,
                "area_km2": one.area_m2 / 1e6, "points": one.points,
                **{name: int((of & (self.stratum == number)).sum()) for name, of in kinds.items()},
            }
            for number, one in enumerate(survey.strata)
        ]  # fmt: skip
