"""The majority of the label sources: who wins, when it abstains, and how sure it is."""

import numpy as np
import pytest

from denoise.synthetic import OTHERS, lakes, make_tile, wrong
from water_gee.denoise import ABSTAIN, Reason, Vote, agreement, usable
from water_gee.errors import TileError

INNER = (slice(3, -3), slice(3, -3))


def one_each(*shares: float, looks: int = 3):
    """Return a small tile on all of which the sources, `qa` first, say these shares."""
    qa, *others = (np.full((12, 12), share, dtype=np.float32) for share in shares)
    names = OTHERS[: len(others)]
    tile = make_tile(np.zeros((12, 12), bool), qa, looks=looks, evidence=dict(zip(names, others, strict=True)))
    return tile, ("qa", *names)


@pytest.mark.parametrize(
    ("shares", "label", "reason"),
    [
        ((1, 1, 0), 1, Reason.KEPT),
        ((1, 0, 0), 0, Reason.EVIDENCE),
        ((0, 1, 1), 1, Reason.EVIDENCE),
        ((1, 1, 0, 0), ABSTAIN, Reason.UNSURE),
        ((0.2, 0.9, 0.9), 1, Reason.EVIDENCE),  # the mean is .67
        ((0.4, 0.6, 0.7), ABSTAIN, Reason.UNSURE),  # .57 is within .1 of one half
        ((1, 0, np.nan), ABSTAIN, Reason.UNSURE),
        ((1, np.nan, np.nan), 1, Reason.KEPT),
        ((0, 1, 1, np.nan), 1, Reason.EVIDENCE),
    ],
)
def test_the_average_share_decides(shares, label, reason) -> None:
    tile, sources = one_each(*shares)
    clean = Vote(sources=sources)(tile)
    assert (clean.label[INNER] == label).all() and (clean.reason[INNER] == reason).all()
    assert (np.isnan(clean.confidence) == (clean.label == ABSTAIN)).all()


def test_nobody_who_says_something_is_no_label() -> None:
    tile, _ = one_each(1, np.nan)
    clean = Vote(sources=("mndwi",), margin=0)(tile)
    assert (clean.label == ABSTAIN).all() and (clean.reason[INNER] == Reason.UNSURE).all()


def test_without_a_margin_a_tie_is_water_as_in_the_raw_label() -> None:
    tile, sources = one_each(1, 0)
    clean = Vote(sources=sources, margin=0)(tile)
    assert (clean.label[INNER] == 1).all()
    np.testing.assert_allclose(clean.confidence[INNER], 0.5)


def test_the_confidence_is_the_winning_share_by_looks() -> None:
    for shares, looks, expected in (((1, 1, 1), 1, 2 / 3), ((1, 1, 1), 6, 7 / 8), ((0, 0, 0, 1), 4, 4 / 6)):
        tile, sources = one_each(*shares, looks=looks)
        np.testing.assert_allclose(Vote(sources=sources)(tile).confidence[INNER], expected, rtol=1e-6)


def test_independent_errors_are_outvoted() -> None:
    truth = lakes(80, 1)
    tile = make_tile(truth, wrong(truth, 0.2, 9))
    clean, used = Vote()(tile), usable(tile, 3)
    given = used & (clean.label != ABSTAIN)
    assert (clean.label == truth)[given].mean() > 0.995 and given.sum() > 0.97 * used.sum()


def test_one_source_alone_is_the_raw_label() -> None:
    share = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    tile = make_tile(lakes(40, 1), share)
    clean, used = Vote(sources=("qa",), margin=0)(tile), usable(tile, 3)
    assert (clean.label == tile.label)[used].all()
    np.testing.assert_array_equal(clean.confidence[used], agreement(tile.share, tile.looks)[used])


def test_a_tile_under_cloud_has_no_label() -> None:
    clean = Vote()(make_tile(lakes(40, 1), masked=np.ones((40, 40), bool)))
    assert (clean.label == ABSTAIN).all() and (clean.reason == Reason.UNSEEN).all()


def test_a_missing_source_is_one_line_with_the_fix() -> None:
    tile = make_tile(lakes(20, 1), evidence={"ndwi": np.zeros((20, 20))})
    with pytest.raises(
        TileError, match=r"no evidence of 'mndwi' \(it has qa, ndwi\); add it to labels\.sources and run"
    ):
        Vote()(tile)
