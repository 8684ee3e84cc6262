"""JRC's monthly water history as a label source: what others saw in the very months of the study."""

from collections.abc import Sequence
from typing import Any

import ee

from water_gee.earth.composite import on_lattice
from water_gee.earth.session import Session
from water_gee.earth.spec import CompositeSpec
from water_gee.errors import EarthError

_ASSET = "JRC/GSW1_4/MonthlyHistory"  # an image a month, 1984-2021; Pekel et al. 2016
_BAND, _NOT_OBSERVED, _WATER = "water", 0, 2  # 1: observed, and not water


def water_history(spec: CompositeSpec, year: int) -> Any:
    """Return the share of a season's observed months that were water, masked where no month was observed."""

    def judged(month: Any) -> Any:
        return month.eq(_WATER).updateMask(month.neq(_NOT_OBSERVED))

    return on_lattice(spec, _months(spec, year).select(_BAND).map(judged).mean())


def history_versions(session: Session, spec: CompositeSpec, years: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the ids of each season's months, and their versions where the service tells them.

    Raises:
        EarthError: there is no such asset here, or it has no month of a season.
    """
    months = [_months(spec, year) for year in years]
    listed = [[one.aggregate_array(name) for name in ("system:index", "system:version")] for one in months]
    try:
        found = session.value(ee.List(listed))
    except EarthError as error:
        if "not found" not in str(error):
            raise
        raise EarthError(
            f"labels.sources: jrc needs {_ASSET}, which is not there; put it into the folder of scenes, use "
            "earth=cloud, or leave jrc out"
        ) from error
    for year, (ids, _) in zip(years, found, strict=True):
        if not ids:
            raise EarthError(
                f"labels.sources: jrc has no month of the season of {year} (it knows 1984 to 2021); leave jrc out, "
                "or drop that year from study.years"
            )
    return {
        year: tuple(f"{_ASSET}/{name}" for name in (*ids, *map(str, versions)))
        for year, (ids, versions) in zip(years, found, strict=True)
    }


def _months(spec: CompositeSpec, year: int) -> Any:
    begin, end = spec.season(year)
    return ee.ImageCollection(_ASSET).filterDate(begin, end)
