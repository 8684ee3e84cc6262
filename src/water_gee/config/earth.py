"""`earth`, `dem`, `features`, `tiles`: how the imagery is reached and what is made of it."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from water_gee.config.base import Count, Group, Positive


class EarthSettings(Group):
    """Which Earth Engine: eelocal over a folder of scenes, or the service with a project of the user's."""

    kind: Literal["local", "cloud"]
    catalog: str | None = None  # local: the folder catalog
    url: str | None = None  # local: an eelocal that already runs; cloud: another endpoint
    project: str | None = None  # cloud: the Google Cloud project
    workers: Annotated[int, Field(ge=1, le=40)]  # requests at once
    attempts: Count  # tries of one request before it counts as failed
    wait: Annotated[float, Field(ge=0)]  # seconds before the second try, doubled before each further one
    deadline: Positive  # seconds for one request

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.kind == "local" and not (self.catalog or self.url):
            raise ValueError("earth=local needs a folder of scenes; add earth.catalog=DIR, or catalog: to the study")
        if self.kind == "cloud" and not self.project:
            raise ValueError("earth=cloud needs your Google Cloud project; add earth.project=ID")
        return self


class DemSettings(Group):
    """An elevation model: an image, or a collection of images to mosaic."""

    asset: str
    collection: bool
    band: str


class FeatureSettings(Group):
    """The feature bands of the network, in their order."""

    names: Annotated[list[str], Field(min_length=1)]

    @field_validator("names")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("a feature is listed twice; list each once")
        return names


class TilesSettings(Group):
    """The tiles to download."""

    areas: Annotated[list[str], Field(min_length=1)]
    size: Annotated[int, Field(ge=32, le=2048)]  # pixels a side
    origin: tuple[float, float] | Literal["auto"]  # a corner of the pixel lattice, in crs units; auto: the scenes' own
    margin: Annotated[int, Field(ge=0, le=64)]  # pixels around a tile, for the network's neighbourhood
    dry_run: bool  # only say what would be fetched
    refresh: bool  # fetch again what is already there
