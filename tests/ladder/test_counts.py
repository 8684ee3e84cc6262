"""The measures of the ladder, against numbers counted by hand."""

import numpy as np
import pytest

from ladder.grounded import ladder_settings
from water_gee.denoise import CleanLabel
from water_gee.ladder.counts import SHAPE, count, estimates, measures, not_right
from water_gee.ladder.ground import Ground
from water_gee.ladder.noise import Noisy
from water_gee.study import Window

# A strip of eight pixels, of which the last is not counted.
TRUTH = [1, 1, 1, 1, 0, 0, 0, 0]
NOISY = [1, 0, 0, 1, 1, 0, 1, 1]
CLEAN = [1, 1, 0, 0, 0, 1, 255, 0]  # right; mended; left wrong; spoiled; mended; spoiled; no label; -


def strip(place=(0, 0, 0, 0, 1, 1, 1, 1)) -> tuple[Noisy, list[np.ndarray]]:
    """Return the strip as ground with noisy labels."""
    known = np.ones((1, 8), dtype=bool)
    own = known.copy()
    own[0, -1] = False
    ground = Ground(
        2020, Window(0, 0, 8, 1), (), np.array([TRUTH], np.uint8), np.ones((1, 8), np.float32), known, own,
        np.array([place]), ("west", "east"),
    )  # fmt: skip
    share = np.array([NOISY], np.float32)
    return Noisy(ground, share, np.ones((1, 8), np.float32), (share > 0) != (ground.truth == 1)), own


def counted(monkeypatch, clean=CLEAN):
    noisy, _ = strip()
    label = np.array([clean], np.uint8)
    monkeypatch.setattr("water_gee.ladder.counts._canvas", lambda ground, cleaned: label)
    return count([noisy], [[CleanLabel(label, label.astype(np.float32), label)]])


def test_every_measure_by_hand(monkeypatch) -> None:
    found = counted(monkeypatch)
    assert {place: int(one.sum()) for place, one in found.items()} == {"west": 4, "east": 3}
    values = {name: one[0] for name, one in measures(sum(found.values())).items()}  # of all
    assert values == {
        "put": 4 / 4,  # pixels 2, 3, 5 and 7, over four water pixels
        "left": 3 / 4,  # pixels 3 and 4 are water called land,
        "omission": 2 / 4,
        "commission": 1 / 4,  # pixel 6 land called water
        "flip_precision": 2 / 4,  # of the changes at 2, 4, 5 and 6 those at 2 and 5 are right
        "flip_recall": 2 / 4,  # of the wrong 2, 3, 5 and 7
        "damage": 2 / 3,  # of the right 1, 4 and 6: 4 and 6
        "coverage": 6 / 7,
    }
    assert not_right(found) == 4


def test_edge_and_interior_add_up(monkeypatch) -> None:
    found = sum(counted(monkeypatch).values())
    values = measures(found)
    assert found[0].sum() == 4 and found[1].sum() == 3  # two pixels on either side of the shore are its edge
    for name in ("left", "put", "commission", "omission"):
        assert values[name][1] + values[name][2] == pytest.approx(values[name][0])
    assert values["left"][1:].tolist() == [3 / 4, 0] and values["coverage"][1:].tolist() == [1, 2 / 3]


def test_what_has_no_denominator_has_no_value(monkeypatch) -> None:
    found = counted(monkeypatch, NOISY)
    estimate = estimates([found], resamples=100, seed=0)
    assert estimate["flip_precision"]["all"].value is None
    assert (estimate["flip_recall"]["all"].value, estimate["damage"]["all"].high) == (0, 0)


def some(seed: int, share: float) -> dict[str, np.ndarray]:
    """Return counts at twenty places where about `share` of the wrong labels are left."""
    random, found = np.random.default_rng(seed), {}
    for place in range(20):
        counts = np.zeros(SHAPE, dtype=np.int64)
        left = int(np.clip(random.normal(share, 0.1), 0, 1) * 100)
        counts[1, 1, 1, 1], counts[1, 0, 0, 0] = 900, 1000
        counts[0, 1, 0, 0], counts[0, 1, 0, 1] = left, 100 - left
        found[str(place)] = counts
    return found


def test_the_mean_over_the_seeds_lies_in_its_interval() -> None:
    seeds = [some(seed, share) for seed, share in enumerate((0.3, 0.5, 0.7))]
    one = estimates(seeds, resamples=300, seed=0)["left"]["all"]
    alone = [estimates([each], resamples=300, seed=0)["left"]["all"] for each in seeds]
    assert one.value == pytest.approx(np.mean([each.value for each in alone]))
    assert one.low < one.value < one.high
    assert one.high - one.low > 1.5 * (alone[0].high - alone[0].low)  # seeds that differ widen it
    assert estimates(seeds, resamples=300, seed=0)["left"]["all"] == one


def test_the_intervals_are_over_places() -> None:
    alike = {place: sum(some(1, 0.5).values()) // 20 for place in some(1, 0.5)}
    one = estimates([alike], resamples=300, seed=0)["left"]["all"]
    assert one.low == pytest.approx(one.high)


def test_places_of_a_table_are_drawn_whole(root) -> None:
    from water_gee.ladder.bench import Bench

    (root / "chips.csv").write_text(
        "scene,row,col,place\nwater_2020_train,0,0,lake\nother,0,0,pond\n", encoding="utf-8"
    )
    settings = ladder_settings(root)
    bench = Bench.of(settings)
    ground = bench.ground("train")[0]
    assert {ground.places[number] for number in np.unique(ground.place)} == {"place lake"}  # a chip is 144 pixels wide
    other = bench.ground("test")[0]
    names = {other.places[number] for number in np.unique(other.place)}
    assert len(names) > 16 and all(name.startswith("block ") for name in names)
