"""The gate lets good labels through and holds harmful ones back, whatever made them, without truth."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from scipy import ndimage

from denoise.conftest import cleaned, logged
from denoise.evident import disc, evident
from denoise.synthetic import bytes_below, store
from denoise.synthetic import cleaned as cleaned_by
from water_gee.classes import WATER
from water_gee.config.settings import Settings
from water_gee.denoise import ABSTAIN, CleanLabel, CleanLabels, Reason, gate, usable
from water_gee.denoise.folds import fold_errors
from water_gee.denoise.gate import harm, scores_of
from water_gee.denoise.labels import assemble
from water_gee.denoise.method import TileByTile
from water_gee.denoise.methods.none import Raw
from water_gee.denoise.methods.vote import Vote
from water_gee.denoise.methods.water_gee import Joined
from water_gee.denoise.registry import METHODS
from water_gee.denoise.stage import run
from water_gee.denoise.weighing import Sample, draw, weigh
from water_gee.errors import TileError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.tiles import TileData, clean_path, write_manifest

Boolean = np.ndarray
_EIGHT = np.ones((3, 3), dtype=bool)


def lake(column: int, area: str = "train", side: int = 70) -> TileData:
    """A tile with a lake that the bit sees, a turbid pond that it leaves out, and dark land that it takes for water."""
    middle = side / 2 + 4 * np.cos(column)
    clear, pond = disc(side, side / 5, at=(middle, middle)), disc(side, 4, at=(12, 12)) == 1
    dark = disc(side, 3, at=(side - 12, side - 12)) == 1
    return evident(clear, covers={"turbid": pond, "dark": dark}, seed=column, area=area, column=column)


TILES = [lake(column) for column in range(1, 5)]


@dataclass(frozen=True)
class Doing(TileByTile):
    """A method that does one thing to the raw water [y, x]; some of the pixels may abstain."""

    does: Callable[[Boolean, np.random.Generator], Boolean]
    leaves_out: float = 0.0
    heavy: ClassVar[bool] = False

    def __call__(self, tile: TileData, seed: int, learned: None = None) -> CleanLabel:
        random = np.random.default_rng(seed)
        water = self.does(tile.label == WATER, random)
        unsure = random.random(water.shape) < self.leaves_out
        sure = np.full(water.shape, 0.9, dtype=np.float32)
        return assemble(tile, usable(tile, 3), water, sure, unsure=unsure)


HARMFUL = {
    "inverts": (Doing(lambda water, _: ~water), "every other source sees as water"),
    "all land": (Doing(lambda water, _: np.zeros_like(water)), "pixels of water are left"),
    "all water": (Doing(lambda water, _: np.ones_like(water)), "pixels of land are left"),
    "narrows": (
        Doing(lambda water, _: ndimage.binary_erosion(water, _EIGHT, 2)),
        r"\d\d\.\d % of the \d+ pixels turned to land are what every other source sees as water \(limit 15.0 %\)",
    ),
    "widens": (
        Doing(lambda water, _: ndimage.binary_dilation(water, _EIGHT, 2)),
        r"\d\d\.\d % of the \d+ pixels turned to water are what no other source sees as water \(limit 25.0 %\)",
    ),
    "flips": (
        Doing(lambda water, random: water ^ (random.random(water.shape) < 0.1)),
        r"the error on tiles held out rises from 0\.0\d\d to 0\.[1-4]\d\d \(limit 0\.0\d\d\)",
    ),
    "abstains": (
        Doing(lambda water, _: water, leaves_out=1 / 3),
        r"3\d\.\d % of the usable pixels have no label \(limit 10.0 %\)",
    ),
}
GOOD = {"none": Raw(), "water_gee": Joined(), "vote": Vote(sources=("qa", "mndwi", "awei", "wi2015", "ndwi", "dswe"))}


def scores(method: object, tiles: list[TileData] = TILES) -> gate.Scores:
    """The scores of tiles that are one area, cleaned by a method."""
    counts: Counter[str] = Counter()
    samples = []
    for tile in tiles:
        clean = cleaned_by(method, tile, tile.record.column, tiles)
        counts.update(weigh(tile, clean, 3))
        samples.append(draw(tile, clean, 3, tile.record.column))
    return scores_of(counts, fold_errors([sample for sample in samples if sample]))


@pytest.mark.parametrize("name", GOOD)
def test_good_labels_pass(name: str) -> None:
    found = scores(GOOD[name])
    assert harm(found) == []
    assert all(found[score] is not None for score in ("raw_agreement", "clean_fold_error", "abstained"))


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_labels_are_told_with_score_and_limit(name: str) -> None:
    method, reason = HARMFUL[name]
    found = "; ".join(harm(scores(method)))
    assert re.search(reason, found), found


def test_labels_that_rightly_change_much_pass() -> None:
    """Where the bit sees a tenth of the water, the default multiplies it."""
    tiles = []
    for column in range(1, 5):
        fraction = disc(70, 15)
        bit = disc(70, 5) == 1
        tiles.append(evident(fraction, bit=bit, seed=column, column=column))
    found = scores(Joined(), tiles)
    assert found["clean_water"] > 7 * found["raw_water"] and harm(found) == []


def test_changes_are_counted_by_reason() -> None:
    found = scores(Joined())
    assert {"shore", "evidence", "object"} <= set(found["changed_by_reason"])
    assert sum(found["changed_by_reason"].values()) == pytest.approx(found["changed"], abs=3e-4)


def test_snow_and_steep_ground_that_all_sources_take_for_water_may_become_land() -> None:
    for beside in ({"slope": 30.0}, {"snow": np.ones((70, 70))}):
        tiles = [evident(disc(70, 12), seed=column, column=column, **beside) for column in (1, 2)]
        part = Doing(lambda water, _: water & (np.arange(70) < 35))
        found = scores(part, tiles)
        assert found["to_land"] > 100 and found["to_land_against"] == 0


def test_what_is_hidden_is_no_abstention() -> None:
    hidden = np.zeros((70, 70), dtype=bool)
    hidden[:30] = True
    found = scores(Raw(), [evident(disc(70, 12), masked=hidden)])
    assert found["abstained"] == 0 and found["usable"] < 64 * 40
    assert found["raw_fold_error"] is None  # of a single place


def test_without_sources_only_the_labels_themselves_are_judged() -> None:
    tiles = [replace(tile, evidence={}) for tile in TILES]
    found = scores(HARMFUL["inverts"][0], tiles)
    assert found["raw_agreement"] is None and found["to_land_against"] is None
    assert harm(scores(HARMFUL["flips"][0], tiles)) and harm(scores(HARMFUL["all land"][0], tiles))


def test_folds_are_places_and_not_tiles() -> None:
    """Two years of one place are one fold; labels that say the place, and nothing of the values, cannot be learned."""
    random = np.random.default_rng(0)

    def sample(place: tuple[int, int], water: np.ndarray) -> Sample:
        values = random.normal(size=(400, 1)) + (100 if place == (0, 0) else 0)
        label = water.astype(np.uint8)
        return Sample(place, values.astype(np.float32), label, label, np.ones(400, np.float32))

    coin = [random.random(400) < 0.5 for _ in range(4)]
    assert fold_errors([sample((0, 0), coin[0]), sample((0, 0), coin[1])]) is None
    errors = fold_errors([sample((0, 0), coin[0]), sample((0, 0), coin[1]), sample((1, 0), coin[2])])
    assert errors is not None and min(errors) > 0.4


@pytest.fixture
def layout(tmp_path) -> Layout:
    """A root with four tiles of train and two of test."""
    layout = Layout(tmp_path, "tiny")
    tiles = [*TILES, lake(8, "test"), lake(9, "test")]
    write_manifest(layout, [store(layout, tile) for tile in tiles])
    return layout


@pytest.fixture
def narrowing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Overrides of a method that takes two pixels off every shore."""
    monkeypatch.setitem(METHODS, "none", lambda **_: HARMFUL["narrows"][0])
    monkeypatch.setattr("water_gee.denoise.stage.own_settings", lambda name, settings: {"radius": settings["radius"]})
    monkeypatch.setattr("water_gee.denoise.registry.checked", lambda name, settings: {})
    return ["denoise=none", "trainer.threads=1"]


