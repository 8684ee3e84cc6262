"""Figures that let a reader judge how real the simulated scenes are."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from matplotlib.figure import Figure
from numpy.typing import NDArray

from water_gee.simulate.realism import REAL_LAND, REAL_WATER
from water_gee.simulate.sensor import to_reflectance
from water_gee.simulate.spectra import BANDS, BLUE, GREEN, NIR, RED, SWIR1

_NAMES = ("blue", "green", "red", "NIR", "SWIR1", "SWIR2")


def spectra_comparison(realism: dict[str, Any], figure: Figure | None = None) -> Figure:
    """Draw percentiles of simulated water and land, by band, beside those of real water and land.

    `realism` is what `measure` returns. Boxes span the 25th to the 75th percentile, whiskers the 5th to the 95th.
    """
    figure = figure or Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2)
    for axis, kind, real in zip(panels, ("water", "land"), (REAL_WATER, REAL_LAND), strict=True):
        simulated = [realism[f"{kind}_percentiles"][band] for band in BANDS]
        for offset, rows, colour, name in ((-0.18, real, "0.45", "real"), (0.18, simulated, "tab:blue", "simulated")):
            boxes = [
                {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}
                for low, first, middle, third, high in rows
            ]
            places = np.arange(len(boxes)) + offset
            style = {"color": colour, "linewidth": 1.2}
            axis.bxp(
                boxes,
                positions=places,
                widths=0.3,
                showfliers=False,
                boxprops=style,
                whiskerprops=style,
                capprops=style,
                medianprops={"color": colour, "linewidth": 2.4},
            )
            axis.plot([], [], color=colour, linewidth=2.4, label=name)
        axis.set_xticks(range(len(_NAMES)), _NAMES, fontsize=8)
        axis.set_title(kind)
        axis.legend(frameon=False, fontsize=8, loc="upper left" if kind == "land" else "upper center")
        axis.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("surface reflectance")
    return figure


def error_causes(realism: dict[str, Any]) -> Figure:
    """Return what each cause adds to commission and omission of the quality band's label and of MNDWI > 0, pooled."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = figure.subplots(1, 2)
    for axis, kind in zip(panels, ("commission", "omission"), strict=True):
        table = realism["qa_label"]["pooled"]["causes"]
        causes = sorted((c for c in table if table[c]["kind"] == kind), key=lambda c: float(table[c]["share"]))
        places = np.arange(len(causes))
        for offset, source, name in ((0.2, "qa_label", "QA label"), (-0.2, "mndwi", "MNDWI > 0")):
            shares = [100 * realism[source]["pooled"]["causes"][cause]["share"] for cause in causes]
            axis.barh(places + offset, shares, height=0.38, label=name)
        axis.set_yticks(places, [cause.replace("_", " ") for cause in causes])
        whole = "pixels labelled water" if kind == "commission" else "true water"
        axis.set_xlabel(f"{kind}, % of the {whole}")
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def quicklook(scene: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a scene in true colour and in SWIR1, NIR, red, each [y, x, rgb]."""
    with rasterio.open(scene) as source:
        numbers = source.read(list(range(1, len(BANDS) + 1)))
    reflectance = np.nan_to_num(to_reflectance(numbers))
    true = np.clip(np.moveaxis(reflectance[[RED, GREEN, BLUE]], 0, -1) / 0.22, 0, 1) ** 0.6
    false = np.clip(np.moveaxis(reflectance[[SWIR1, NIR, RED]], 0, -1) / np.array([0.40, 0.45, 0.22]), 0, 1) ** 0.7
    return np.rint(255 * true).astype(np.uint8), np.rint(255 * false).astype(np.uint8)
