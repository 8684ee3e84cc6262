"""`deploy`: the maps as export tasks of Earth Engine."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from water_gee.config.base import Count, Group

_ASSETS = re.compile(r"(projects/[^/]+/assets|users/[^/]+)(/[A-Za-z0-9_-]+)+")


class DeploySettings(Group):
    """Where the maps go, in which blocks, and how often a task is tried."""

    to: Literal["asset", "storage", "drive"]
    folder: str | None = None  # of the assets, or in Drive; unset, named after the study
    bucket: str | None = None  # of Cloud Storage
    prefix: str | None = None  # before the names of files in a bucket
    block: Annotated[int, Field(ge=32, le=16_384)]  # pixels a side
    attempts: Count  # failures of a block's task before it is left
    queue: Annotated[int, Field(ge=1, le=3000)]  # tasks that may wait or run at once
    watch: bool
    seconds: Annotated[float, Field(ge=0)]  # between two looks at the tasks
    verify_pixels: Count
    force: bool
    dry_run: bool

    @model_validator(mode="after")
    def _destination(self) -> Self:
        if self.to == "storage" and not self.bucket:
            raise ValueError("deploy.to=storage needs a bucket of yours; add deploy.bucket=NAME")
        if self.to != "storage" and (self.bucket or self.prefix):
            raise ValueError("deploy.bucket and deploy.prefix are for deploy.to=storage; choose that or leave them out")
        if self.to == "storage" and self.folder:
            raise ValueError("deploy.to=storage has no folder; use deploy.prefix")
        if self.to == "asset" and self.folder and not _ASSETS.fullmatch(self.folder):
            raise ValueError(
                f"deploy.folder={self.folder} is no folder of assets; write projects/ID/assets/NAME, of letters, "
                "digits, - and _"
            )
        if self.to == "drive" and self.folder and "/" in self.folder:
            raise ValueError("deploy.folder names one folder of Drive, without /; choose such a name")
        return self
