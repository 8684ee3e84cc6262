"""`ladder`: which noise of known kind and rate the denoising methods are measured on, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from water_gee.config.base import Count, Group

Kind = Literal["shadow", "turbid", "shore", "cloud_shadow", "blocks", "flips"]
Rate = Annotated[float, Field(gt=0, le=50)]  # wrong labels in percent of the truth's water pixels
Seed = Annotated[int, Field(ge=0)]


class LadderTraining(Group):
    """The rungs on whose labels networks are trained, beside those that learn from the noisy and the true labels."""

    rates: list[Rate]  # those that are among the ladder's; none: nothing is trained
    seeds: Annotated[list[Seed], Field(min_length=1)]  # of the noise and of the network; those of the ladder
    epochs: Count


class LadderSettings(Group):
    """The rungs of the ladder: kinds, rates and seeds of noise, and the methods that climb it."""

    studies: list[str]  # beside the chosen one; each has a root of its own in work/ladder
    methods: list[str]  # empty: every method there is but v1
    kinds: Annotated[list[Kind], Field(min_length=1)]
    rates: Annotated[list[Rate], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    areas: Annotated[list[str], Field(min_length=1)]
    tiles: Annotated[int, Field(ge=0)]  # of an area and year at most, those with most of their rarer class; 0: all
    training: LadderTraining

    @field_validator("studies", "methods", "kinds", "rates", "seeds", "areas")
    @classmethod
    def _distinct(cls, values: list[object]) -> list[object]:
        if len(set(values)) < len(values):
            raise ValueError("a value is listed twice; list each once")
        return values

    @model_validator(mode="after")
    def _trained_on_what_is_there(self) -> Self:
        if strange := [seed for seed in self.training.seeds if seed not in self.seeds]:
            raise ValueError(f"training.seeds holds {strange[0]}, which is none of seeds; add it to ladder.seeds")
        return self
