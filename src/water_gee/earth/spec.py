"""What is made of the imagery, as plain values: every stage builds the same expression from it."""

from dataclasses import dataclass

from water_gee.config.earth import DemSettings, SensorSettings
from water_gee.config.settings import Settings
from water_gee.earth.features import check_features
from water_gee.study import Grid


@dataclass(frozen=True)
class CompositeSpec:
    """A sensor, an elevation model, the feature bands in order, the season and the pixel lattice."""

    sensor: SensorSettings
    dem: DemSettings
    features: tuple[str, ...]
    months: tuple[int, int]
    grid: Grid

    def season(self, year: int) -> tuple[str, str]:
        """Return the first day of a year's season and the first day after it, as ISO dates.

        A season that passes the new year belongs to the year in which it ends: months [12, 2] of 2020 are
        December 2019 to February 2020.
        """
        first, last = self.months
        begin = year if first <= last else year - 1
        end, after = (year, last + 1) if last < 12 else (year + 1, 1)
        return f"{begin:04d}-{first:02d}-01", f"{end:04d}-{after:02d}-01"


def composite_spec(settings: Settings) -> CompositeSpec:
    """Return the settings' composite; all stages take it from here, so that none has a composite of its own.

    Raises:
        ConfigError: a feature is unknown, or needs a band that the sensor's list lacks.
    """
    study = settings.study
    check_features(settings.features.names, settings.sensor)
    grid = Grid(study.crs, study.scale, settings.tiles.origin)
    return CompositeSpec(settings.sensor, settings.dem, tuple(settings.features.names), study.months, grid)
