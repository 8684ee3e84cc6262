"""Which values a band can have: what lies outside was damaged on the way, or is of imagery in other units."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from water_gee.config.labels import LABEL_BANDS
from water_gee.config.sensor import REFLECTANCE_BANDS, SourceSettings
from water_gee.earth.features import ELEVATION_SCALE
from water_gee.earth.spec import CompositeSpec, LabelSpec

Range = tuple[float, float]
_METRES = (-1000.0, 9000.0)  # of the Earth's surface, -430 to 8,849 m, with room for a model's errors
_INDICES: dict[str, Range] = {
    "ndvi": (-1.0, 1.0), "ndwi": (-1.0, 1.0), "mndwi": (-1.0, 1.0), "leb": (-4.0, 4.0), "slope": (0.0, 1.0),
    "illumination": (0.0, 1.0), "snow": (0.0, 1.0),
}  # fmt: skip
_LABELS: dict[str, Range] = dict(zip(LABEL_BANDS, ((0.0, 1.0), (0.0, 100_000.0)), strict=True))
_NO_LABELS = LabelSpec()
_SLACK = 1e-4  # what rounding may add
_ANY: Range = (-10.0, 10.0)  # reflectance where the sensor bounds no numbers: glint is 3 or so
# Reflectance of ground: beyond it single pixels lie, of glint and of corrections gone wrong, but no whole tile.
_GROUND, _MEDIAN, _BEYOND = (-0.2, 1.6), (-0.05, 1.0), 0.01


def possible_ranges(spec: CompositeSpec, labels: LabelSpec = _NO_LABELS) -> dict[str, Range]:
    """Return (lowest, highest) of every feature and label band by name.

    A composite of valid numbers lies between the reflectance of the lowest and of the highest of any source.
    """
    ranges = [_reflectance(source) for source in spec.sensor.sources]
    low, high = min(one[0] for one in ranges), max(one[1] for one in ranges)
    elevation = (_METRES[0] / ELEVATION_SCALE, _METRES[1] / ELEVATION_SCALE)
    shares: dict[str, Range] = dict.fromkeys(labels.shares, (0.0, 1.0))
    return {**dict.fromkeys(spec.sensor.bands, (low, high)), **_INDICES, "elevation": elevation, **_LABELS, **shares}


def _reflectance(source: SourceSettings) -> Range:
    if source.valid is None:
        return _ANY
    low, high = source.valid
    return (low - 1) * source.multiply + source.add, high * source.multiply + source.add  # see `looks`: above fill


def impossible(values: NDArray[np.float32], bands: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """Return the first value of [band, y, x] that cannot be, and what could; empty where all can. NaN is masked."""
    for name, band in zip(bands, values, strict=True):
        low, high = ranges.get(name, (-np.inf, np.inf))
        wrong = np.isinf(band) | (band < low - _SLACK) | (band > high + _SLACK)
        if wrong.any():
            found = float(band[wrong][0])
            return (
                f"the band {name} holds {found:.6g} in {int(np.count_nonzero(wrong))} pixels and can only be "
                f"{low:g} to {high:g}; correct the scenes, or the units in sensor or dem"
            )
    return ""


def foreign(values: NDArray[np.float32], bands: Sequence[str]) -> str:
    """Return why a whole tile [band, y, x] is of other units, or no reflectance; empty where it may be. NaN is masked.

    So is reflectance that lies outside of -0.2 to 1.6 in more than 1 % of the pixels seen, or whose median lies outside
    of -0.05 to 1.
    """
    reasons = (_foreign(name, band) for name, band in zip(bands, values, strict=True) if name in REFLECTANCE_BANDS)
    return next(filter(None, reasons), "")


def _foreign(name: str, band: NDArray[np.float32]) -> str:
    """Return why a band is no reflectance of ground, empty where it may be."""
    seen = band[~np.isnan(band)]
    if not seen.size:
        return ""
    beyond = np.count_nonzero((seen < _GROUND[0] - _SLACK) | (seen > _GROUND[1] + _SLACK)) / seen.size
    median = float(np.median(seen))
    if beyond <= _BEYOND and _MEDIAN[0] <= median <= _MEDIAN[1]:
        return ""
    return (
        f"the band {name} is no reflectance: its median is {median:.4g}, and {beyond:.0%} of its pixels lie outside of "
        f"{_GROUND[0]:g} to {_GROUND[1]:g}; choose the sensor of these scenes, or correct its multiply and add"
    )
