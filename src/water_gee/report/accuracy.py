"""The part of the page on accuracy: tables and figures of the test area."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from water_gee.classes import UNKNOWN, WATER
from water_gee.drawing import drawing
from water_gee.evaluation import CLEAN, METHODS
from water_gee.report import charts, pictures
from water_gee.report.gallery import Gallery, Place
from water_gee.report.page import Cell, Figure, Row, Section, Table
from water_gee.report.palette import METHOD_NAMES
from water_gee.simulate import spectra_comparison

_MEASURES = ("iou", "f1", "precision", "recall", "kappa", "accuracy")
_COLUMNS = ("Method", "IoU", "F1", "Precision", "Recall", "Kappa", "Accuracy", "Pixels")
_ORDER = ("qa_water", CLEAN, "mndwi_0", "model")


def ranked(metrics: Mapping[str, Any], denoised: Mapping[str, Any] | None) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the methods in the order of the tables, with their measures; the denoised label where there is one."""
    known = {**metrics, **({CLEAN: denoised[CLEAN]} if denoised else {})}
    return [(method, known[method]) for method in _ORDER if method in known]


def table(reference: str, metrics: Mapping[str, Any], detail: Mapping[str, Any]) -> Table:
    """Return the table of one reference; the best IoU of the methods judged on all pixels stands out."""
    denoised = detail.get("where_denoised")
    intervals = {**(denoised or {}).get("iou_intervals", {}), **detail.get("iou_intervals", {})}
    best = max(METHODS, key=lambda method: float(metrics[method]["iou"]))
    rows = []
    for method, measures in ranked(metrics, denoised):
        cells = [Cell(f"{measures[name]:.3f}") for name in _MEASURES]
        name = Cell(METHOD_NAMES[method], "where it speaks" if method == CLEAN else "")
        if method in intervals:
            cells[0] = Cell(cells[0].text, f"{intervals[method]['low']:.3f}-{intervals[method]['high']:.3f}")
        rows.append(Row((name, *cells, Cell(f"{measures['pixels']:,}")), method == best))
    return Table(_COLUMNS, tuple(rows), f"Against the reference “{reference}”", note=_note(metrics, detail))


