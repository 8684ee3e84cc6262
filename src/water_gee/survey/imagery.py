"""What Earth Engine is asked for a survey's pictures: composites, and which stored tiles are today's."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from operator import attrgetter

from water_gee.config.settings import Settings
from water_gee.earth import Prepared, Session, composite, composite_spec, connect, fetch, resolve_areas
from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.study import Window
from water_gee.survey.composites import BANDS, Fetch, Float
from water_gee.tiles import TileRecord, current_tiles

_CUT = attrgetter("area", "size", "margin")


@dataclass
class Imagery:
    """The imagery of a year; the connection is made when it is first asked for."""

    settings: Settings
    layout: Layout
    year: int
    stack: ExitStack  # closes the connection

    @cached_property
    def _session(self) -> Session:
        return self.stack.enter_context(connect(self.settings.earth, self.layout))

    @cached_property
    def _fetch(self) -> Fetch:
        spec, name = composite_spec(self.settings), self.settings.predict.area
        if missing := [band for band in BANDS if band not in spec.sensor.bands]:
            raise WaterGeeError(f"the sensor {spec.sensor.name} has no {', '.join(missing)} to show points in")
        area = resolve_areas(self._session, self.settings, [name])[name]
        image = Prepared(composite(spec, area, self.year), BANDS)
        return partial(self._of, image)

    def _of(self, image: Prepared, window: Window) -> Float:
        return fetch(image, composite_spec(self.settings).grid, window, BANDS, self._session.retry)

    def fetch(self, window: Window) -> Float:
        """Return the reflectance [band, y, x] of BANDS in a window, NaN where nothing was seen.

        Raises:
            WaterGeeError: the sensor lacks a band.
            EarthError: it could not be had.
        """
        return self._fetch(window)

    def current(self, records: Sequence[TileRecord]) -> list[TileRecord]:
        """Return the tiles that the settings and scenes of today would make, saying how many others there are.

        Raises:
            EarthError: the service could not be asked.
        """
        known = [one for one in records if one.area in self.settings.study.areas]
        spec, found = composite_spec(self.settings), []
        for (name, _, _), some in groupby(sorted(known, key=_CUT), key=_CUT):
            area = resolve_areas(self._session, self.settings, [name])[name]
            found += current_tiles(self._session, self.settings, spec, area, list(some))
        if passed := len(records) - len(found):
            say(
                f"{passed} of {len(records)} stored tiles of {self.year} are of other choices, outlines or scenes than "
                "today's and are passed over, the pictures of points there fetched; water-gee tiles brings them up to "
                "date"
            )
        return found


@contextmanager
def imagery(settings: Settings, layout: Layout, year: int) -> Iterator[Imagery]:
    """Give the imagery of a year."""
    with ExitStack() as stack:
        yield Imagery(settings, layout, year, stack)
