"""The default method on tiles whose truth is known: what it must add, take away, leave alone, and leave open."""

import numpy as np
import pytest

from denoise.evident import disc, evident
from water_gee.classes import LAND, WATER
from water_gee.denoise import ABSTAIN, CleanLabel, Reason, usable
from water_gee.denoise.methods.water_gee import Joined, Learned
from water_gee.errors import TileError
from water_gee.tiles import TileData

METHOD = Joined()
SIDE = 90


def cleaned(*tiles: TileData) -> list[CleanLabel]:
    """The clean labels of tiles that are one area."""
    surveys = [(tile.record, survey) for tile in tiles if (survey := METHOD.survey(tile, 0))]
    learned = METHOD.learn(surveys, 0)
    return [METHOD(tile, 0, learned) for tile in tiles]


def agreement(clean: CleanLabel, fraction: np.ndarray) -> float:
    """The share of the labels that are right, of pixels that are not close to half water."""
    counts = (clean.label != ABSTAIN) & (np.abs(fraction - 0.5) > 0.15)
    return float(((clean.label == WATER) == (fraction > 0.5))[counts].mean())


def test_water_that_the_bit_leaves_out_is_added() -> None:
    clear, turbid = disc(SIDE, 14, at=(24, 24)), disc(SIDE, 14, at=(64, 64))
    tile = evident(clear, covers={"turbid": turbid == 1})
    missed = (turbid == 1) & usable(tile, 3)
    assert not tile.share[missed].any()
    (clean,) = cleaned(tile)
    assert (clean.label[missed] == WATER).mean() > 0.98
    assert set(clean.reason[missed & (clean.label == WATER)]) <= {Reason.EVIDENCE, Reason.SHORE}


def test_a_shore_is_drawn_where_pixels_are_half_water() -> None:
    fraction = disc(SIDE, 25)
    tile = evident(fraction)
    (clean,) = cleaned(tile)
    used = usable(tile, 3)
    assert agreement(clean, fraction) > 0.995
    raw_wrong = ((tile.share >= 0.5) != (fraction > 0.5)) & used
    wrong = ((clean.label == WATER) != (fraction > 0.5)) & used & (clean.label != ABSTAIN)
    assert raw_wrong.sum() > 20 and wrong.sum() < raw_wrong.sum() / 2


def test_dark_land_away_from_water_is_land_again() -> None:
    dark = disc(SIDE, 8, at=(70, 70)) == 1
    tile = evident(disc(SIDE, 14, at=(24, 24)), covers={"dark": dark})
    assert tile.share[dark].mean() > 0.9
    (clean,) = cleaned(tile)
    flipped = clean.label[dark & usable(tile, 3)]
    assert (flipped == LAND).mean() > 0.95
    assert Reason.OBJECT in clean.reason[dark]


def test_snow_is_not_taken_for_water() -> None:
    snow = disc(SIDE, 10, at=(66, 66)) == 1
    steep = np.where(snow, 25.0, 0.0)
    tile = evident(disc(SIDE, 14, at=(24, 24)), covers={"snow": snow}, snow=snow, slope=steep)
    assert tile.evidence["mndwi"][snow].all()  # which is what a vote would go by
    (clean,) = cleaned(tile)
    assert not (clean.label[snow] == WATER).any()
    flat = evident(disc(SIDE, 14, at=(24, 24)), covers={"snow": snow}, snow=snow)
    assert not (cleaned(flat)[0].label[snow] == WATER).any()


def test_steep_ground_far_from_water_is_land_and_a_river_in_a_gorge_is_not() -> None:
    fraction = disc(SIDE, 14, at=(24, 24))
    dark = np.zeros((SIDE, SIDE), dtype=bool)
    dark[60:80, 60:80] = True
    tile = evident(fraction, covers={"dark": dark}, slope=np.where(dark, 30.0, 0.0))
    (clean,) = cleaned(tile)
    assert (clean.label[65:75, 65:75] == LAND).all()
    assert {Reason.TERRAIN, Reason.OBJECT} & set(clean.reason[65:75, 65:75].ravel())
    gorge = evident(disc(SIDE, 14), slope=12.0)
    (clean,) = cleaned(gorge)
    assert (clean.label[40:50, 40:50] == WATER).all()


