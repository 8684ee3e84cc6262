"""A page with a map, made of small pictures and bodies that are drawn here."""

from pathlib import Path

import numpy as np
from shapely.geometry import MultiPolygon, box

from water_gee.panels import LAND, UNSEEN, WATER
from water_gee.report.atlas import Explorer, Frame, MapLayer, Style, explorer, png
from water_gee.report.atlas.bodies import Body, BodyYear
from water_gee.report.atlas.picture import Picture, inlined
from water_gee.report.library import library
from water_gee.report.page import Card, Figure, Row, Section, StudyLine, Table, render

FRAME = Frame("EPSG:32648", 30.0, 300_000.0, 5_700_000.0, 400, 300)
BOUNDS = (300_000.0, 5_691_000.0, 312_000.0, 5_700_000.0)
HOSTILE = '<img src=x onerror="window.hacked=1">'
CLASSES = Style.of_codes((LAND, WATER, UNSEEN))
PERCENT = Style(tuple(f"#{value:02x}{value:02x}ff" for value in range(101)), (), (0.0, 1.0), "")


def picture(numbers: np.ndarray, style: Style, bounds: tuple[float, float, float, float] = BOUNDS) -> list[Picture]:
    """Return class numbers [y, x] as the one picture of a layer."""
    rows, columns = numbers.shape
    return [Picture(inlined("png", png(numbers.astype(np.uint8), style)), bounds, (columns, rows))]


def layers(years: tuple[str, ...] = ("2019", "2020"), *, maps: bool = True) -> list[MapLayer]:
    """Return maps that are all land but for a lake, which grows east by 20 columns a year, and labels."""
    rows, columns = np.indices((300, 400))
    lakes = {
        year: ((abs(rows - 150) < 60) & (columns > 100) & (columns < 200 + 20 * number)).astype(np.uint8)
        for number, year in enumerate(years)
    }
    water = {year: picture(one, CLASSES) for year, one in lakes.items()}
    probability = {year: picture(one * 93, PERCENT) for year, one in lakes.items()}
    unknown = np.full((300, 400), CLASSES.nothing)
    unknown[:, :200] = 0
    raw = {year: picture(unknown, CLASSES) for year in years}
    label = MapLayer("tiles.raw", "Labels", f"Raw label {HOSTILE}", "Noisy.", CLASSES, raw)
    if not maps:
        return [label]
    return [
        MapLayer("maps.water", "Maps", "Water", "Whether a pixel is water.", CLASSES, water, "water"),
        MapLayer(
            "maps.probability", "Maps", "Probability of water", "Calibrated.", PERCENT, probability, "probability"
        ),
        label,
    ]


def years_of(*areas: float | None) -> tuple[BodyYear, ...]:
    """Return the years from 2019 on of a body of these areas, in km2; None was not seen."""
    return tuple(
        BodyYear(year, area, area - 0.1, area + 0.1, 0.0, complete=True)
        if area
        else BodyYear(year, None, None, None, 0.6, complete=False)
        for year, area in enumerate(areas, start=2019)
    )


def lake(column: int) -> MultiPolygon:
    """Return an outline of 50 x 100 pixels that begins at a column."""
    left = 300_000.0 + 30 * column
    return MultiPolygon([box(left, 5_694_000, left + 1500, 5_697_000)])


def bodies() -> list[Body]:
    """Return three bodies: one that grew, one of a hostile name that shrank, one that was not seen enough."""
    return [
        Body("w1grow", "Big lake", "lake", lake(110), years_of(3.0, 4.5)),
        Body("w2shrink", HOSTILE, "lake", lake(200), years_of(2.0, 1.95)),
        Body("w3hidden", "", "river", lake(300), years_of(None, 0.4)),
    ]


def contents(
    years: tuple[str, ...] = ("2019", "2020"), *, maps: bool = True, found: list[Body] | None = None
) -> Explorer:
    """Return what the page's script gets to know."""
    areas = [
        {
            "year": year,
            "water_km2": f"{120 + number}",
            "water_low_km2": "119",
            "water_high_km2": "125",
            "land_km2": "100",
            "unseen_km2": "2",
        }
        for number, year in enumerate(years)
    ]
    shown = bodies() if found is None else found
    return explorer(FRAME, layers(years, maps=maps), {f"test {HOSTILE}": BOUNDS}, areas if maps else [], shown)


def write_page(path: Path, explored: Explorer, figure: Path) -> Path:
    """Write a page with the map and a still figure; the library must be there."""
    known = library()
    assert known is not None
    still = Section("accuracy", "Accuracy", ["Measured."], figures=[Figure(figure, "A figure", "What to see in it.")])
    still.tables.append(Table(("Name", "Value"), (Row.of(HOSTILE, "1"),)))
    head = StudyLine("tiny", "A study of nothing.", simulated=True)
    path.write_text(render(head, [Card("0.9", "IoU")], [still], (explored, known)), encoding="utf-8")
    return path
