"""Water references: found by pattern and brought onto the study's pixels."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import CRSError, RasterioError

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.config.inputs import matching, parts
from water_gee.config.reference import CLASSES, ReferenceSettings
from water_gee.errors import ConfigError, TileError
from water_gee.evaluation.features import Points, Rule, label, load
from water_gee.evaluation.fitness import MEANING, check_files, opened, remarks
from water_gee.evaluation.nearest import meets, nearest
from water_gee.files import digest

_LISTED = 3  # values that a line names
_PLAIN = ((WATER, WATER), (LAND, LAND))


@dataclass(frozen=True)
class Reference:
    """A named reference: a glob of GeoTIFFs (1 water, 0 land, 255 unknown) or of polygons or points.

    `{year}` stands for the year.
    """

    name: str
    pattern: str
    root: Path  # a relative pattern is looked for below it, then below the working directory
    rule: Rule | None = None  # of polygons or points; None: rasters
    classes: tuple[tuple[int, int], ...] = _PLAIN  # the class of each value of a raster

    @classmethod
    def of(cls, name: str, settings: ReferenceSettings, root: Path) -> Self:
        """Return the reference that the settings name."""
        if not settings.is_vector and settings.values is not None:
            classes = tuple((int(value), number) for value, number in settings.classes.items())
            return cls(name, settings.path, root, classes=classes)
        if not settings.is_vector:
            return cls(name, settings.path, root)
        outside = None if settings.outside is None else CLASSES[settings.outside]
        return cls(
            name, settings.path, root, Rule(settings.layer, settings.column, tuple(settings.classes.items()), outside)
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
        if self.rule is None and self.classes == _PLAIN:
            return files
        return hashlib.md5(f"{files} {self.rule} {self.classes}".encode(), usedforsecurity=False).hexdigest()

    def check(self, years: Iterable[int]) -> None:
        """Check that at least one year has a file, that no raster takes water or land for nodata, and all of a vector.

        Raises:
            ConfigError: no year has, or a file does, or has no crs; polygons or points cannot be understood.
            TileError: a file cannot be read.
        """
        if not (files := self._all_files(years)):
            raise ConfigError(
                f"{self.key}: no file matches {self.pattern} (below {self.root}); "
                "correct the pattern, or take the reference out of the study"
            )
        if self.rule is None:
            check_files(self.key, files, dict(self.classes))
            return
        for path in files:
            load(self.key, path, self.rule)

    def remarks(self, years: Sequence[int], crs: str, transform: Affine) -> Iterator[str]:
        """Yield what a user should know of the files: years that have none, and grids that are not the study's."""
        if missing := [str(year) for year in years if not self.files(year)]:
            yield f"{self.key}: no file for {', '.join(missing)}, which is measured without it"
        if self.rule is None:
            yield from remarks(self.key, self._all_files(years), crs, transform)
            return
        for path in self._all_files(years):
            file = load(self.key, path, self.rule)
            if isinstance(file, Points) and (count := file.unlike(crs, transform)):
                yield f"{file.where}: {_pixels(count)} points of unlike classes: nothing is known there"

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
            files = [load(self.key, path, self.rule) for path in self.files(year)]
            return label(files, self.rule.outside, crs, transform, shape)
        values, meaning = np.full(shape, UNKNOWN, dtype=np.uint8), np.full(256, UNKNOWN, dtype=np.uint8)
        for value, number in self.classes:
            meaning[value] = number
        for path, part in sample(self.files(year), crs, transform, shape, unknown=UNKNOWN):
            strange = np.setdiff1d(np.unique(part), [*dict(self.classes), UNKNOWN])
            if strange.size:
                some = ", ".join(map(str, strange[:_LISTED])) + (" and others" if strange.size > _LISTED else "")
                word = "value" if strange.size == 1 else "values"
                raise TileError(f"{self.key}: {path} holds the {word} {some}; make it {MEANING}, or name it in values")
            values = np.where(values == UNKNOWN, meaning[part], values)
        return values


def sample(
    paths: Sequence[Path], crs: str, transform: Affine, shape: tuple[int, int], *, unknown: int, band: int = 1
) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield each file that meets a window and its band [y, x] there, by nearest neighbour; `unknown` elsewhere.

    Raises:
        TileError: a file is broken, lacks the band, or does not hold bytes.
    """
    for path in paths:
        try:
            with opened(path) as file:
                if file.count >= band and file.dtypes[band - 1] == "uint8":
                    values = nearest(file, band, crs, transform, shape, unknown)
                elif meets(file, crs, transform, shape):
                    kind = file.dtypes[band - 1] if file.count >= band else "missing"
                    raise TileError(f"band {band} of {path} is not of type uint8 but {kind}; make it {MEANING}")
                else:
                    continue
        except (RasterioError, CRSError) as error:
            raise TileError(f"{path} cannot be read ({error}); replace the file") from error
        if values is not None:
            yield path, values


def _pixels(count: int) -> str:
    return "1 pixel holds" if count == 1 else f"{count} pixels hold"
