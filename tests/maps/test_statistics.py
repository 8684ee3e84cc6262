"""Statistics are those of the pixels with data, whatever the type."""

import numpy as np
import pytest

from water_gee.maps.statistics import statistics


@pytest.mark.parametrize(("kind", "nodata"), [("uint8", 255), ("uint16", 65535), ("float32", np.nan)])
def test_as_numpy_has_them(kind, nodata) -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 200, (40, 50)).astype(kind)
    values[random.random(values.shape) < 0.3] = nodata
    known = values[~np.isnan(values) if np.isnan(nodata) else values != nodata].astype(float)
    found = {
        key: float(value) for key, value in statistics([values[:13], values[13:]], nodata, 2 * values.size).items()
    }
    assert found == pytest.approx({
        "STATISTICS_MINIMUM": known.min(), "STATISTICS_MAXIMUM": known.max(), "STATISTICS_MEAN": known.mean(),
        "STATISTICS_STDDEV": known.std(), "STATISTICS_VALID_PERCENT": 50 * known.size / values.size,
    })  # fmt: skip


def test_without_data_there_is_no_mean() -> None:
    assert statistics([np.full((3, 3), np.nan, np.float32)], np.nan, 9) == {"STATISTICS_VALID_PERCENT": "0"}
    assert statistics([], 255, 9) == {"STATISTICS_VALID_PERCENT": "0"}
