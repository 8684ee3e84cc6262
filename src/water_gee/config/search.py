"""`search`: which choices a search tries, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from water_gee.config.base import Count, Group


class Dimension(Group):
    """What one key may become: a value between two bounds, or one of some choices."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False  # as likely between 1e-4 and 1e-3 as between 1e-3 and 1e-2
    step: Annotated[int | float, Field(gt=0)] | None = None
    choices: Annotated[list[bool | int | float | str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log or self.step:
                raise ValueError("give either choices, or low and high")
        elif self.low is None or self.high is None:
            raise ValueError("give low and high, as in {low: 1e-4, high: 1e-2, log: true}, or choices: [1, 2, 4]")
        elif self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        elif self.log and (self.low <= 0 or self.step):
            raise ValueError("log: true needs a low above 0, and no step")
        elif self.whole and self.step and not isinstance(self.step, int):
            raise ValueError("a step between whole numbers is a whole number")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried: both bounds are written as such."""
        return isinstance(self.low, int) and isinstance(self.high, int)


class SearchSettings(Group):
    """How choices are searched; `none` trains with the choices as they are."""

    method: Literal["none", "optuna"] = "none"
    trials: Count = 20
    startup: Count = 5  # trials drawn at random before the sampler learns from them
    pruner: Literal["none", "median", "halving"] = "median"
    warmup: Annotated[int, Field(ge=0)] = 2  # epochs in which no trial is given up
    space: dict[str, Dimension | None] = Field(default_factory=dict)  # by key, as on the command line
