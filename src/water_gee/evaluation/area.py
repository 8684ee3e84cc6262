"""What a model is tested on: the tiles of the test area, and the references that say what is true there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from affine import Affine

from water_gee.config.settings import Settings
from water_gee.errors import TileError
from water_gee.evaluation.reference import Reference
from water_gee.paths import Layout
from water_gee.tiles import TileRecord, read_manifest


@dataclass(frozen=True)
class EvaluationArea:
    """The test area of a study."""

    layout: Layout
    area: str
    years: tuple[int, ...]
    references: tuple[Reference, ...]  # the primary one first
    block: int  # pixels a side of the places that intervals are made over
    resamples: int  # of the bootstrap
    seed: int
    is_simulated: bool  # the scenes are those that `water-gee simulate` wrote to data/raw

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the test area that the settings name."""
        layout = Layout.of(settings)
        named = settings.study.references.items()
        return cls(
            layout=layout,
            area=settings.evaluate.area,
            years=tuple(settings.study.years),
            references=tuple(Reference.of(name, one, layout.root) for name, one in named),
            block=settings.evaluate.block,
            resamples=settings.evaluate.resamples,
            seed=settings.seed,
            is_simulated=_is_simulated(layout, settings.earth.catalog if settings.earth.kind == "local" else None),
        )

    def checked_references(self) -> list[Reference]:
        """Return the references, the primary one first.

        Raises:
            ConfigError: a reference has no file.
        """
        for reference in self.references:
            reference.check(self.years)
        return list(self.references)

    def remarks(self, record: TileRecord) -> Iterator[str]:
        """Yield what a user should know of the references' files, against the grid of a tile."""
        place = Affine(record.scale, 0, record.left, 0, -record.scale, record.top)
        for reference in self.references:
            yield from reference.remarks(self.years, record.crs, place)

    def reference_hashes(self) -> dict[str, str]:
        """Return one hash of each reference in the study's years, by name: its files, and how they are understood.

        Raises:
            ConfigError: a reference has no file.
        """
        return {one.name: one.mark(self.years) for one in self.checked_references()}

    def tiles(self) -> list[TileRecord]:
        """Return the tiles that hold a clear pixel."""
        return [record for record in self._listed() if record.status == "ok"]

    def records(self) -> list[TileRecord]:
        """Return the same, of which there must be one.

        Raises:
            TileError: there is none.
        """
        usable = self.tiles()
        if not usable:
            listed = len(self._listed())
            why = f"all {listed} are empty or failed" if listed else "there is none"
            advice = f"run: water-gee tiles tiles.areas=[{self.area}]"
            raise TileError(f"no tile of the area {self.area} to evaluate on ({why}); {advice}")
        return usable

    def _listed(self) -> list[TileRecord]:
        return [record for record in read_manifest(self.layout) if (record.area, record.year) in self._places]

    @property
    def _places(self) -> set[tuple[str, int]]:
        return {(self.area, year) for year in self.years}


def _is_simulated(layout: Layout, catalog: str | None) -> bool:
    if not catalog or not (layout.raw / "simulation.json").is_file():
        return False
    return layout.locate(catalog).resolve().is_relative_to(layout.raw.resolve())
