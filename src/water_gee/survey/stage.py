"""Command `sample`: draws points of a map, and writes them with the page to label them on, below `survey/`."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine

from water_gee.amounts import km2
from water_gee.claims import claimed
from water_gee.config.products import SampleSettings
from water_gee.config.settings import Settings
from water_gee.earth import composite_spec
from water_gee.errors import WaterGeeError
from water_gee.maps import map_path, read_maps
from water_gee.paths import Layout
from water_gee.progress import say, track
from water_gee.study import Grid, Window
from water_gee.survey.composites import Composites
from water_gee.survey.design import Stratum, allocate, strata_of
from water_gee.survey.geopackage import labels_in, write_points
from water_gee.survey.imagery import imagery
from water_gee.survey.page import write_page
from water_gee.survey.points import Point, StratumSize, Survey, mark_of, read_survey, write_survey
from water_gee.tiles import on_tiles_lattice

POINTS, PAGE = "points.gpkg", "label.html"


def run(settings: Settings) -> None:
    """Draw the points and write `survey/`.

    Raises:
        ConfigError: there are fewer points than the strata need, or a year that is not mapped.
        TileError: the map shows hardly any water or land.
        EarthError: a composite could not be had.
        WaterGeeError: there is no map, it is of another season or sensor than the settings, or another survey is there
            and would be lost; or another command draws points now.
    """
    layout = Layout.of(settings)
    with claimed(layout, layout.survey / "survey.json"):
        _sample(settings, layout)


def _sample(settings: Settings, layout: Layout) -> None:
    choice = settings.sample
    settings = on_tiles_lattice(settings)
    _check_season(settings, layout)
    survey, corner = draw(layout, choice, settings.seed)
    _make_room(layout, survey, replace=choice.replace)
    grid = composite_spec(settings).grid
    window = _on_lattice(grid, corner)
    with imagery(settings, layout, survey.year) as asked:
        composites = Composites(layout, survey.year, grid, asked.fetch, asked.current)
        places = {point.id: _around(window, point, choice.far) for point in survey.points}
        ordered = sorted(places, key=lambda name: composites.order(places[name]))
        seen = {name: composites(places[name]) for name in track(ordered, "composites of points", len(ordered))}
    views = [seen[point.id] for point in survey.points]
    write_page(layout.survey / PAGE, survey, views, settings.study.months, near=choice.near, far=choice.far)
    if not (layout.survey / POINTS).exists():
        write_points(layout.survey / POINTS, survey)
    write_survey(layout, survey)
    for stratum in survey.strata:
        name = stratum.name.replace("_", ", ")
        say(f"{name}: {stratum.points} points of {stratum.pixels:,} pixels, {km2(stratum.area_m2 / 1e6)} km2")
    say(f"label the points of {survey.year} on {layout.survey / PAGE}, or in QGIS {layout.survey / POINTS}, and then")
    say("run: water-gee evaluate evaluate.points=FILE")


def _check_season(settings: Settings, layout: Layout) -> None:
    """Check that the pictures of the points are to be of what the maps are of.

    Raises:
        WaterGeeError: they are not.
    """
    maps = read_maps(layout) or {}
    first, last = settings.study.months
    for key, now in (("months", f"{first}-{last}"), ("sensor", settings.sensor.name)):
        if (mapped := maps.get(key, now)) != now:
            raise WaterGeeError(
                f"the maps are of the {key} {mapped} and the settings of {now}, in which points would be shown; choose "
                "what the maps are of, or run again: water-gee predict"
            )


def draw(layout: Layout, choice: SampleSettings, seed: int) -> tuple[Survey, Affine]:
    """Return the sample of a map, and the map's transform; nothing is written.

    Raises:
        ConfigError: there are fewer points than the strata need, or a year that is not mapped.
        TileError: the map shows hardly any water or land.
        WaterGeeError: there is no map, or it is not the one that was written.
    """
    maps = read_maps(layout)
    if maps is None:
        raise WaterGeeError(f"there is no map in {layout.maps}; run first: water-gee predict")
    year = _year(maps["files"], choice.year)
    water, probability = (map_path(layout, maps, str(year), layer) for layer in ("water", "probability"))
    drawing = choice.model_dump(include={"points", "allocation", "minimum", "shore", "doubt"}) | {"seed": seed}
    files = {layer: maps["files"][f"{year}/{layer}.tif"] for layer in ("water", "probability")}
    mark = mark_of(layout.study, year, files, drawing)
    strata = strata_of(water, probability, shore=choice.shore, doubt=choice.doubt, most=choice.points, seed=seed + year)
    given = allocate(strata, choice.points, minimum=choice.minimum, by=choice.allocation)
    with rasterio.open(water) as file:
        crs, transform = file.crs.to_string(), file.transform
    survey = Survey(
        study=layout.study, year=year, crs=crs, scale=transform.a, water_sha256=files["water"], design=drawing,
        mark=mark, points=tuple(_points(strata, given, mark, transform, crs, seed)),
        strata=tuple(
            StratumSize(one.name, one.water, one.pixels, one.area, points)
            for one, points in zip(strata, given, strict=True)
        ),
    )  # fmt: skip
    return survey, transform


def _year(files: dict[str, str], wanted: int | None) -> int:
    mapped = sorted(int(name.split("/")[0]) for name in files if name.endswith("/water.tif"))
    if wanted is not None and wanted not in mapped:
        listed = ", ".join(map(str, mapped))
        raise WaterGeeError(f"sample.year={wanted} is not mapped; choose from {listed}, or run: water-gee predict")
    return wanted or mapped[-1]


def _points(
    strata: Sequence[Stratum], given: Sequence[int], mark: str, transform: Affine, crs: str, seed: int
) -> Iterator[Point]:
    """Yield the points in an order that tells nothing of their strata: the first are a sample of the map, too."""
    chosen = [
        (stratum.name, int(row), int(column))
        for stratum, count in zip(strata, given, strict=True)
        for row, column in zip(stratum.rows[:count], stratum.columns[:count], strict=True)
    ]
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    digits = len(str(len(chosen)))
    for number, index in enumerate(np.random.default_rng([seed, 1]).permutation(len(chosen)), start=1):
        name, row, column = chosen[index]
        x, y = transform @ (column + 0.5, row + 0.5)
        longitude, latitude = to_degrees.transform(x, y)
        place = round(longitude, 7), round(latitude, 7)
        yield Point(f"{mark}-{number:0{digits}d}", name, row, column, x, y, *place)


def _make_room(layout: Layout, survey: Survey, *, replace: bool) -> None:
    """Put an earlier survey aside, or refuse to: its labels may be in its files, or in somebody's browser alone.

    Raises:
        WaterGeeError: another survey is there.
    """
    earlier, points = read_survey(layout), layout.survey / POINTS
    mark = earlier.mark if earlier else ""
    if points.exists() and not earlier:
        mark = _mark_in(points)
    if mark in ("", survey.mark):
        return
    if not replace:
        raise WaterGeeError(
            f"{layout.survey} holds the survey {mark} of another map or design, which may be labelled; put it aside "
            "with sample.replace=true, or choose another root by paths.root=DIR"
        )
    aside = layout.survey / "replaced" / mark
    if aside.exists():
        raise WaterGeeError(f"{aside} holds a survey already; move that away first")
    aside.mkdir(parents=True)
    for path in sorted(layout.survey.iterdir()):
        if path.name != "replaced":
            shutil.move(path, aside / path.name)
    say(f"the survey {mark} and its labels are now in {aside}")


def _mark_in(points: Path) -> str:
    """Return the mark of the points of a file, `unknown` where it cannot be read."""
    try:
        return str(labels_in(points)[0][0]).split("-")[0]
    except (RuntimeError, ValueError, IndexError):
        return "unknown"


def _on_lattice(grid: Grid, transform: Affine) -> Window:
    """Return the map's first pixel as a window of the study's lattice.

    Raises:
        WaterGeeError: the map lies on another lattice.
    """
    left, top = (transform.c - grid.origin[0]) / grid.scale, (grid.origin[1] - transform.f) / grid.scale
    if abs(transform.a - grid.scale) > 1e-9 * grid.scale or max(abs(left - round(left)), abs(top - round(top))) > 1e-3:
        raise WaterGeeError("the maps lie on another lattice than the study's; run again: water-gee predict")
    return Window(round(left), round(top), 1, 1)


def _around(first: Window, point: Point, side: int) -> Window:
    """Return the window of `side` pixels, an odd number, with a point in its middle."""
    half = side // 2
    return Window(first.left + point.column - half, first.top + point.row - half, 2 * half + 1, 2 * half + 1)
