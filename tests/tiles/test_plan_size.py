"""A tile that Earth Engine would refuse is refused before anything is asked, with a size that fits."""

import re

import pytest

from water_gee.errors import ConfigError
from water_gee.tiles.plan import check_size

LIMIT = 50_331_648  # bytes a request


NOTHING = ("labels.sources=[qa]", "labels.beside=[blue,nir]")  # the raw label, and bands that are features
SOME = ("labels.sources=[qa,ndwi,dswe]", "labels.beside=[blue,slope]")  # three bands of shares, and the slope


def needed(size: int, margin: int, bands: int) -> int:
    """Bytes of a tile: 4 bytes and a mask byte a band."""
    return (size + 2 * margin) ** 2 * bands * 5


@pytest.mark.parametrize(
    ("margin", "labels", "bands"), [(3, NOTHING, 8 + 2), (40, NOTHING, 8 + 2), (3, SOME, 8 + 6), (3, (), 8 + 12)]
)
def test_the_largest_size_that_fits_is_allowed_and_one_pixel_more_is_not(settings, margin, labels, bands) -> None:
    largest = max(size for size in range(64, 2000) if needed(size, margin, bands) <= LIMIT)
    check_size(settings(f"tiles.margin={margin}", f"tiles.size={largest}", *labels))
    with pytest.raises(ConfigError) as refused:
        check_size(settings(f"tiles.margin={margin}", f"tiles.size={largest + 1}", *labels))
    text = str(refused.value)
    wanted, told, megabytes, most, fits = re.search(
        r"tiles.size=(\d+): (\d+) bands of it are (\d+) MB, and .* at most (\d+) MB .* set it to (\d+) or less", text
    ).groups()
    assert (int(wanted), int(told)) == (largest + 1, bands)
    assert (int(megabytes), int(most)) == (round(needed(largest + 1, margin, bands) / 1024**2), 48)
    assert largest - 32 < int(fits) <= largest and int(fits) % 32 == 0
