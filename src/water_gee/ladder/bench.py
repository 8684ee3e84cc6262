"""The ladder of one study: every method on every rung, and networks trained on what some make of the labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from water_gee.config.configure import chosen
from water_gee.config.settings import Settings
from water_gee.errors import ConfigError, TileError
from water_gee.evaluation import Compared, EvaluationArea, Reference, compare
from water_gee.files import digest
from water_gee.ladder.counts import Counts, Estimate, count, estimates, not_right
from water_gee.ladder.ground import Ground, grounds
from water_gee.ladder.learning import learn
from water_gee.ladder.methods import RAW, Climber, clean, climbers
from water_gee.ladder.noise import Noisy, Rung, true_labels, with_noise
from water_gee.ladder.places import Places
from water_gee.ladder.results import code, fingerprint, read_counts, result_path, write_counts
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.reads import STAGES
from water_gee.tiles import TileRecord, read_manifest

TRUTH = "truth"  # what the labels without noise are called among those that networks learn from


@dataclass(frozen=True)
class Row:
    """A method at one kind and rate: every measure by name and zone."""

    kind: str
    rate: float
    method: str
    measures: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class Taught:
    """Networks trained at one kind and rate; each is compared with those that learned from the noisy labels."""

    kind: str
    rate: float
    networks: Sequence[Compared]


@dataclass(frozen=True)
class Measured:
    """What was measured on one study, against the first of its references."""

    study: str
    reference: str
    rows: Sequence[Row]
    taught: Sequence[Taught]


@dataclass
class Bench:
    """What is measured on one study. `grounds` are read when they are first needed."""

    settings: Settings  # of the study
    layout: Layout  # of the root that holds its tiles
    home: Layout  # of the root that gets the results
    reference: Reference
    climbers: list[Climber]
    records: dict[str, list[TileRecord]]  # by area
    _origin: dict[str, object]  # what every result depends on
    _grounds: dict[str, list[Ground]] = field(default_factory=dict)
    _labels: tuple[tuple[str, Rung] | None, list[Noisy]] = (None, [])

    @classmethod
    def of(cls, settings: Settings, home: Layout | None = None) -> "Bench":
        """Return the bench of a study, whose tiles lie in its settings' root.

        Args:
            settings: of the study.
            home: of the root that gets the results; without it, the same.

        Raises:
            ConfigError: the study names no reference, or a method is unknown.
            TileError: there are no tiles.
        """
        study, layout = settings.study, Layout.of(settings)
        if not study.references:
            raise ConfigError(
                f"the study {study.name} names no reference: the ladder needs the truth; add study.references"
            )
        test, records = EvaluationArea.of(settings), _records(settings, layout)
        methods, reference = climbers(settings), test.checked_references()[0]
        tables = {path for year in study.years for path in Places.tables(reference, year)}
        origin = {
            "study": layout.study, "reference": test.reference_hashes()[reference.name],
            "places": digest(sorted(tables)), "block": settings.evaluate.block, "tiles": settings.ladder.tiles,
        }  # fmt: skip
        for remark in test.remarks(next(iter(records.values()))[0]):
            say(remark)
        return cls(settings, layout, home or layout, reference, methods, records, origin)

    def measured(self) -> Measured:
        """Return the whole ladder; what is on disk is not done again."""
        counts = self.climb()
        return Measured(self.layout.study, self.reference.name, self.rows(counts), self.teach(counts))

    def rungs(self) -> Iterator[Rung]:
        """Yield every rung, seed by seed within kind and rate."""
        ladder = self.settings.ladder
        for kind in ladder.kinds:
            for rate in ladder.rates:
                for seed in ladder.seeds:
                    yield Rung(kind, rate, seed)

    def climb(self) -> dict[tuple[Rung, str], dict[str, Counts]]:
        """Return the counts by area and place of every rung and method; what is on disk is not done again."""
        steps = [
            (area, rung, climber)
            for area in self.settings.ladder.areas
            for rung in self.rungs()
            for climber in self.climbers
        ]
        found: dict[tuple[Rung, str], dict[str, Counts]] = {}
        for area, rung, climber in track(steps, f"the ladder of {self.layout.study}", len(steps)):
            counts = self._step(area, rung, climber)
            found.setdefault((rung, climber.name), {}).update({f"{area}/{place}": one for place, one in counts.items()})
        return found

    def rows(self, counts: Mapping[tuple[Rung, str], dict[str, Counts]]) -> list[Row]:
        """Return every method at every kind and rate, over its seeds."""
        ladder, evaluate = self.settings.ladder, self.settings.evaluate
        return [
            Row(kind, rate, one.name, estimates(
                [counts[Rung(kind, rate, seed), one.name] for seed in ladder.seeds],
                resamples=evaluate.resamples, seed=self.settings.seed,
            ))
            for kind in ladder.kinds for rate in ladder.rates for one in self.climbers
        ]  # fmt: skip

    def teach(self, counts: Mapping[tuple[Rung, str], dict[str, Counts]]) -> list[Taught]:
        """Return networks trained on noisy labels, on those of the chosen method and the best other, and on true ones.

        The best is the method that leaves the fewest labels of the rung wrong or without a value, over its seeds. All
        are judged on the ground of `evaluate.area`, against the truth.
        """
        ladder, evaluate = self.settings.ladder, self.settings.evaluate
        todo = [(kind, rate) for kind in ladder.kinds for rate in ladder.rates if rate in ladder.training.rates]
        found = []
        for kind, rate in track(todo, f"networks of {self.layout.study}", len(todo)):
            rungs = [Rung(kind, rate, seed) for seed in ladder.training.seeds]
            names = self._taught(counts, rungs)
            held = {
                TRUTH: [self._network(None, None, rung.seed) for rung in rungs],
                **{one.name: [self._network(rung, one, rung.seed) for rung in rungs] for one in names},
            }
            numbered = {
                name: [{(0, number): each for number, each in enumerate(one.values())} for one in seeds]
                for name, seeds in held.items()
            }
            networks = compare(numbered, RAW, resamples=evaluate.resamples, seed=self.settings.seed)
            found.append(Taught(kind, rate, networks))
        return found

    def _taught(self, counts: Mapping[tuple[Rung, str], dict[str, Counts]], rungs: Sequence[Rung]) -> list[Climber]:
        first = {RAW, self.settings.denoise.method}
        others = [one for one in self.climbers if one.name not in first]
        others.sort(key=lambda one: sum(not_right(counts[rung, one.name]) for rung in rungs))
        return [*(one for one in self.climbers if one.name in first), *others[:1]]

    def _step(self, area: str, rung: Rung, climber: Climber) -> dict[str, Counts]:
        path = result_path(self.home, self.layout.study, area, rung.name, climber.name)
        mark = fingerprint(
            **self._origin, code=code("denoise"), records=self._hashes(area), rung=asdict(rung), method=climber.name,
            settings=climber.settings,
        )  # fmt: skip
        if (known := read_counts(path, mark)) is not None:
            return known
        labels = self._noisy(area, rung)
        counts = count(labels, clean(climber, labels, area, rung.seed))
        about = {"study": self.layout.study, "area": area, **asdict(rung), "method": climber.name}
        write_counts(path, mark, counts, about)
        return counts

    def _network(self, rung: Rung | None, climber: Climber | None, seed: int) -> dict[str, Counts]:
        """Return the counts (tp, fp, fn, tn) by place of a network; without rung and climber, of true labels."""
        learns, judges = _training_areas(self.settings)
        name = (rung.name, climber.name) if rung and climber else (TRUTH, str(seed))
        path = result_path(self.home, self.layout.study, "network", *name)
        raw = climber or self.climbers[0]
        mark = fingerprint(
            **self._origin, code=[code("denoise"), code("train")], records=[self._hashes(learns), self._hashes(judges)],
            rung=asdict(rung) if rung else None, method=raw.name, settings=raw.settings, seed=seed,
            epochs=self.settings.ladder.training.epochs, training=chosen(self.settings, STAGES["train"].keys[1:]),
        )  # fmt: skip
        if (known := read_counts(path, mark)) is not None:
            return known
        labels = self._noisy(learns, rung) if rung else true_labels(self.ground(learns))
        cleaned = clean(raw, labels, learns, seed)
        counts = learn(self.settings, labels, cleaned, self.ground(judges), seed, self.home.work / "ladder")
        write_counts(path, mark, counts, {"study": self.layout.study, "network": list(name)})
        return counts

    def _noisy(self, area: str, rung: Rung) -> list[Noisy]:
        """Return the labels of a rung; those of the last one are kept."""
        if self._labels[0] != (area, rung):
            self._labels = ((area, rung), with_noise(self.ground(area), area, rung))
        return self._labels[1]

    def ground(self, area: str) -> list[Ground]:
        """Return the ground of an area, read when it is first asked for."""
        if area not in self._grounds:
            block = self.settings.evaluate.block
            self._grounds[area] = grounds(
                self.layout, self.records[area], self.reference, block, self.settings.ladder.tiles
            )
            for name in ("water", "land"):
                if any(getattr(ground, name) for ground in self._grounds[area]):
                    continue
                raise TileError(
                    f"the reference {self.reference.name} shows no {name} on the clear pixels of the area {area}; "
                    f"correct study.references.{self.reference.name}, or leave the area out of ladder.areas"
                )
        return self._grounds[area]

    def _hashes(self, area: str) -> list[tuple[str, str, str]]:
        return sorted((one.id, one.sha256, one.labels_sha256) for one in self.records[area])


def _records(settings: Settings, layout: Layout) -> dict[str, list[TileRecord]]:
    """Return the tiles of every area that is needed.

    Raises:
        TileError: an area has none.
    """
    areas = [*settings.ladder.areas, *(_training_areas(settings) if settings.ladder.training.rates else ())]
    listed = read_manifest(layout)
    records = {area: [one for one in listed if (one.area, one.status) == (area, "ok")] for area in areas}
    for area, own in records.items():
        if not own:
            raise TileError(f"no tile of the area {area} has a clear pixel; run: water-gee tiles tiles.areas=[{area}]")
    return records


def _training_areas(settings: Settings) -> tuple[str, str]:
    """Return the area that networks learn from and the one that they are judged on."""
    return "train", settings.evaluate.area
