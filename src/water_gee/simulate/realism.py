"""How real the simulated scenes are: the errors of their labels by cause, and their spectra beside real ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from water_gee.errors import WaterGeeError
from water_gee.simulate.causes import Cause
from water_gee.simulate.noise import Floats
from water_gee.simulate.quality import FILL, HIDDEN, WATER
from water_gee.simulate.sensor import to_reflectance
from water_gee.simulate.spectra import BANDS, GREEN, SWIR1
from water_gee.simulate.writer import SCENES

Mask = NDArray[np.bool_]
PERCENTS = (5, 25, 50, 75, 95)
LIMITS = (0.02, 0.15)  # of commission and omission, as in real labels (the study's requirement)
# Percentiles (5, 25, 50, 75, 95) of surface reflectance of clear pixels, blue to SWIR2, of 66 chips of HLS v2 on
# which image and water reference can be of the same date; measured here on the real scenes of the environment
# variable WATER_GEE_SCENES.
REAL_WATER = (
    (0.0160, 0.0347, 0.0476, 0.0534, 0.0604),
    (0.0344, 0.0622, 0.0843, 0.0983, 0.1110),
    (0.0030, 0.0736, 0.1073, 0.1234, 0.1353),
    (-0.0011, 0.0329, 0.0456, 0.0661, 0.1514),
    (-0.0017, 0.0028, 0.0050, 0.0447, 0.1737),
    (-0.0002, 0.0017, 0.0040, 0.0352, 0.1219),
)
REAL_LAND = (
    (0.0115, 0.0332, 0.0487, 0.0689, 0.0938),
    (0.0250, 0.0572, 0.0781, 0.1084, 0.1574),
    (0.0194, 0.0684, 0.0996, 0.1531, 0.2543),
    (0.1024, 0.1702, 0.2220, 0.2979, 0.3660),
    (0.0624, 0.1692, 0.2493, 0.3430, 0.4497),
    (0.0332, 0.1057, 0.1685, 0.2625, 0.3799),
)


@dataclass(frozen=True)
class Season:
    """One strip in one year, [y, x] at 30 m."""

    path: int
    year: int
    truth: Mask
    cause: NDArray[np.uint8]
    looks: NDArray[np.int64]  # clear looks
    label: Mask  # the quality band calls it water in at least half of the clear looks
    index: Mask  # MNDWI > 0 of the median reflectance
    reflectance: Floats  # median of the clear looks, [band, y, x], NaN where none


def read_seasons(raw: Path) -> Iterator[Season]:
    """Yield every strip and year of the simulated study in `raw`.

    Raises:
        WaterGeeError: there is no reference in `raw`.
    """
    references = sorted((raw / "reference").glob("water_*.tif"))
    if not references:
        raise WaterGeeError(f"{raw} holds no simulated study; run `water-gee simulate` (or `dvc pull`) first")
    for reference in references:
        year, path = (int(part) for part in reference.stem.split("_")[1:])
        with rasterio.open(reference) as source:
            truth = source.read(1) == 1
        with rasterio.open(raw / "cover" / f"cover_{year}_{path}.tif") as source:
            cause = source.read(2)
        stack, clear, water = [], [], []
        for scene in sorted((raw / SCENES).glob(f"LC08_{path:03d}*_{year}*.tif")):
            with rasterio.open(scene) as source:
                bands = source.read()
            seen = (bands[-1] & (HIDDEN | FILL)) == 0
            reflectance = to_reflectance(bands[:-1])
            reflectance[:, ~seen] = np.nan
            stack.append(reflectance)
            clear.append(seen)
            water.append(seen & ((bands[-1] & WATER) > 0))
        looks = np.sum(clear, axis=0)
        label = (looks > 0) & (np.sum(water, axis=0) * 2 >= np.maximum(looks, 1))
        median = _median(np.stack(stack))
        with np.errstate(invalid="ignore"):
            index = median[GREEN] > median[SWIR1]
        yield Season(path, year, truth, cause, looks, label, np.asarray(index), median)


def error_table(truth: Mask, label: Mask, known: Mask, cause: NDArray[np.uint8]) -> dict[str, Any]:
    """Return commission and omission of `label` and their causes, over the pixels `known`, all [y, x] or flat.

    Commission is the share of the pixels labelled water that are land, omission the share of true water labelled
    land. For each cause: its pixels, how many of them are wrong, that as a rate, and as a share of all that is
    labelled (or is) water.
    """
    truth, label, cause = truth[known], label[known], cause[known]
    labelled, water = int(label.sum()), int(truth.sum())
    causes = {}
    for kind in Cause:
        of = cause == kind
        pixels, wrong = int(of.sum()), int((of & (truth != label)).sum())
        total = water if kind >= Cause.WATER else labelled
        causes[kind.name.lower()] = {
            "kind": "omission" if kind >= Cause.WATER else "commission",
            "pixels": pixels,
            "wrong": wrong,
            "rate": round(wrong / max(pixels, 1), 5),
            "share": round(wrong / max(total, 1), 5),
        }
    return {
        "pixels": int(known.sum()),
        "commission": round(int((label & ~truth).sum()) / max(labelled, 1), 5),
        "omission": round(int((truth & ~label).sum()) / max(water, 1), 5),
        "intersection_over_union": round(int((truth & label).sum()) / max(int((truth | label).sum()), 1), 5),
        "causes": causes,
    }


def measure(raw: Path) -> dict[str, Any]:
    """Return the realism of the study in `raw`: label errors pooled and by strip and year, spectra, water shares."""
    seasons = list(read_seasons(raw))
    every = {f"{season.year}_{season.path}": [season] for season in seasons} | {"pooled": seasons}
    report: dict[str, Any] = {"qa_label": {}, "mndwi": {}, "water_share": {}}
    for name, chosen in every.items():
        truth, known = _joined(chosen, "truth"), _joined(chosen, "looks") > 0
        cause = _joined(chosen, "cause")
        report["qa_label"][name] = error_table(truth, _joined(chosen, "label"), known, cause)
        report["mndwi"][name] = error_table(truth, _joined(chosen, "index"), known, cause)
        report["water_share"][name] = round(float(truth.mean()), 5)
    for name, wanted in (("water", True), ("land", False)):
        pixels = np.concatenate([s.reflectance[:, (s.looks > 0) & (s.truth == wanted)] for s in seasons], axis=1)
        percentiles = np.percentile(pixels, PERCENTS, axis=1).T
        report[f"{name}_percentiles"] = dict(zip(BANDS, np.round(percentiles, 5).tolist(), strict=True))
    return report


def real_percentiles(scenes: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return percentiles [band, percent] of the real water and of the real land in the folder `scenes`."""
    water, land = [], []
    for path in sorted((scenes / "reference_plausible").glob("*.tif")):
        with rasterio.open(path) as source:
            truth = source.read(1)
        with rasterio.open(scenes / SCENES / path.name) as source:
            names = list(source.descriptions)
            numbers = source.read([names.index(band) + 1 for band in BANDS])
            quality = source.read(names.index("QA_PIXEL") + 1)
        clear = ((quality & (HIDDEN | FILL)) == 0) & (numbers > 0).all(axis=0)
        reflectance = to_reflectance(numbers)
        water.append(reflectance[:, clear & (truth == 1)])
        land.append(reflectance[:, clear & (truth == 0)])
    wet, dry = (np.percentile(np.concatenate(pixels, axis=1), PERCENTS, axis=1).T for pixels in (water, land))
    return wet.astype(np.float64), dry.astype(np.float64)


def _joined(seasons: list[Season], field: str) -> NDArray[Any]:
    return np.concatenate([getattr(season, field).ravel() for season in seasons])


def _median(stack: Floats) -> Floats:
    """Return the median over the looks [look, band, y, x], fill left out; NumPy's own is ten times slower."""
    ordered = np.sort(stack, axis=0)  # NaN is sorted to the end
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, stack.shape[0] - 1)
    pair = (np.take_along_axis(ordered, place[None], axis=0)[0] for place in (low, high))
    median: Floats = (next(pair) + next(pair)) * np.float32(0.5)
    return median