@pytest.mark.usefixtures("no_drawing")
def test_a_failing_gate_leaves_labels_that_no_later_stage_takes(
    layout: Layout, settings: Callable[..., Settings], narrowing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = (
        r"^the labels by denoise=none would do harm; test: .*turned to land.*\(limit 15.0 %\).*; train: .*; "
        r"choose another method, or take these labels all the same with denoise.gate=warn$"
    )
    with pytest.raises(TileError, match=pattern):
        run(settings(*narrowing))
    assert all(clean_path(layout, record.area, record.id).exists() for record in cleaned(layout))
    with pytest.raises(TileError, match="no clean labels yet"):
        CleanLabels.of(layout)

    run(settings(*narrowing, "denoise.gate=warn"))  # cleans nothing again
    said = capsys.readouterr().err
    assert len(logged(layout)) == 6 and "6 already there" in said
    assert [line for line in said.splitlines() if line.startswith("warning: ") and "turned to land" in line]
    content = read_json(layout.clean / "report.json")["gate"]
    assert content["verdict"] == "warned" and content["areas"]["train"]["harm"]
    assert CleanLabels.of(layout).has(cleaned(layout)[0])

    with pytest.raises(TileError, match="would do harm"):
        run(settings(*narrowing))
    assert not (layout.clean / "report.json").exists()

    run(settings(*narrowing, "denoise.gate=off"))
    assert read_json(layout.clean / "report.json")["gate"] == {"verdict": "off", "areas": {}}
    assert len(logged(layout)) == 6


@pytest.mark.parametrize("method", ["none", "water_gee"])
@pytest.mark.usefixtures("no_drawing")
def test_labels_that_pass_are_judged_once(
    layout: Layout,
    settings: Callable[..., Settings],
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    choice = settings(f"denoise={method}", "trainer.threads=1")
    run(choice)
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("gate: test ")]
    before = bytes_below(layout.clean)
    content = read_json(layout.clean / "report.json")["gate"]
    assert content["verdict"] == "passed" and list(content["areas"]) == ["test", "train"]
    assert content["areas"]["train"]["harm"] == [] and content["areas"]["train"]["scores"]["usable"] > 0

    (layout.clean / "report.json").unlink()  # judged anew of what lies there
    run(choice)
    assert bytes_below(layout.clean) == before
    monkeypatch.setattr(gate, "load_tile", lambda *_: pytest.fail("no tile need be read"))
    run(choice)
    assert bytes_below(layout.clean) == before
    assert sum(line["step"] == "clean" for line in logged(layout, whole=True)) == 6


def test_reasons_of_abstention_do_not_hide_it() -> None:
    """A method that calls its abstentions unseen has abstained all the same."""
    tile = TILES[0]
    clean = cleaned_by(Raw(), tile)
    label, reason = clean.label.copy(), clean.reason.copy()
    label[20:50], reason[20:50] = ABSTAIN, Reason.UNSEEN
    counts = weigh(tile, CleanLabel(label, clean.confidence, reason), 3)
    assert harm(scores_of(counts, None))[0].startswith("46.9 % of the usable pixels")


def test_yaml_takes_off_for_a_boolean(settings: Callable[..., Settings]) -> None:
    assert settings("denoise.gate=false").denoise.gate == settings("denoise.gate=off").denoise.gate == "off"
