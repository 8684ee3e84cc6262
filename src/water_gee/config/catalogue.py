"""`catalogue`: what the STAC catalogue says of the study that no result knows."""

from typing import Annotated, Literal

from pydantic import Field

from water_gee.config.base import Group

Word = Annotated[str, Field(min_length=1)]
Role = Literal["licensor", "producer", "processor", "host"]


class Provider(Group):
    """An organisation that made the maps, owns their licence or offers them."""

    name: Word
    roles: tuple[Role, ...] = ()
    url: str | None = None
    description: str | None = None


class CatalogueSettings(Group):
    """The licence and the words by which the study's maps are found."""

    title: str | None = None  # unset: made of the study's name
    description: str | None = None  # unset: made of what the maps are
    license: Annotated[str, Field(pattern=r"^[\w.+-]+$")]  # an SPDX identifier, as CC-BY-4.0, or `other`
    license_url: str | None = None  # its text
    keywords: tuple[Word, ...]
    providers: tuple[Provider, ...]
