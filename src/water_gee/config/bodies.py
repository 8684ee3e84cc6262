"""`bodies`: water bodies as polygons, and what tells a river from a lake."""

from typing import Annotated

from pydantic import Field

from water_gee.config.base import Group, Positive, UserFile


class BodiesSettings(Group):
    """What counts as one water body, and where its id and name come from."""

    min_km2: Annotated[float, Field(ge=0)]  # smaller bodies are left out
    join: Annotated[int, Field(ge=0, le=10)]  # pixels of land, at most, between the parts of one body
    river_width: Positive  # m: wider water is a lake, unless it is very long
    elongation: Annotated[float, Field(ge=3)]  # length by width from which narrow water is a river; a disc has 1.8
    names: UserFile | None = None  # a file of vector data with a column `name`
    earlier: UserFile | None = None  # a file of bodies whose ids are kept
