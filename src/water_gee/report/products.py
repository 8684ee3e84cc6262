"""The parts of the page on what was made: study, training, map, export, lineage."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from water_gee.amounts import km2
from water_gee.config.settings import Settings
from water_gee.drawing import sheet
from water_gee.panels import Panel, colour
from water_gee.paths import Layout
from water_gee.report import artifacts, charts
from water_gee.report.area_years import is_seen
from water_gee.report.page import Cell, Figure, Row, Section, Table
from water_gee.report.palette import CLASSES
from water_gee.tiles import TileRecord
from water_gee.versions import commit, versions

_CLASS_OF = np.full(256, 2, dtype=np.uint8)  # the map's values as numbers of CLASSES; 255 and the rest are unseen
_CLASS_OF[[0, 1]] = (0, 1)


def study(folder: Path, settings: Settings, records: Sequence[TileRecord]) -> Section:
    """Return the section with the study's tiles."""
    part = Section("study", "The study")
    path = folder / "study.png"
    unit = "degrees" if settings.study.scale < 0.1 else "metres"
    charts.study(path, records, unit)
    part.figures.append(
        Figure(
            path,
            "Areas and tiles",
            "Each square is a tile on the study's pixel grid, the fuller its colour the more water its labels show. "
            "Training and test areas never share a pixel.",
        )
    )
    rows = []
    for area in dict.fromkeys(record.area for record in records):
        own = [record for record in records if record.area == area]
        clear, water = sum(record.clear_pixels for record in own), sum(record.water_pixels for record in own)
        rows.append(
            Row.of(
                area,
                str(sum(record.status == "ok" for record in own)),
                str(sum(record.status == "empty" for record in own)),
                str(sum(record.status == "failed" for record in own)),
                f"{clear:,}",
                f"{water / clear:.1%}" if clear else "-",
            )
        )
    part.tables.append(Table(("Area", "Tiles", "Empty", "Failed", "Clear pixels", "Labelled water"), tuple(rows)))
    return part


def training(folder: Path, made: artifacts.Products) -> Section:
    """Return the section with the curves of the selected run."""
    part = Section("training", "Training")
    path = folder / "training.png"
    if made.curves is not None and charts.training(path, made.curves):
        part.figures.append(
            Figure(
                path,
                f"The selected run, {made.model.get('run')}",
                "Left the loss on training and on validation tiles, which lie apart in space: the two should fall "
                "together, and a validation loss that turns up means overfitting. Right the validation IoU against the "
                "labels; the circled epoch is the one that was kept.",
            )
        )
    return part


def water_map(folder: Path, layout: Layout, made: artifacts.Products) -> Section:
    """Return the section with the map and the area by year."""
    part = Section("area", "The map and its area")
    rows, maps = made.areas, made.maps
    part.texts += [sentence for sentence in made.stale if "maps" in sentence]
    if not rows or maps is None:
        return part
    path = folder / "area.png"
    charts.area(path, rows)
    part.tables.append(
        Table(
            ("Year", "Area", "Water, km²", "Land, km²", "Not seen, km²"),
            tuple(Row.of(row["year"], row["area"], *_cells(row)) for row in rows),
            note="Beside the water stands the 95 % interval of what was seen, from the calibrated probabilities."
            if rows[0].get("water_low_km2")
            else "",
        )
    )
    for row in rows:
        water = artifacts.water_map(layout, maps, row["year"])
        picture = colour(_CLASS_OF[water], CLASSES)
        overview = folder / f"map_{row['year']}.png"
        sheet(
            overview,
            [Panel(f"{row['year']}: {_in_words(row)}", picture)],
            CLASSES,
            columns=1,
        )
        part.figures.append(
            Figure(
                overview,
                f"The water map of {row['year']}",
                f"The whole area “{row['area']}”, thinned for the page; maps/{row['year']}/water.tif holds all pixels. "
                "White was not seen, or lies outside: it is never counted as land.",
            )
        )
    part.figures.append(
        Figure(
            path,
            "Water area by year",
            "What the map shows as water, with its 95 % interval. Where part of the area was not seen in a year, the "
            "true area may be larger; compare years only where little is unseen.",
        )
    )
    return part


def _in_words(row: Mapping[str, str]) -> str:
    return f"{km2(float(row['water_km2']), 0)} km² of water" if is_seen(row) else "not seen"


