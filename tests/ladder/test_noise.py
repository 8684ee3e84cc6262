"""Each kind of noise makes as many labels wrong as asked, where it should, and the same ones again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from water_gee.errors import TileError
from water_gee.ladder.kinds import KINDS
from water_gee.ladder.noise import Rung, true_labels, with_noise

RATES = (5, 10, 20, 30)


def wrong(ground, kind, rate=20, seed=0):
    """Return the labels and where they are wrong, of the pixels that are counted."""
    labels = with_noise(ground, "train", Rung(kind, rate, seed))
    return labels, [one.wrong & one.ground.counted for one in labels]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_is_met_to_the_pixel(ground, kind, rate) -> None:
    labels, flipped = wrong(ground, kind, rate)
    water = sum(one.water for one in ground)
    assert sum(int(one.sum()) for one in flipped) == round(rate / 100 * water)
    for one, where in zip(labels, flipped, strict=True):
        label = one.share >= 0.5
        assert ((label != (one.ground.truth == 1))[one.ground.counted] == where[one.ground.counted]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_are_equal_noise_and_others_are_not(ground, kind) -> None:
    first, again, other = (wrong(ground, kind, seed=seed)[0] for seed in (0, 0, 1))
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.share, two.share)
        np.testing.assert_array_equal(one.looks, two.looks)
        assert (one.wrong != three.wrong).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lower_rate_is_part_of_a_higher_one(ground, kind) -> None:
    for low, high in zip(wrong(ground, kind, 5)[1], wrong(ground, kind, 20)[1], strict=True):
        assert not (low & ~high).any()


def test_where_nothing_is_known_there_is_no_label(ground) -> None:
    for labels in (true_labels(ground), wrong(ground, "flips", 30)[0]):
        for one in labels:
            assert (np.isnan(one.share) == ~one.ground.labelled).all() and (one.looks[~one.ground.labelled] == 0).all()
            assert (~one.ground.labelled).any() and not one.wrong[~one.ground.labelled].any()


def test_shadow_is_the_darkest_land_off_the_shore(ground) -> None:
    for one, where in zip(ground, wrong(ground, "shadow")[1], strict=True):
        land = one.counted & (one.truth == 0) & (one.shore > 2)
        dark = one.band("nir") + one.band("swir1")
        assert (where <= land).all()
        assert dark[where].mean() < dark[land].mean() - 0.5 * dark[land].std()


def test_turbid_is_the_brightest_and_narrowest_water(ground) -> None:
    for one, where in zip(ground, wrong(ground, "turbid", 10)[1], strict=True):
        water = one.counted & (one.truth == 1)
        bright = one.band("red") + one.band("nir")
        assert (where <= water).all() and bright[where].mean() > bright[water].mean() + 0.5 * bright[water].std()
        river = np.zeros_like(water)
        river[30, 5:90] = ndimage.uniform_filter((one.truth == 1).astype(float), (7, 1))[30, 5:90] < 0.2
        assert where[river & water].mean() > 2 * where[water].mean()


def test_a_shore_shifts_by_two_pixels_at_most_to_either_side(ground) -> None:
    for one, where in zip(ground, wrong(ground, "shore")[1], strict=True):
        inside = ndimage.distance_transform_edt(one.truth == 1), ndimage.distance_transform_edt(one.truth == 0)
        assert np.maximum(*inside)[where].max() <= 2
        assert (where & (one.truth == 1)).any() and (where & (one.truth == 0)).any()
        _, count = ndimage.label(where, np.ones((3, 3)))
        assert where.sum() > 4 * count  # stretches of shore, not single pixels


def test_cloud_shadows_are_whole_blobs_with_soft_edges(ground) -> None:
    labels, flipped = wrong(ground, "cloud_shadow")
    for one, where in zip(labels, flipped, strict=True):
        land = one.ground.truth == 0
        assert (where <= land).all()
        _, count = ndimage.label(where, np.ones((3, 3)))
        assert where.sum() > 20 * count
        assert np.unique(one.share[where]) == pytest.approx([2 / 3])  # two looks of three
        soft = one.ground.counted & land & ~where & (one.share > 0)
        assert soft.any() and (one.share[soft] < 0.5).all()
        assert ndimage.binary_dilation(one.wrong, iterations=6)[soft].mean() > 0.8


def test_a_shadow_moves_with_the_looks_that_clouds_hid(ground) -> None:
    one = ground[0]
    looks = one.looks.copy()
    looks[50:75, 60:85] = 1  # a cloud hid two looks of three here
    hidden = [replace(one, looks=looks)]
    marks = []
    for seed in range(8):
        with_cloud = with_noise(hidden, "train", Rung("cloud_shadow", 10, seed))[0].wrong
        marks.append(with_cloud.astype(float) - with_noise([one], "train", Rung("cloud_shadow", 10, seed))[0].wrong)
    more = np.mean(marks, axis=0)
    assert (
        more[30:60, 40:70].mean() > 0 > more[90:].mean()
    )  # up and to the left of it, since the sun is in the south-east


def test_blocks_are_the_water_of_whole_squares_with_one_look(ground) -> None:
    labels, flipped = wrong(ground, "blocks")
    for one, where in zip(labels, flipped, strict=True):
        assert (where <= (one.ground.truth == 1)).all()
        assert (one.looks[where] == 1).all() and (one.looks[one.ground.counted & ~where] == 3).all()
        squares = set()
        for top in range(16):
            for left in range(16):
                rows, columns = np.nonzero(where)
                squares.add(len({((y + top) // 16, (x + left) // 16) for y, x in zip(rows, columns, strict=True)}))
        held = where.sum() / min(squares)
        water = one.ground.counted & (one.ground.truth == 1)
        assert held > 2 * 0.2 * 256 * water.mean()  # far fuller squares than chance would leave


def test_flips_follow_nothing(ground) -> None:
    for one, where in zip(ground, wrong(ground, "flips", 30)[1], strict=True):
        share = where[one.counted].mean()
        for part in (one.truth == 1, one.truth == 0, one.edge):
            assert where[part & one.counted].mean() == pytest.approx(share, rel=0.25)


def test_tiles_get_the_noise_and_keep_their_imagery_and_evidence(ground) -> None:
    for one in with_noise(ground, "train", Rung("shore", 20, 0)):
        for before, after in zip(one.ground.tiles, one.tiles(), strict=True):
            np.testing.assert_array_equal(after.features, before.features)
            np.testing.assert_array_equal(after.share, one.share[one.ground.cut(before)])
            np.testing.assert_array_equal(after.evidence["qa"], after.share)
            assert (np.nan_to_num(after.share) != np.nan_to_num(before.share)).any()


def test_neighbouring_tiles_have_the_same_noise_where_they_overlap(ground) -> None:
    for one in with_noise(ground, "train", Rung("cloud_shadow", 20, 0)):
        left, right = (tile for tile in one.tiles() if tile.record.row == 7)
        np.testing.assert_array_equal(left.share[:, -6:], right.share[:, :6])


def test_noise_that_lacks_its_bands_says_so(ground) -> None:
    bare = [replace(tile, names=tuple(f"band_{name}" for name in tile.names)) for tile in ground[0].tiles]
    with pytest.raises(TileError, match=r"none of the bands nir, swir1; add one .* water-gee tiles"):
        with_noise([replace(ground[0], tiles=tuple(bare))], "train", Rung("shadow", 10, 0))


def test_a_kind_that_finds_too_few_pixels_takes_all_of_them(ground) -> None:
    dry = [replace(one, truth=np.where(one.shore > 2, 1, one.truth).astype(np.uint8)) for one in ground]
    assert sum(int(one.wrong.sum()) for one in with_noise(dry, "train", Rung("shadow", 30, 0))) == 0
