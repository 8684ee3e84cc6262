"""Local unmixing gives the fraction that pixels were mixed with."""

import numpy as np
import pytest
from scipy import ndimage

from denoise.evident import COVERS, disc
from water_gee.denoise.unmixing import blur, fraction, local_mean

UNKNOWN = np.full(4, np.nan)


def mixed(share: np.ndarray, noise: float = 0.002) -> np.ndarray:
    """Green to SWIR1 of mixtures of water and land [4, y, x]."""
    water, land = (np.array(COVERS[name][1:5])[:, None, None] for name in ("water", "land"))
    bands = share * water + (1 - share) * land
    return (bands + np.random.default_rng(1).normal(scale=noise, size=bands.shape)).astype(np.float32)


def weights(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (share == 1).astype(np.float32), (share == 0).astype(np.float32)


def test_a_mixed_pixels_fraction_is_what_it_was_mixed_of() -> None:
    share = disc(80, 20)
    found = fraction(mixed(share), *weights(share), UNKNOWN)
    shore = (share > 0) & (share < 1)
    assert shore.sum() > 100
    assert np.abs(found - share)[shore].max() < 0.05


def test_each_shore_is_unmixed_of_its_own_water_and_land() -> None:
    """Two lakes in two sorts of land: means of the whole tile would be far off."""
    share = np.maximum(disc(160, 14, at=(40, 40)), disc(160, 14, at=(120, 120)))
    bands = mixed(share, noise=0.001)
    west = np.arange(160)[None, :] < 80
    bands[3] += np.where(west, 0.08 * (1 - share), 0).astype(np.float32)  # paler land, and
    bands[0] += np.where(west, 0.06 * share, 0).astype(np.float32)  # greener water in the west
    found = fraction(bands, *weights(share), UNKNOWN)
    shore = (share > 0) & (share < 1)
    assert np.abs(found - share)[shore].max() < 0.06


def test_without_sure_water_in_the_tile_the_areas_spectrum_serves() -> None:
    river = np.zeros((60, 60))
    river[:, 30] = 0.7
    bands, nothing = mixed(river), np.zeros((60, 60), dtype=np.float32)
    land = (river == 0).astype(np.float32)
    known = np.array(COVERS["water"][1:5])
    assert fraction(bands, nothing, land, known)[:, 30] == pytest.approx(0.7, abs=0.05)
    assert (fraction(bands, nothing, land, UNKNOWN) == 0).all()


@pytest.mark.parametrize("kind", ["no land", "no water"])
def test_a_tile_without_land_or_water_has_no_mixtures(kind) -> None:
    share = np.full((40, 40), 1.0 if kind == "no land" else 0.0)
    assert (fraction(mixed(share), *weights(share), UNKNOWN) == 0).all()


def test_a_local_mean_is_that_of_the_smallest_window_that_holds_enough() -> None:
    values = np.zeros((1, 64, 64), dtype=np.float32)
    values[0, :, 32:] = 1
    mean = local_mean(values, np.ones((64, 64), dtype=np.float32), (2, 20), np.array([7.0]))
    assert mean[0, 32, 4] == pytest.approx(0, abs=1e-3) and mean[0, 32, 60] == pytest.approx(1, abs=1e-3)
    sparse = np.zeros((64, 64), dtype=np.float32)
    sparse[32, 63] = 1
    assert 0.5 < local_mean(values, sparse, (2,), np.array([7.0]))[0, 32, 60] < 7  # one pixel is not enough alone
    assert local_mean(values, sparse * 0, (2,), np.array([7.0]))[0] == pytest.approx(7)


def test_a_wide_blur_of_coarse_cells_is_that_of_the_pixels() -> None:
    random = np.random.default_rng(2).random((1, 150, 131)).astype(np.float32)
    expected = ndimage.gaussian_filter(random[0], 25, mode="constant", truncate=3.0)
    apart = np.abs(blur(random, 25)[0] - expected)
    assert apart[10:-10, 10:-10].max() < 0.002 and apart.max() < 0.02  # the half cell at the edge is level
