"""The layers of a set of maps: what each holds, how it is stored, coloured and thinned. Declared here, used everywhere.

A layer of a year lies at `maps/<year>/<name>.tif`, one over the years at `maps/<name>.tif`, its QGIS style beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.panels import LAND as LAND_CODE
from water_gee.panels import WATER as WATER_CODE
from water_gee.panels import Code

NEVER, PERMANENT, GAINED, LOST, INTERMITTENT, SEASONAL = range(6)  # the classes of `change`
NO_YEAR = 0  # in the layers of years: seen, but never as water
UNCOUNTED = 65535  # nodata of the layers of two bytes, which hold a count or a year


@dataclass(frozen=True)
class Layer:
    """One raster of the maps.

    Attributes:
        name: of the file, without its ending.
        title: a few words, for legends.
        description: what a value means, in one or two sentences.
        dtype: of the pixels, as NumPy calls it.
        nodata: the value of pixels that say nothing.
        overviews: how coarser levels are made: a class is never averaged.
        unit: of the values; empty for classes, years and counts.
        classes: of a layer of classes, each value's name and colour.
        ramp: of any other, colours at values between which colours run.
        yearly: whether there is one a year, or one over the years.
        of_years: whether values are years, each a class beside `classes`: see `classes_of`.
        noisy: whether neighbours differ by noise, in which a longer search for what repeats finds nothing.
    """

    name: str
    title: str
    description: str
    dtype: Literal["uint8", "uint16", "float32"]
    nodata: float
    overviews: Literal["MODE", "AVERAGE", "NEAREST"]
    unit: str = ""
    classes: Mapping[int, Code] = field(default_factory=dict, hash=False)
    ramp: Mapping[float, str] = field(default_factory=dict, hash=False)
    yearly: bool = True
    of_years: bool = False
    noisy: bool = False

    @property
    def gdal_type(self) -> str:
        """The type of the pixels as GDAL calls it."""
        return {"uint8": "Byte", "uint16": "UInt16", "float32": "Float32"}[self.dtype]


WATER_LAYER = Layer(
    "water", "Water", "Whether a pixel is water: its probability is at least the model's threshold.",
    "uint8", UNKNOWN, "MODE", classes={LAND: LAND_CODE, WATER: WATER_CODE},
)  # fmt: skip
NEVER_WATER = Code("never water", LAND_CODE.colour)
_EARLY_TO_LATE = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")  # viridis
_BLUES = {0.0: "#f7fbff", 0.25: "#c6dbef", 0.5: "#6baed6", 0.75: "#2171b5", 1.0: "#08306b"}
_PERCENT = {100 * value: colour for value, colour in _BLUES.items()}

LAYERS: Mapping[str, Layer] = MappingProxyType({layer.name: layer for layer in (
    WATER_LAYER,
    Layer(
        "probability", "Probability of water", "The calibrated probability that a pixel is water, 0 to 1.",
        "float32", float("nan"), "AVERAGE", ramp=_BLUES, noisy=True,
    ),
    Layer(
        "uncertainty", "Uncertainty",
        "Entropy of the calibrated probability in percent of one bit: 0 is certain, 100 is a probability of one half.",
        "uint8", 255, "AVERAGE", unit="%", noisy=True,
        ramp={0.0: "#ffffcc", 25.0: "#fed976", 50.0: "#fd8d3c", 75.0: "#e31a1c", 100.0: "#800026"},
    ),
    Layer(
        "clear_looks", "Clear looks", "How many clear looks of the season a pixel was seen in; 0 was never seen.",
        "uint16", UNCOUNTED, "AVERAGE",
        ramp={0.0: "#762a83", 1.0: "#e7d4e8", 4.0: "#d9f0d3", 12.0: "#5aae61", 30.0: "#1b7837"},
    ),
    Layer(
        "occurrence", "Water occurrence", "In how many percent of the years in which a pixel was seen it is water.",
        "uint8", 255, "AVERAGE", unit="%", ramp=_PERCENT, yearly=False,
    ),
    Layer(
        "change", "Change of water", "How a pixel changed over the years in which it was seen.",
        "uint8", 255, "MODE", yearly=False,
        classes={
            NEVER: NEVER_WATER,
            PERMANENT: Code("permanent water", "#1b4f8a"),
            GAINED: Code("gained", "#117755"),
            LOST: Code("lost", "#d55e00"),
            INTERMITTENT: Code("intermittent", "#8cc4ea"),
            SEASONAL: Code("seasonal", "#8a5a9e"),
        },
    ),
    Layer(
        "first_year", "First year as water", "The first year in which a pixel is water; 0 was seen but never as water.",
        "uint16", UNCOUNTED, "MODE", classes={NO_YEAR: NEVER_WATER}, yearly=False, of_years=True,
    ),
    Layer(
        "last_year", "Last year as water", "The last year in which a pixel is water; 0 was seen but never as water.",
        "uint16", UNCOUNTED, "MODE", classes={NO_YEAR: NEVER_WATER}, yearly=False, of_years=True,
    ),
)})  # fmt: skip

YEARLY = tuple(layer for layer in LAYERS.values() if layer.yearly)
OVER_YEARS = tuple(layer for layer in LAYERS.values() if not layer.yearly)


def classes_of(layer: Layer, years: Sequence[int]) -> dict[int, Code]:
    """Return a layer's classes, its years included: those of `years`, coloured from dark (early) to light (late)."""
    named = dict(layer.classes)
    if layer.of_years:
        for number, year in enumerate(sorted(years)):
            named[year] = Code(str(year), _between(number / max(1, len(years) - 1)))
    return named


def _between(share: float) -> str:
    """Return the colour at a share of the way from early to late."""
    place = share * (len(_EARLY_TO_LATE) - 1)
    before = min(int(place), len(_EARLY_TO_LATE) - 2)
    ends = (Code("", colour).rgb for colour in _EARLY_TO_LATE[before : before + 2])
    return "#" + "".join(
        f"{round(one + (other - one) * (place - before)):02x}" for one, other in zip(*ends, strict=True)
    )


def file_name(layer: Layer | str, year: int | str | None = None, ending: str = "tif") -> str:
    """Return a layer's file below `maps/`, as in `2020/water.tif`, or `change.tif` of a layer over the years.

    Raises:
        KeyError: there is no such layer.
        ValueError: a year is given for a layer over the years, or none for one of a year.
    """
    one = LAYERS[layer] if isinstance(layer, str) else layer
    if one.yearly == (year is None):
        raise ValueError(f"the layer {one.name} is {'of a year: name it' if one.yearly else 'over all years'}")
    return f"{one.name}.{ending}" if year is None else f"{year}/{one.name}.{ending}"
