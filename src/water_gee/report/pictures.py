"""Figures that are maps: composites, labels before and after, agreement with the reference."""

from pathlib import Path

from water_gee.classes import WATER
from water_gee.drawing import sheet
from water_gee.panels import Panel, colour, stretch, used
from water_gee.report import raster
from water_gee.report.gallery import INFRARED, NATURAL, Overview, Place
from water_gee.report.palette import CHANGES, CLASSES, ERRORS, LABELS, METHOD_NAMES

_COMPOSITES = {NATURAL: "natural colour", INFRARED: "SWIR1, NIR, red"}


def composites(path: Path, year: int, overview: Overview) -> bool:
    """Draw the composite of the test area in natural and in infrared colours; return whether there was a band."""
    y, x = overview.frame
    panels = [
        Panel(f"{year}, {title}", stretch(overview.bands[names][:, y, x]))
        for names, title in _COMPOSITES.items()
        if names in overview.bands
    ]
    if panels:
        sheet(path, panels)
    return bool(panels)


def agreement(path: Path, overview: Overview, reference: str) -> None:
    """Draw where the quality band and the model agree with a reference, and how they err."""
    methods = ("qa_water", "model")
    codes = [overview.errors[reference, method][overview.frame] for method in methods]
    panels = [Panel(METHOD_NAMES[method], colour(code, ERRORS)) for method, code in zip(methods, codes, strict=True)]
    sheet(path, panels, used(ERRORS, codes))


def place(path: Path, place: Place, reference: str | None) -> None:
    """Draw one place at full size: composite, truth, and the errors of the quality band and of the model."""
    panels = [Panel("Composite", stretch(place.bands))]
    if reference is None:
        codes = [raster.classes(place.water[method], place.clear) for method in ("mndwi_0", "qa_water", "model")]
        names = [METHOD_NAMES[method] for method in ("mndwi_0", "qa_water", "model")]
        panels += [Panel(name, colour(code, CLASSES)) for name, code in zip(names, codes, strict=True)]
        sheet(path, panels, used(CLASSES, codes))
        return
    truth = place.references[reference]
    codes = [raster.errors(truth == WATER, truth, place.clear)]
    codes += [raster.errors(place.water[method], truth, place.clear) for method in ("qa_water", "model")]
    names = ["Truth", METHOD_NAMES["qa_water"], METHOD_NAMES["model"]]
    panels += [Panel(name, colour(code, ERRORS)) for name, code in zip(names, codes, strict=True)]
    sheet(path, panels, used(ERRORS, codes))


def denoised(path: Path, place: Place) -> bool:
    """Draw a place's label before and after denoising and what changed; return whether there was a label."""
    if place.clean is None:
        return False
    raw = place.water["qa_water"]
    before = raster.classes(raw, place.clear)
    after = raster.labels(place.clean, place.clear)
    change = raster.changes(raw, place.clean, place.clear)
    panels = [
        Panel("Composite", stretch(place.bands)),
        Panel("Raw label", colour(before, CLASSES)),
        Panel("Denoised label", colour(after, LABELS)),
        Panel("What changed", colour(change, CHANGES)),
    ]
    sheet(path, panels, used(CHANGES, [change]))
    return True