def _note(metrics: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    texts = []
    if difference := detail.get("iou_differences", {}).get("model - qa_water"):
        value, low, high = (signed(difference[key]) for key in ("difference", "low", "high"))
        texts.append(
            f"Model less quality band: {value} IoU, 95 % interval {low} to {high}, by {detail['places']} places."
        )
    if denoised := detail.get("where_denoised"):
        texts.append(
            f"The denoised label speaks on {denoised['share_of_pixels']:.1%} of the pixels; there the raw label has "
            f"IoU {denoised['qa_water']['iou']:.3f} and the model {denoised['model']['iou']:.3f}."
        )
    return " ".join(texts)


def signed(value: float) -> str:
    """Return a difference with its sign, never a negative zero."""
    return f"{round(value, 4) + 0.0:+.4f}"


def section(folder: Path, metrics: Mapping[str, Any], details: Mapping[str, Any]) -> Section:
    """Return the section with the numbers."""
    part = Section("accuracy", "Accuracy")
    if not metrics:
        return part
    part.texts.append(
        f"Measured on the area “{details['area']}”, on which nothing was trained. All methods are judged on the same "
        "pixels: those seen in the composite, with at least one clear look, and with known truth. Beside each IoU "
        f"stands its 95 % interval, bootstrapped over places of {details['block_pixels']} pixels a side."
    )
    part.tables += [table(name, measures, details["references"][name]) for name, measures in metrics.items()]
    path = folder / "accuracy.png"
    charts.accuracy(path, metrics, details)
    part.figures.append(
        Figure(
            path,
            "Intersection over union",
            "Dots are the values, bands their 95 % intervals. A method whose dot lies right of another's band is "
            "clearly better; where bands overlap, trust the paired difference above rather than the bands.",
        )
    )
    return part


def causes(folder: Path, rows: Sequence[Mapping[str, Any]], realism: dict[str, Any] | None) -> Section:
    """Return the section on errors by circumstance and on how real the scenes are, which only simulated ones have.

    `realism` is what the simulation measured of itself (`simulation.json`).
    """
    part = Section("causes", "Why labels err")
    if not rows:
        return part
    part.texts.append(
        "These scenes are simulated, so the circumstance of every pixel is known. Of land, the shares are those called "
        "water (commission); of water, those called land (omission). The pixels are those of the first table."
    )
    for water, title in ((False, "Land called water, by circumstance"), (True, "Water called land, by circumstance")):
        lines = [row for row in rows if row["water"] is water]
        total = sum(row["pixels"] for row in lines)
        everything = {
            "cause": "all",
            "pixels": total,
            "wrong": {method: sum(row["wrong"][method] for row in lines) for method in METHODS},
        }
        table_rows = tuple(
            Row.of(
                str(row["cause"]).replace("_", " ").lower(),
                f"{row['pixels']:,}",
                *(f"{row['wrong'][method] / max(row['pixels'], 1):.1%}" for method in ("qa_water", "mndwi_0", "model")),
                best=row is everything,
            )
            for row in [*sorted(lines, key=lambda row: -int(row["pixels"])), everything]
        )
        part.tables.append(Table(("Circumstance", "Pixels", "Quality band", "MNDWI > 0", "Model"), table_rows, title))
    if realism:
        path = folder / "spectra.png"
        with drawing(path, 3.0) as figure:
            spectra_comparison(realism, figure)
        part.figures.append(
            Figure(
                path,
                "Simulated and real spectra",
                "Surface reflectance of all clear water and all clear land. Boxes hold the middle half of the pixels, "
                "whiskers the 5th to the 95th percentile. A simulated median inside the real whiskers is plausible.",
            )
        )
    return part


def agreement_maps(folder: Path, gallery: Gallery, references: Sequence[str]) -> Section:
    """Return the section with the maps of agreement, the first reference first."""
    part = Section("maps", "Right and wrong on the map")
    for year, overview in gallery.years.items():
        for reference in references:
            if not any(key == (reference, "model") for key in overview.errors):
                continue
            path = folder / f"agreement_{reference}_{year}.png"
            pictures.agreement(path, overview, reference)
            part.figures.append(
                Figure(
                    path,
                    f"Test area {year}, against “{reference}”",
                    "Left the quality band, right the model. Blue is water that both the method and the truth show; "
                    "look for orange (land taken for water, often shadow or dark ground) and dark purple (water that "
                    "was missed, often shores, narrow rivers and bright water). Fewer of both is better.",
                )
            )
    for number, place in enumerate(gallery.places, start=1):
        path = folder / f"place_{number}.png"
        pictures.place(path, place, gallery.reference)
        part.figures.append(
            Figure(
                path,
                f"Place {number}: tile {place.tile_id}",
                _place_caption(place, gallery.reference),
            )
        )
    return part


def _place_caption(place: Place, reference: str | None) -> str:
    """Say what to see in a place, with the share of its pixels that each method gets wrong."""
    if reference is None:
        return "Shores are many here and the methods differ. Nobody says who is right: compare with the composite."
    truth = place.references[reference]
    known = place.clear & (truth != UNKNOWN)
    wrong = {
        method: float(((water != (truth == WATER)) & known).sum() / known.sum())
        for method, water in place.water.items()
    }
    return (
        "Shores are many here and the methods differ. The composite shows water dark blue to black and plants green. "
        f"The quality band gets {wrong['qa_water']:.1%} of these pixels wrong, the model {wrong['model']:.1%}: compare "
        "the orange and the purple of the lower two maps."
    )


def composites(folder: Path, gallery: Gallery) -> Section:
    """Return the section with the quicklooks of the composite."""
    part = Section("composites", "The imagery")
    for year, overview in gallery.years.items():
        path = folder / f"composite_{year}.png"
        if pictures.composites(path, year, overview):
            part.figures.append(
                Figure(
                    path,
                    f"Seasonal composite of the test area, {year}",
                    "The median of the cloud-free looks of the season. In natural colours water is hard to tell from "
                    "forest and shadow; in the infrared (right) it is dark blue to black. White was not seen clearly.",
                )
            )
    return part