def _cells(row: Mapping[str, str]) -> list[Cell]:
    """Return the areas of a year, the water's with its interval where the table has one."""
    cells = [Cell(km2(float(row[key]))) for key in _AREAS]
    if not is_seen(row):
        return [Cell("-"), Cell("-"), cells[2]]
    if row.get("water_low_km2") and row.get("water_high_km2"):
        cells[0] = Cell(cells[0].text, f"{km2(float(row['water_low_km2']))}-{km2(float(row['water_high_km2']))}")
    return cells


def export(made: artifacts.Products) -> Section:
    """Return the section on the exported network and its proof."""
    part = Section("export", "The network in Earth Engine")
    part.texts += [sentence for sentence in made.stale if "export" in sentence and "maps" not in sentence]
    if made.export is None:
        return part
    content, parity = made.export, made.parity
    prover = "eelocal, this project's stand-in for Earth Engine" if content.get("proved_by") != "Earth Engine" else "it"
    part.texts.append(
        "The trained network is carried into Earth Engine as image operations. Parity compares its probabilities, "
        f"computed by {prover}, with PyTorch's, pixel by pixel. Equal means: "
        "probabilities within 0.00001, and the same classes outside a tie band of 0.0001 around the threshold."
    )
    facts = [
        ("Form", content.get("form")),
        ("Operations (calls)", content.get("calls")),
        ("Size of the expression, bytes", content.get("bytes")),
        ("Multiply-adds a pixel", content.get("macs_per_pixel")),
        ("Threshold", content.get("threshold")),
        ("Parity: pixels compared", parity.get("pixels")),
        ("Parity: largest difference", parity.get("max_abs")),
        ("Parity: mean difference", parity.get("mean_abs")),
        ("Parity: classes that differ", parity.get("flips")),
        ("Parity: masks that differ", parity.get("mask_differences")),
        ("Equal", {True: "yes", False: "no"}.get(bool(parity.get("equal"))) if parity else None),
    ]
    part.tables.append(
        Table(("Export", ""), tuple(Row.of(name, _plain(value)) for name, value in facts if value is not None))
    )
    layers = [layer for layer in content.get("layers", []) if isinstance(layer, dict)]
    if layers:
        rows = tuple(
            Row.of(str(layer.get("place") or "-"), _operation(layer), str(layer.get("channels", "")))
            for layer in layers
        )
        part.tables.append(Table(("Layer", "Operation", "Channels"), rows, "Its layers"))
    return part


def _operation(layer: Mapping[str, Any]) -> str:
    """Return an operation with its kind and the size of its window, as in `conv 3x3` and `activation relu`."""
    size = "x".join(str(length) for length in layer.get("size", []))
    return " ".join(part for part in (str(layer.get("operation", "")), str(layer.get("kind", "")), size) if part)


def lineage(settings: Settings, layout: Layout, code: Path, model: Mapping[str, Any]) -> Section:
    """Return the section with versions and hashes."""
    part = Section("lineage", "Lineage")
    facts = {"code (git)": commit(code), "study": settings.study.name, "sensor": settings.sensor.name}
    facts |= {"features": ", ".join(settings.features.names), "denoising": settings.denoise.method}
    facts |= {f"model: {key}": value for key, value in _flat(model).items()}
    facts |= versions()
    rows = tuple(Row.of(name, value) for name, value in facts.items() if value)
    part.tables.append(Table(("What", ""), rows, "Code, choices and model", hashes=True))
    marks = tuple(Row.of(name, value) for name, value in artifacts.hashes(layout).items())
    part.tables.append(Table(("File", "SHA-256"), marks, "Files", hashes=True))
    return part


def _flat(content: Any, prefix: str = "") -> dict[str, str]:
    """Return nested plain values as `a.b`: text; lists of values in one line."""
    if not isinstance(content, Mapping):
        return {}
    flat: dict[str, str] = {}
    for key, value in sorted(content.items()):
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = _plain(value)
    return flat


def _plain(value: Any) -> str:
    """Return a value as people write it."""
    if isinstance(value, float):
        return f"{value:.3g}" if re.search("e", f"{value:g}") or abs(value) < 1 else f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return "" if value is None else str(value)


_AREAS = ("water_km2", "land_km2", "unseen_km2")
