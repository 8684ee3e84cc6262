"""What is made of the imagery, as plain values: every stage builds the same expression from it."""

from dataclasses import dataclass

from water_gee.config.earth import DemSettings
from water_gee.config.labels import LABEL_BANDS, SHARE
from water_gee.config.sensor import SensorSettings
from water_gee.config.settings import Settings
from water_gee.earth.evidence import BESIDE, KNOWN, QA, check_known, check_needs, shares_of
from water_gee.earth.features import check_features
from water_gee.errors import ConfigError
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


@dataclass(frozen=True)
class LabelSpec:
    """The raw label's rule, the label sources beside it, and the bands that denoising may read; all as stored."""

    bit: str = "quality"
    sources: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def shares(self) -> tuple[str, ...]:
        """The bands of the label sources."""
        return tuple(f"{SHARE}{band}" for name in self.sources for band in shares_of(name))

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands of a tile's labels, in their order."""
        return (*LABEL_BANDS, *self.shares, *self.beside)


def composite_spec(settings: Settings) -> CompositeSpec:
    """Return the settings' composite; all stages take it from here, so that none has a composite of its own.

    Raises:
        ConfigError: a feature is unknown, or needs a band that the sensor's list lacks; areas are strips of a sensor
            whose scenes have none; or nobody has said yet what `tiles.origin=auto` is.
    """
    study, origin = settings.study, settings.tiles.origin
    _check_strips(settings)
    check_features(settings.features.names, settings.sensor)
    if isinstance(origin, str):
        raise ConfigError("tiles.origin=auto is known by the tiles alone; give it in numbers, tiles.origin=[x,y]")
    grid = Grid(study.crs, study.scale, origin)
    return CompositeSpec(settings.sensor, settings.dem, tuple(settings.features.names), study.months, grid)


def _check_strips(settings: Settings) -> None:
    sensor = settings.sensor
    without = [source for source in sensor.sources if not source.has_strips]
    for name, area in settings.study.areas.items():
        if area.tracks and without:
            raise ConfigError(
                f"study.areas.{name}: scenes of {without[0].collections[0]} ({sensor.name}) have no WRS-2 path "
                "and row; name the area by bbox or region"
            )


def label_spec(settings: Settings) -> LabelSpec:
    """Return what the tiles' labels hold: the sources, less the raw label itself, and each band not among the features.

    A band of `labels.beside` that the sensor cannot give is left out: reflectance, or the share of snow.

    Raises:
        ConfigError: a source or band is unknown, or a source needs a band that the sensor's list lacks.
    """
    labels, sensor = settings.labels, settings.sensor
    check_known("labels.sources", "source", tuple(labels.sources), KNOWN)
    check_known("labels.beside", "band", tuple(labels.beside), BESIDE)
    sources = tuple(name for name in labels.sources if name != QA)
    for name in sources:
        check_needs("labels.sources", name, sensor)
    if labels.bit == "cfmask":
        check_needs("labels.bit", "cfmask", sensor)
    snow = ("snow",) if all(source.tells_snow for source in sensor.sources) else ()
    here = {*sensor.bands, "elevation", "slope", "illumination", *snow} - {*settings.features.names}
    return LabelSpec(labels.bit, sources, tuple(name for name in labels.beside if name in here))
