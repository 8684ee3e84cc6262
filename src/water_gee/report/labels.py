"""The part of the page on labels: what noise removal made of them, where, why, and how good they are by the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from water_gee.board import board
from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.denoise import CleanLabels, Reason, clean_report_path, tile_panels
from water_gee.evaluation import CLEAN
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.report import pictures
from water_gee.report.accuracy import signed
from water_gee.report.gallery import Gallery, Place
from water_gee.report.page import Cell, Figure, Row, Section, Table
from water_gee.tiles import TileRecord, load_tile

_TILES = 2  # of the most changed, and of the least sure
_PLACES = 2
_SIDES = {"land_to_water": "Land to water", "water_to_land": "Water to land"}
_OPEN = {"unsure": "too unsure", "outlier": "outlier", "neighbour": "near unseen", "unseen": "not seen"}
_KINDS = {"most_changed": "Most changed", "least_sure": "Least sure"}
_WHY = {
    Reason.SHORE: "a pixel near water, taken for a mixture of the water and the land beside it",
    Reason.EVIDENCE: "other sources outweigh the label",
    Reason.LEARNED: "a classifier that learned from the area",
    Reason.OBJECT: "the whole connected body was judged",
    Reason.TERRAIN: "slope or shadow rules water out",
    Reason.FLIPPED: "a network of the tile's own",
}
_MEASURES = ("iou", "precision", "recall")


def section(
    folder: Path, layout: Layout, records: Sequence[TileRecord], gallery: Gallery, details: Mapping[str, Any]
) -> Section:
    """Return the section on the labels, empty where none were cleaned.

    Args:
        folder: for the figures.
        layout: of the root.
        records: all tiles of the study.
        gallery: of the test area.
        details: what is known of the figures beside the figures.
    """
    part = Section("labels", "Labels before and after")
    if not is_there(clean_report_path(layout)):
        return part
    labels = CleanLabels.of(layout)
    part.texts.append(
        "The network learns from the free label of the quality band, once noise has been taken out of it "
        f"(denoise={labels.report.get('method')}). A label may change sides, or be left open where the evidence does "
        "not decide: such pixels teach the network nothing."
    )
    if "changes" in labels.report:
        part.tables.append(changes(labels.report))
    for name, detail in details.get("references", {}).items():
        if denoised := detail.get("where_denoised"):
            part.tables.append(measured(name, denoised, details["area"]))
    part.figures += _tiles(folder, layout, records, labels)
    part.figures += _places(folder, gallery)
    return part


def changes(report: Mapping[str, Any]) -> Table:
    """Return the table of what became of the labels, by area: changes by direction and reason, and what was left open.

    Args:
        report: the content of the labels' `report.json`.
    """
    counts = {**report["areas"], "All": report["total"]}
    reasons = {**report["changes"]["areas"], "All": report["changes"]["total"]}
    given = {area: sum(one[key] for key in ("kept_land", "kept_water", *_SIDES)) for area, one in counts.items()}
    pixels = {area: one["pixels"] for area, one in counts.items()}
    rows = [_row("Labels", given, pixels)]
    seen: dict[Reason, None] = {}
    for side, title in _SIDES.items():
        rows.append(_row(title, {area: one[side] for area, one in counts.items()}, given))
        for reason in Reason:
            by_area = {area: one[side][reason.name.lower()] for area, one in reasons.items()}
            if by_area["All"]:
                rows.append(_row(f"– {_name(reason)}", by_area, given))
                seen[reason] = None
    rows.append(_row("Left open", {area: pixels[area] - given[area] for area in counts}, pixels))
    for kind, title in _OPEN.items():
        if counts["All"][kind]:
            rows.append(_row(f"– {title}", {area: one[kind] for area, one in counts.items()}, pixels))
    note = "Shares of changes are of the labels, the others of all pixels. "
    note += " ".join(f"{_name(reason).capitalize()}: {_WHY[reason]}." for reason in seen if reason in _WHY)
    return Table(("", *counts), tuple(rows), "What became of the labels", note=note)


def _row(title: str, values: Mapping[str, int], of: Mapping[str, int]) -> Row:
    return Row.of(title, *(Cell(f"{n:,}", f"{n / of[area]:.2%}" if of[area] else "") for area, n in values.items()))


def _name(reason: Reason) -> str:
    return "network" if reason is Reason.FLIPPED else reason.name.lower()


def measured(reference: str, denoised: Mapping[str, Any], area: str) -> Table:
    """Return the raw and the clean label beside each other against one reference, on the pixels that have a clean one.

    Args:
        reference: its name.
        denoised: `where_denoised` of its details.
        area: the area on which it was measured.
    """
    intervals, rows = denoised.get("iou_intervals", {}), []
    best = max(("qa_water", CLEAN), key=lambda method: float(denoised[method]["iou"]))
    for method, name in (("qa_water", "Raw label"), (CLEAN, "Clean label")):
        found = denoised[method]
        cells = [Cell(f"{found[measure]:.3f}") for measure in _MEASURES]
        if method in intervals:
            cells[0] = Cell(cells[0].text, f"{intervals[method]['low']:.3f}-{intervals[method]['high']:.3f}")
        wrong = round((1 - found["accuracy"]) * found["pixels"])
        rows.append(Row.of(name, *cells, f"{wrong:,}", best=method == best))
    columns = ("", "IoU", "Precision", "Recall", "Wrong labels")
    title = f"Measured on truth: area “{area}”, against “{reference}”"
    return Table(columns, tuple(rows), title, note=_fates(denoised))


def _fates(denoised: Mapping[str, Any]) -> str:
    """Say how the clean labels differ from the raw ones, and what became of right and of wrong ones."""
    fates, texts = denoised["fates"], []
    if difference := denoised.get("iou_difference"):
        value, low, high = (signed(difference[key]) for key in ("difference", "low", "high"))
        texts.append(f"Clean less raw label: {value} IoU, 95 % interval {low} to {high}.")
    wrong = fates["mended"] + fates["still_wrong"] + fates["wrong_left_open"]
    right = fates["damaged"] + fates["still_right"] + fates["right_left_open"]
    texts.append(
        f"Of {wrong:,} wrong raw labels {fates['mended']:,} were mended and {fates['wrong_left_open']:,} left open; of "
        f"{right:,} right ones {fates['damaged']:,} were damaged and {fates['right_left_open']:,} left open."
    )
    texts.append("The truth serves to measure alone: no method of denoising sees it.")
    return " ".join(texts)


def _tiles(folder: Path, layout: Layout, records: Sequence[TileRecord], labels: CleanLabels) -> list[Figure]:
    """Draw the most changed and the least sure tiles of all areas."""
    known = {f"{record.area}/{record.id}": record for record in records}
    figures = []
    for kind, title in _KINDS.items():
        shown = [known[name] for name in labels.report.get("shown", {}).get(kind, ()) if name in known]
        for number, record in enumerate(shown[:_TILES], start=1):
            path = folder / f"{kind}_{number}.png"
            board(path, tile_panels(load_tile(layout, record), labels.read(record)))
            caption = _tile_caption(kind, labels.row(record))
            figures.append(Figure(path, f"{title} {number}: tile {record.area}/{record.id}", caption))
    return figures


def _tile_caption(kind: str, row: Mapping[str, Any]) -> str:
    counts = row["counts"]
    change = f"{counts['land_to_water']:,} labels went from land to water, {counts['water_to_land']:,} the other way"
    doubt = f"{counts['unsure']:,} were left open for doubt; the mean probability of a label is {row['sureness']:.3f}"
    guide = {
        "most_changed": "Compare what changed with the composite: water is dark blue to black there.",
        "least_sure": "Bright pixels under “How sure” and yellow ones under “Why” are where the evidence disagrees.",
    }
    return f"{change}; {doubt}. {guide[kind]} The small maps show in how many looks each source sees water, or snow."


def _places(folder: Path, gallery: Gallery) -> list[Figure]:
    """Draw the labels of the test area's most telling places at full size."""
    figures = []
    for number, place in enumerate(gallery.places[:_PLACES], start=1):
        path = folder / f"labels_{number}.png"
        if pictures.denoised(path, place):
            figures.append(Figure(path, f"Place {number}: tile {place.tile_id}", _place_caption(place)))
    return figures


def _place_caption(place: Place) -> str:
    """Say what to see in a denoised label, with the number of pixels that changed."""
    assert place.clean is not None
    raw, clear = place.water["qa_water"], place.clear
    out = int((raw & (place.clean == LAND) & clear).sum())
    put = int((~raw & (place.clean == WATER) & clear).sum())
    left = int(((place.clean == UNKNOWN) & clear).sum())
    return (
        f"Of {int(clear.sum()):,} pixels, denoising took {out:,} out of the water, put {put:,} in and left {left:,} "
        "open. See whether they lie where the composite speaks against the raw label: in shadow, on dark ground."
    )
