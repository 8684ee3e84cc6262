"""`simulate`: which scenes to make, checked."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from water_gee.config.base import Group, Share

SCALE = 30.0  # metres a pixel of a scene
FINE = 3  # cells of the drawing grid along a pixel: everything is drawn at 10 m
NODE = 2  # pixels along a node of the routing grid: rivers are routed at 60 m


class Strip(Group):
    """One strip: a square part of the scenes of one WRS path."""

    path: Annotated[int, Field(ge=1, le=233)]
    role: Annotated[str, Field(pattern="^(train|test)$")]
    left: float  # metres in the crs, the western edge
    top: float  # metres in the crs, the northern edge
    dates: Annotated[list[date], Field(min_length=1)]

    @property
    def years(self) -> list[int]:
        """The years with at least one date, ascending."""
        return sorted({day.year for day in self.dates})


class SimulationSpec(Group):
    """A whole simulation; the same spec gives the same bytes."""

    seed: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=192, le=2048, multiple_of=64)]  # pixels of 30 m along a strip
    crs: str
    row: Annotated[int, Field(ge=1, le=248)]  # WRS row, as in the names of the scenes
    water_share: Annotated[Share, Field(ge=0.06, le=0.12)]  # aimed at, of each strip
    cloud_share: Annotated[Share, Field(le=0.5)]  # mean over the dates
    strips: Annotated[list[Strip], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        paths = [strip.path for strip in self.strips]
        if len(set(paths)) < len(paths):
            raise ValueError("each strip needs a WRS path of its own")
        for strip in self.strips:
            if len(set(strip.dates)) < len(strip.dates):
                raise ValueError(f"strip {strip.path} names a date twice")
        return self