def test_a_bit_that_knows_more_than_spectra_is_believed_beside_water() -> None:
    """A flooded meadow at the shore: reflectance of land with some water in it, and the bit knows."""
    fraction = disc(SIDE, 20)
    meadow = (disc(SIDE, 23) > 0.5) & (fraction < 0.5)
    mixture = np.where(meadow, 0.42, fraction)
    bit = (fraction > 0.5) | meadow
    (clean,) = cleaned(evident(mixture, bit=bit))
    assert (clean.label[meadow] == WATER).mean() > 0.9


def test_a_bit_that_seldom_knows_more_is_not_believed() -> None:
    """The same meadow, a few pixels of it: the bit's errors beside water, which are left open and not called water."""
    fraction = disc(SIDE, 20)
    meadow = (disc(SIDE, 23) > 0.5) & (fraction < 0.5)
    few = meadow & (np.random.default_rng(3).random(meadow.shape) < 0.1)
    mixture = np.where(meadow, 0.42, fraction)
    rule = evident(mixture).share > 0
    (clean,) = cleaned(evident(mixture, bit=rule | few))
    assert few.sum() > 10 and not (clean.label[few] == WATER).any()


def test_a_strong_label_is_left_alone() -> None:
    fraction = disc(SIDE, 22)
    tile = evident(fraction, bit=fraction > 0.5)
    (clean,) = cleaned(tile)
    changed = (clean.label != tile.label) & (clean.label != ABSTAIN)
    assert changed.mean() < 0.005


def test_a_narrow_river_is_unmixed_with_the_water_of_the_area() -> None:
    river = np.zeros((SIDE, SIDE))
    river[:, 44] = 0.75
    tile, lake = evident(river), evident(disc(SIDE, 25))
    assert not METHOD.survey(tile, 0)
    clean, _ = cleaned(tile, lake)
    used = usable(tile, 3)[:, 44]
    assert (clean.label[used, 44] == WATER).mean() > 0.9
    assert (clean.label[used, 46] == LAND).mean() > 0.99


def test_an_area_without_water_stays_land_and_one_of_water_water() -> None:
    nothing = evident(np.zeros((SIDE, SIDE)))
    (clean,) = cleaned(nothing)
    assert (clean.label[usable(nothing, 3)] == LAND).all()
    sea = evident(np.ones((SIDE, SIDE)))
    (clean,) = cleaned(sea)
    assert (clean.label[usable(sea, 3)] == WATER).all()


def test_where_nothing_was_seen_there_is_no_label() -> None:
    hidden = np.zeros((SIDE, SIDE), dtype=bool)
    hidden[:, :30] = True
    tile = evident(disc(SIDE, 25), masked=hidden)
    (clean,) = cleaned(tile)
    assert (clean.label[hidden] == ABSTAIN).all() and (clean.reason[hidden] == Reason.UNSEEN).all()
    assert (clean.reason[:, 30:33][10:-10] == Reason.NEIGHBOUR).all()
    blind = evident(disc(SIDE, 25), masked=np.ones((SIDE, SIDE), dtype=bool))
    assert METHOD.survey(blind, 0) is None and (cleaned(blind)[0].label == ABSTAIN).all()


def test_confidence_is_a_probability_where_there_is_a_label() -> None:
    (clean,) = cleaned(evident(disc(SIDE, 25)))
    known = clean.label != ABSTAIN
    assert np.isnan(clean.confidence[~known]).all()
    assert (clean.confidence[known] >= 0.5).mean() > 0.99 and (clean.confidence[known] <= 1).all()


def test_what_an_area_teaches_is_the_mean_of_its_agreed_water() -> None:
    tiles = evident(disc(SIDE, 25)), evident(disc(SIDE, 12))
    learned = METHOD.learn([(tile.record, METHOD.survey(tile, 0)) for tile in tiles], 0)
    assert learned.spectrum == pytest.approx([0.06, 0.04, 0.02, 0.01], abs=0.01)
    assert np.isnan(METHOD.learn([], 0).spectrum).all()


@pytest.mark.parametrize("source", ["mndwi", "dswe_partial"])
def test_a_tile_that_lacks_a_source_is_refused_with_the_key(source) -> None:
    tile = evident(disc(SIDE, 25))
    del tile.evidence[source]
    with pytest.raises(TileError, match=rf"no evidence of '{source}'.*labels.sources"):
        METHOD(tile, 0, Learned(np.full(4, np.nan), False))
