"""Which Earth Engine, as whom: what is found out about one account says nothing of another."""

from dataclasses import dataclass
from typing import Self

from water_gee.config.earth import EarthSettings


@dataclass(frozen=True)
class Account:
    """An Earth Engine and the project that uses it.

    Attributes:
        kind: `local` or `cloud`.
        project: the Google Cloud project.
        place: the endpoint, or eelocal's folder of scenes; empty for the service's usual one.
    """

    kind: str
    project: str
    place: str

    @classmethod
    def of(cls, earth: EarthSettings) -> Self:
        """Return the account that the settings choose."""
        place = earth.url or (earth.catalog if earth.kind == "local" else "") or ""
        return cls(earth.kind, earth.project or "local", place)

    @property
    def key(self) -> str:
        """What tells the account from others in a file."""
        return " ".join(part for part in (self.kind, self.project, self.place) if part)

    def __str__(self) -> str:
        if self.kind == "local":
            return f"eelocal at {self.place}"
        return f"Earth Engine, project {self.project}" + (f", at {self.place}" if self.place else "")
