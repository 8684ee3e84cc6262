"""What every group of the configuration shares."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name is listed twice; list each once")
    return names


@dataclass(frozen=True)
class NamesFiles:
    """Of a key that names a file of the user's: a change of its content counts (`config.inputs`), as one of its name.

    A pattern is a glob of files, in which {year} stands for the year. What may name a run names a file where there is
    one of that name.
    """

    is_pattern: bool = False
    may_be_run: bool = False


UserFile = Annotated[str, NamesFiles()]
RunOrFile = Annotated[str, NamesFiles(may_be_run=True)]
UserFiles = Annotated[str, NamesFiles(is_pattern=True)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]


class Group(BaseModel):
    """A group of settings: immutable, strict about types, and with no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __getattr__(self, name: str) -> Any:
        """Say what is missing where a stage asks for a key that it does not declare in `reads`."""
        if name in type(self).model_fields:
            raise AttributeError(
                f"{type(self).__name__}.{name} is read by a stage that does not declare it in reads.py"
            )
        return super().__getattr__(name)  # type: ignore[misc]  # pydantic's own, hidden from type checkers
