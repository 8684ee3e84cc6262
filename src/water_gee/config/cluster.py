"""`cluster`: who does work that is done tile by tile."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from water_gee.config.base import Group


class ClusterSettings(Group):
    """Processes of this machine, or the workers of a Dask scheduler that is already running."""

    kind: Literal["processes", "dask"]
    workers: Annotated[int, Field(ge=0)] = 0  # processes at once; 0: as many as there are cores
    address: str = ""  # of the scheduler, as tcp://HOST:PORT or tls://HOST:PORT

    @model_validator(mode="after")
    def _known_where(self) -> Self:
        if self.kind == "dask" and not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", self.address):
            raise ValueError(f"address is {self.address!r}; write the scheduler's as tcp://HOST:8786")
        if self.kind == "dask" and self.workers:
            raise ValueError("how many workers there are is said where Dask's workers are started; leave workers at 0")
        return self
