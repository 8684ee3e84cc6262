"""Water references: found by pattern and brought onto the study's pixels."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import CRSError, RasterioError

from water_gee.classes import UNKNOWN
from water_gee.config.inputs import matching, parts
from water_gee.config.reference import CLASSES, ReferenceSettings
from water_gee.errors import ConfigError, TileError
from water_gee.evaluation.features import Points, Polygons, Rule, label, load
from water_gee.evaluation.fitness import check_files, opened, remarks
from water_gee.evaluation.meaning import MEANING, Meaning
from water_gee.evaluation.nearest import nearest
from water_gee.files import digest

_LISTED = 3  # values that a line names


@dataclass(frozen=True)
class Reference:
    """A named reference: a glob of GeoTIFFs (1 water, 0 land, 255 unknown) or of polygons or points.

    `{year}` stands for the year.
    """

    name: str
    pattern: str
    root: Path  # a relative pattern is looked for below it, then below the working directory
    rule: Rule | None = None  # of polygons or points; None: rasters
    meaning: Meaning = field(default_factory=Meaning)  # of the numbers of rasters

    @classmethod
    def of(cls, name: str, settings: ReferenceSettings, root: Path) -> Self:
        """Return the reference that the settings name."""
        if not settings.is_vector:
            return cls(name, settings.path, root, meaning=Meaning.of(settings))
        outside = None if settings.outside is None else CLASSES[settings.outside]
        classes = tuple(settings.classes.items())
        return cls(
            name, settings.path, root, Rule(settings.layer, settings.column, classes, outside, settings.year_column)
        )

    def files(self, year: int) -> list[Path]:
        """Return the files of one year, sorted by name."""
        return matching(self.root, self.pattern, year)

    def rasters(self, year: int) -> list[Path]:
        """Return the files of one year where they are rasters."""
        return [] if self.rule else self.files(year)

    def parts(self, year: int) -> list[Path]:
        """Return all files that the answer for one year rests on: those of `files`, and what belongs to them."""
        return [part for path in self.files(year) for part in parts(path)]

    def mark(self, years: Iterable[int]) -> str:
        """Return one hash of all that the answers rest on: the files, and how they are understood if that is said."""
        files = digest(part for year in years for part in self.parts(year))
        if self.rule is None and self.meaning.is_plain:
            return files
        return hashlib.md5(f"{files} {self.rule} {self.meaning}".encode(), usedforsecurity=False).hexdigest()

    def check(self, years: Iterable[int]) -> None:
        """Check that at least one year has a file, that no raster takes water or land for nodata, and all of a vector.

        Raises:
            ConfigError: no year has, or a file does, or has no crs; polygons or points cannot be understood.
            TileError: a file cannot be read.
        """
        years = tuple(years)
        if not self._all_files(years):
            raise ConfigError(
                f"{self.key}: no file matches {self.pattern} (below {self.root}); "
                "correct the pattern, or take the reference out of the study"
            )
        if self.rule is None:
            if not check_files(self.key, [(path, year) for year in years for path in self.files(year)], self.meaning):
                raise ConfigError(f"{self.key}.band: no file has a band of any of the years; correct the band's name")
            return
        if not any([self._features(year) for year in years]):
            raise ConfigError(f"{self.key}.year_column: no file has a feature of {_listed(years)}; correct the column")

    def remarks(self, years: Sequence[int], crs: str, transform: Affine) -> Iterator[str]:
        """Yield what a user should know of the files: years that have none, and grids that are not the study's."""
        if missing := [year for year in years if not self.files(year)]:
            yield f"{self.key}: no file for {_listed(missing)}, which is measured without it"
        if empty := [year for year in years if year not in missing and not self._speaks(year)]:
            what = "no band" if self.rule is None else f"nothing in the column {self.rule.year_column}"
            yield f"{self.key}: {what} for {_listed(empty)}, which is measured without it"
        if self.rule is None:
            yield from remarks(self.key, self._all_files(years), crs, transform)
            return
        for file in dict.fromkeys(file for year in years for file in self._features(year)):
            if isinstance(file, Points) and (count := file.unlike(crs, transform)):
                yield f"{file.where}: {_pixels(count)} points of unlike classes: nothing is known there"

    def _speaks(self, year: int) -> bool:
        """Return whether the files of a year have a band, or features, of it."""
        if self.rule:
            return bool(self._features(year))
        if not self.meaning.is_by_year:
            return True
        return check_files(self.key, [(path, year) for path in self.files(year)], self.meaning)

    def _features(self, year: int) -> list[Polygons | Points]:
        """Return the polygons or points of a year, by file."""
        assert self.rule is not None, "rasters have none"
        found = [load(self.key, path, self.rule, year) for path in self.files(year)]
        return [one for one in found if one is not None]

    @property
    def key(self) -> str:
        """Where the configuration names it."""
        return f"study.references.{self.name}"

    def _all_files(self, years: Iterable[int]) -> list[Path]:
        return sorted({path for year in years for path in self.files(year)})

    def sample(self, year: int, crs: str, transform: Affine, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the reference [y, x] of the pixels of `transform`: 1 water, 0 land, 255 unknown.

        A pixel takes the value of the reference pixel that holds its centre (nearest neighbour), whatever
        the offset between the two lattices, or the class of the polygon that does, or of the point in it. Where
        files overlap, the first by name that knows decides.

        Raises:
            TileError: a file is broken, or holds other values.
            ConfigError: polygons or points cannot be understood.
        """
        if self.rule:
            return label(self._features(year), self.rule.outside, crs, transform, shape)
        labels = np.full(shape, UNKNOWN, dtype=np.uint8)
        for path in self.files(year):
            found = at_centres(path, partial(self._band, path, year), crs, transform, shape)
            if found is None:
                continue
            part, strange = self.meaning.label(*found)
            if strange.size:
                some = ", ".join(f"{one:g}" for one in strange[:_LISTED].tolist())
                more = " and others" if strange.size > _LISTED else ""
                raise TileError(
                    f"{self.key}: {path} holds the value{'s' * (strange.size > 1)} {some}{more}; say by "
                    f"{self.key}.values or ranges what is water and what is land (unsaid: {MEANING})"
                )
            labels = np.where(labels == UNKNOWN, part, labels)
        return labels

    def _band(self, path: Path, year: int, file: Any) -> int | None:
        return self.meaning.band_of(self.key, path, file, year)


def at_centres(
    path: Path, choose: Callable[[Any], int | None], crs: str, transform: Affine, shape: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """Return what `nearest` does of the band of a file that `choose` names; None of none.

    Raises:
        TileError: the file is broken.
    """
    try:
        with opened(path) as file:
            band = choose(file)
            return None if band is None else nearest(file, band, crs, transform, shape)
    except (RasterioError, CRSError) as error:
        raise TileError(f"{path} cannot be read ({error}); replace the file") from error


def _listed(years: Iterable[int]) -> str:
    return ", ".join(map(str, years))


def _pixels(count: int) -> str:
    return "1 pixel holds" if count == 1 else f"{count} pixels hold"
