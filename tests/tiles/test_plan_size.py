"""A tile that Earth Engine would refuse is refused before anything is asked, with a size that fits."""

import re

import pytest

from water_gee.errors import ConfigError
from water_gee.tiles.plan import check_size

LIMIT = 50_331_648  # bytes a request


def needed(size: int, margin: int, features: int) -> int:
    """Bytes of a tile: its features and two bands of labels, 4 bytes and a mask byte each."""
    return (size + 2 * margin) ** 2 * (features + 2) * 5


@pytest.mark.parametrize("margin", [3, 40])
def test_the_largest_size_that_fits_is_allowed_and_one_pixel_more_is_not(settings, margin) -> None:
    features = len(settings().features.names)
    largest = max(size for size in range(64, 2000) if needed(size, margin, features) <= LIMIT)
    check_size(settings(f"tiles.margin={margin}", f"tiles.size={largest}"))
    with pytest.raises(ConfigError) as refused:
        check_size(settings(f"tiles.margin={margin}", f"tiles.size={largest + 1}"))
    text = str(refused.value)
    wanted, bands, megabytes, most, fits = re.search(
        r"tiles.size=(\d+): (\d+) bands of it are (\d+) MB, and .* at most (\d+) MB .* set it to (\d+) or less", text
    ).groups()
    assert (int(wanted), int(bands)) == (largest + 1, features + 2)
    assert (int(megabytes), int(most)) == (round(needed(largest + 1, margin, features) / 1024**2), 48)
    assert largest - 32 < int(fits) <= largest and int(fits) % 32 == 0
