"""The survey's report `survey.json`: which pixels were drawn, from which strata of which map."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from water_gee.errors import WaterGeeError
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.sealed import read_sealed, write_sealed

_ADVICE = "put back the file that water-gee sample wrote, or sample again with sample.replace=true and label anew"


@dataclass(frozen=True)
class Point:
    """A sampled pixel: its name, stratum, place on the map (row and column from its upper left corner) and centre."""

    id: str
    stratum: str
    row: int
    column: int
    x: float  # of the crs
    y: float
    longitude: float
    latitude: float


@dataclass(frozen=True)
class StratumSize:
    """A stratum: the map's class in it, its size, and how many points it got."""

    name: str
    water: bool
    pixels: int
    area_m2: float
    points: int


@dataclass(frozen=True)
class Survey:
    """A drawn sample. `mark` begins the name of each point, so that points of two surveys are never taken for one."""

    study: str
    year: int
    crs: str
    scale: float
    water_sha256: str  # of the water map
    design: dict[str, Any]  # the settings that it was drawn with
    mark: str
    strata: tuple[StratumSize, ...]
    points: tuple[Point, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the content of `survey.json`."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]  # of a mapping, a mapping

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """Return what `as_json` gave.

        Raises:
            WaterGeeError: it is of another version.
        """
        try:
            strata = tuple(StratumSize(**one) for one in content["strata"])
            points = tuple(Point(**one) for one in content["points"])
            return cls(**{**content, "strata": strata, "points": points})
        except (KeyError, TypeError) as error:
            raise WaterGeeError(f"survey.json is not of this version ({error}); {_ADVICE}") from error


def mark_of(*made_of: Any) -> str:
    """Return a short mark of all that a sample depends on."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:6]


def write_survey(layout: Layout, survey: Survey) -> None:
    """Write `survey.json`."""
    write_sealed(layout.survey / "survey.json", survey.as_json())


def read_survey(layout: Layout) -> Survey | None:
    """Return the survey that was drawn, None where there is none.

    Raises:
        WaterGeeError: its report was changed, or is of another study or version.
    """
    path = layout.survey / "survey.json"
    return Survey.of(read_sealed(path, _ADVICE, study=layout.study)) if is_there(path) else None
