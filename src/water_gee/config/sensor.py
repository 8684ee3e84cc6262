"""`sensor`: which scenes, their bands and scaling, what of a pixel is seen, and how a season becomes one image."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from water_gee.config.base import Group, Names

Role = Literal["blue", "green", "red", "nir", "swir1", "swir2"]
REFLECTANCE_BANDS: tuple[Role, ...] = ("blue", "green", "red", "nir", "swir1", "swir2")
Bit = Annotated[int, Field(ge=0, le=15)]
LEAST_CLOUDY = "least_cloudy"
_PERCENTILE = re.compile(r"p(\d{1,2}|100)")


class ClassSettings(Group):
    """The values of a quality band that names one class a pixel, where others have bits."""

    fill: int
    cloud: Annotated[list[int], Field(min_length=1)]  # what is not seen: clouds, their shadows, broken pixels
    water: int
    snow: int | None = None


class ScoreSettings(Group):
    """How clear a pixel is by another collection, whose images have the `system:index` of their scenes."""

    collection: str
    band: str
    at_least: float


class SunSettings(Group):
    """The properties that say where the sun stood, in degrees: its azimuth, and its elevation or zenith angle."""

    azimuth: str
    elevation: str | None = None
    zenith: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.elevation is None) == (self.zenith is None):
            raise ValueError("name the sun's elevation or its zenith angle, one of them")
        return self


class SourceSettings(Group):
    """Scenes of one kind: their assets, band names, scaling, and what the quality band says."""

    collections: Names
    bands: Annotated[dict[Role, str], Field(min_length=1)]
    multiply: float  # reflectance = number * multiply + add
    add: float
    valid: tuple[float, float] | None = None  # numbers, both ends included; unset: all that are not masked
    quality: str
    cloud_bits: tuple[Bit, ...] | None = None
    water_bit: Bit | None = None
    snow_bit: Bit | None = None  # unset: the quality band does not tell snow
    classes: ClassSettings | None = None  # in place of the bits
    score: ScoreSettings | None = None  # beside the bits or classes
    # What scenes say of themselves; unset: as Landsat's do.
    passes: tuple[str, ...] | None = None  # properties that tell apart the passes of one day
    cloudiness: str | None = None  # the property by which the least cloudy scene is known
    sun: SunSettings | None = None

    @field_validator("multiply")
    @classmethod
    def _grows(cls, multiply: float) -> float:
        if multiply <= 0:
            raise ValueError("must be greater than 0: reflectance grows with the number")
        return multiply

    @field_validator("valid")
    @classmethod
    def _ascending(cls, valid: tuple[float, float] | None) -> tuple[float, float] | None:
        if valid is not None and valid[0] >= valid[1]:
            raise ValueError("must be [lowest, highest] number with lowest < highest")
        return valid

    @model_validator(mode="after")
    def _bits_or_classes(self) -> Self:
        if self.classes is None and (self.water_bit is None or not self.cloud_bits):
            raise ValueError("what the quality band says is missing; give cloud_bits and water_bit, or classes")
        if self.classes is not None and (self.water_bit is not None or self.cloud_bits or self.snow_bit is not None):
            raise ValueError(
                "the quality band has bits or classes; give cloud_bits, water_bit and snow_bit, or classes"
            )
        return self

    @property
    def of_pass(self) -> tuple[str, ...]:
        """The properties that tell apart the passes of one day."""
        return ("SPACECRAFT_ID", "WRS_PATH") if self.passes is None else self.passes

    @property
    def has_strips(self) -> bool:
        """Whether the scenes name their WRS-2 path and row, by which strips are found."""
        return "WRS_PATH" in self.of_pass

    @property
    def of_clouds(self) -> str:
        """The property that holds a scene's cloud cover."""
        return "CLOUD_COVER" if self.cloudiness is None else self.cloudiness

    @property
    def of_sun(self) -> SunSettings:
        """The properties that say where the sun stood."""
        return SunSettings(azimuth="SUN_AZIMUTH", elevation="SUN_ELEVATION") if self.sun is None else self.sun

    @property
    def tells_snow(self) -> bool:
        """Whether the quality band tells snow."""
        return (self.snow_bit if self.classes is None else self.classes.snow) is not None


class SensorSettings(SourceSettings):
    """The sources of a study's scenes, and how a season of looks becomes one image.

    Most sensors are one source. `also` holds more by name: what one does not name it has of the sensor itself.
    """

    name: str
    also: dict[str, SourceSettings] = Field(default_factory=dict)
    reducer: str  # median, mean, least_cloudy, or a percentile such as p25

    @model_validator(mode="before")
    @classmethod
    def _inherited(cls, given: Any) -> Any:
        """Complete the further sources."""
        if not isinstance(given, dict) or not isinstance(given.get("also"), dict):
            return given
        own = {key: value for key, value in given.items() if key in SourceSettings.model_fields}
        return {**given, "also": {k: {**own, **v} if isinstance(v, dict) else v for k, v in given["also"].items()}}

    @field_validator("reducer")
    @classmethod
    def _known_reducer(cls, reducer: str) -> str:
        if reducer not in ("median", "mean", LEAST_CLOUDY) and not _PERCENTILE.fullmatch(reducer):
            raise ValueError(f"{reducer!r} is unknown; choose median, mean, least_cloudy or a percentile such as p25")
        return reducer

    @model_validator(mode="after")
    def _alike(self) -> Self:
        for name, source in self.also.items():
            for band in REFLECTANCE_BANDS:
                if (band in source.bands) != (band in self.bands):
                    lacking = f"also.{name}.bands" if band in self.bands else "bands"
                    raise ValueError(f"{lacking} lacks {band}, which the other source has; all have the same bands")
        return self

    @property
    def sources(self) -> tuple[SourceSettings, ...]:
        """All sources, the sensor's own first."""
        return (self, *self.also.values())

    @property
    def assets(self) -> tuple[str, ...]:
        """The collections of all sources."""
        return tuple(asset for source in self.sources for asset in source.collections)

    @property
    def scores(self) -> tuple[str, ...]:
        """The collections of scores that the sources need."""
        return tuple(source.score.collection for source in self.sources if source.score)

    @property
    def percentile(self) -> int | None:
        """The percentile of `reducer`, if it is one."""
        found = _PERCENTILE.fullmatch(self.reducer)
        return int(found[1]) if found else None
