"""`study`: where and when."""

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from water_gee.config.base import Count, Group, Positive, UserFile
from water_gee.config.reference import ReferenceSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SCENE = re.compile(r"L[CETO]\d\d_\d{6}_\d{8}")
REQUIRED_AREAS = ("train", "test", "map")


class AreaSettings(Group):
    """One area, named by exactly one of WRS strips, Landsat scenes, a bounding box, or a file of polygons."""

    strips: list[tuple[Count, Count]] | None = None
    scenes: list[str] | None = None  # their `system:index`, as LE07_137020_19990719: these alone, of their years
    bbox: tuple[float, float, float, float] | None = None  # left, bottom, right, top in the study's crs
    region: UserFile | None = None  # a file of polygons: GeoJSON, GeoPackage, Shapefile, in any crs
    layer: str | None = None  # of the region's file, where it has several

    @model_validator(mode="after")
    def _one_of_four(self) -> Self:
        given = [name for name in ("strips", "scenes", "bbox", "region") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of strips, scenes, bbox, region (got {', '.join(given) or 'none'})")
        if self.layer is not None and self.region is None:
            raise ValueError("layer is of a region's file; name the file as region, or take layer out")
        if self.scenes is not None and not self.scenes:
            raise ValueError("scenes is empty; list at least one id")
        for scene in self.scenes or []:
            if not _SCENE.fullmatch(scene):
                raise ValueError(f"{scene!r} is no scene of Landsat such as LE07_137020_19990719")
        if self.strips is not None and not self.strips:
            raise ValueError("strips is empty; list at least one [path, row]")
        if self.strips is not None and any(path > 233 or row > 248 for path, row in self.strips):
            raise ValueError("a WRS-2 path is 1-233 and a row 1-248; correct the strips")
        if self.bbox is not None and not (self.bbox[0] < self.bbox[2] and self.bbox[1] < self.bbox[3]):
            raise ValueError("bbox must be [left, bottom, right, top] with left < right and bottom < top")
        return self

    @property
    def tracks(self) -> tuple[tuple[int, int], ...]:
        """The WRS paths and rows of the strips, or of the scenes, each once; none of a box or region."""
        of_scenes = ((int(scene[5:8]), int(scene[8:11])) for scene in self.scenes or [])
        return tuple(dict.fromkeys([*(self.strips or []), *of_scenes]))


class StudySettings(Group):
    """A study: its grid, areas, years, season and references."""

    name: str
    crs: str
    scale: Positive  # metres, or degrees in a geographic crs
    areas: dict[str, AreaSettings]
    years: Annotated[list[Annotated[int, Field(ge=1982, le=2100)]], Field(min_length=1)]
    months: tuple[int, int]
    references: dict[str, ReferenceSettings] = Field(default_factory=dict)  # by name
    catalog: str | None = None  # the folder of scenes that `earth=local` reads unless told otherwise

    @field_validator("name")
    @classmethod
    def _file_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("use letters, digits, - and _ only")
        return name

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, crs: str) -> str:
        if not re.fullmatch(r"EPSG:\d{4,6}", crs):
            raise ValueError(f"{crs!r} is not a crs such as EPSG:32648")
        return crs

    @field_validator("years")
    @classmethod
    def _distinct_years(cls, years: list[int]) -> list[int]:
        if len(set(years)) != len(years):
            raise ValueError("a year is listed twice; list each once")
        return sorted(years)

    @field_validator("months")
    @classmethod
    def _real_months(cls, months: tuple[int, int]) -> tuple[int, int]:
        if not all(1 <= month <= 12 for month in months):
            raise ValueError(f"{list(months)} must be [first, last] month, each 1-12")
        return months

    @field_validator("references")
    @classmethod
    def _reference_names(cls, references: dict[str, ReferenceSettings]) -> dict[str, ReferenceSettings]:
        for name in references:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the reference name {name!r} may hold letters, digits, - and _ only")
        return references

    @model_validator(mode="after")
    def _areas_apart(self) -> Self:
        for name in REQUIRED_AREAS:
            if name not in self.areas:
                raise ValueError(f"areas.{name} is missing; name it by strips, bbox or region")
        for name in self.areas:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the area name {name!r} may hold letters, digits, - and _ only")
        train, test = self.areas["train"], self.areas["test"]
        shared = set(train.tracks) & set(test.tracks)
        if shared:
            raise ValueError(
                f"areas.train and areas.test share the strip {list(min(shared))}; give each its own strips"
            )
        if train.bbox and test.bbox and _overlap(train.bbox, test.bbox):
            raise ValueError("areas.train and areas.test overlap; move one of their bounding boxes")
        return self


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
