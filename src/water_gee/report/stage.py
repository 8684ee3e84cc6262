"""Stage `evaluate`: the figures of the evaluation, and the page that shows them."""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from water_gee.amounts import km2
from water_gee.claims import claimed
from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.config.study import StudySettings
from water_gee.errors import WaterGeeError
from water_gee.evaluation import Assessment, EvaluationArea, assess
from water_gee.files import read_json, sha256, write_json, write_text
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import accuracy, artifacts, estimates, labels, products, water_bodies
from water_gee.report.area_years import is_complete, is_seen, unseen_share
from water_gee.report.explore import Atlas
from water_gee.report.gallery import Gallery
from water_gee.report.page import Card, Section, StudyLine, render
from water_gee.report.plots import plot_tables
from water_gee.report.run_assessment import Probabilities
from water_gee.report.tables import as_csv
from water_gee.sealed import write_sealed
from water_gee.survey import assess_points
from water_gee.tiles import TileRecord, read_manifest

_NAMED = {"metrics": "metrics.json", "page": "index.html"}  # in details.json
_MONTHS = ("", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def run(settings: Settings) -> None:
    """Measure the accuracy; write `metrics.json`, `figures/*.png`, `plots/*.csv`, `index.html` and `details.json`.

    Raises:
        TileError: there is no test tile with a clear pixel, or no reference overlaps one.
        ModelError: there is no checkpoint, or it reads other features than the tiles hold.
        ConfigError: a reference has no file.
        WaterGeeError: the labelled points are not of the survey that is there, or hardly any are labelled; or the maps
            that they are measured on are of another model. Or another command writes the page now.
    """
    layout = Layout.of(settings)
    with claimed(layout, layout.reports / "details.json"):
        _evaluate(settings, layout)


def _evaluate(settings: Settings, layout: Layout) -> None:
    made = artifacts.of_season(artifacts.products(layout), settings.study.months, settings.sensor.name)
    artifacts.check_maps(layout, made)  # now, and not after a long evaluation
    found = water_bodies.water_bodies(layout, made)
    points = settings.evaluate.points
    if points and any("maps" in sentence for sentence in made.stale):
        raise WaterGeeError(
            "evaluate.points: the maps that points are measured on are not of the selected model, its export and the "
            "season, as the page is; run again: water-gee predict"
        )
    surveyed = assess_points(layout, points) if points else None
    records = read_manifest(layout)
    references = list(settings.study.references)
    tested = [record for record in records if record.area == settings.evaluate.area]
    gallery = Gallery.of(tested, references[0] if references else None)
    probabilities = Probabilities()
    test = EvaluationArea.of(settings)
    atlas = Atlas.of(layout, records)
    drawn = [atlas.tiles.add] if atlas.tiles else []
    assessment = assess(test, [gallery.add, probabilities.add, *drawn])
    if surveyed:
        assessment.details["survey"] = surveyed
    explored = atlas.explored(made, found.bodies, settings.evaluate.area)
    # Drawn beside the last good ones; moved into their place once all is there.
    folder = layout.work / "reports" / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    realism = _realism(layout) if test.is_simulated else None
    sections = _sections(settings, layout, records, gallery, folder, assessment, made, found, realism)
    head = _head(settings.study, settings.sensor.name, is_simulated=test.is_simulated)
    page = render(head, _cards(made, assessment.metrics, assessment.details), sections, explored)
    first = references[0] if references else None
    tables = plot_tables(assessment, probabilities, first)
    if surveyed:
        tables["estimates.csv"] = as_csv(estimates.as_rows(surveyed))
    shown = {"maps": layout.maps / "maps.json"} if made.maps is not None else {}
    shown |= {"bodies": layout.bodies / "bodies.json"} if found.bodies else {}
    _publish(layout, page, folder, assessment, tables, shown)
    say(f"the page is {layout.reports / 'index.html'}")


def _publish(
    layout: Layout,
    page: str,
    figures: Path,
    assessment: Assessment,
    plots: Mapping[str, str],
    shown: Mapping[str, Path],
) -> None:
    """Write what was made; `details.json` comes last and names the others' hashes, and those of what is shown."""
    reports = layout.reports
    write_json(reports / "metrics.json", assessment.metrics)
    shutil.rmtree(reports / "plots", ignore_errors=True)  # nor a table of points that were not given this time
    for name, text in plots.items():
        write_text(reports / "plots" / name, text)
    shutil.rmtree(reports / "figures", ignore_errors=True)  # a figure of another study must not stay
    shutil.move(figures, reports / "figures")
    write_text(reports / "index.html", page)
    files = {**shown, **{name: reports / file for name, file in _NAMED.items()}}
    known = {f"{name}_sha256": sha256(path) for name, path in files.items()}
    write_sealed(reports / "details.json", {**assessment.details, **known})


def _sections(
    settings: Settings,
    layout: Layout,
    records: Sequence[TileRecord],
    gallery: Gallery,
    folder: Path,
    assessment: Assessment,
    made: artifacts.Products,
    found: water_bodies.WaterBodies,
    realism: dict[str, Any] | None,
) -> list[Section]:
    metrics, details = assessment.metrics, assessment.details
    return [
        accuracy.section(folder, metrics, details),
        estimates.survey(details.get("survey")),
        estimates.circumstances(details.get("circumstances", [])),
        estimates.reliability(folder, details.get("reliability", {})),
        accuracy.causes(folder, details.get("causes", []), realism),
        accuracy.agreement_maps(folder, gallery, list(metrics)),
        labels.section(folder, layout, records, gallery, details),
        products.water_map(folder, layout, made),
        water_bodies.section(found),
        products.study(folder, settings, records),
        accuracy.composites(folder, gallery),
        products.training(folder, made),
        products.export(made),
        products.lineage(settings, layout, repository(), made.model),
    ]


def _realism(layout: Layout) -> dict[str, Any]:
    """Return what the simulation measured of itself."""
    path = layout.raw / "simulation.json"
    content = read_json(path)
    if not isinstance(content, dict):
        raise WaterGeeError(f"{path} does not say what was simulated; run again: water-gee simulate")
    realism: dict[str, Any] = content.get("realism") or {}
    return realism


def _head(study: StudySettings, sensor: str, *, is_simulated: bool) -> StudyLine:
    first, last = study.months
    season = _MONTHS[first] if first == last else f"{_MONTHS[first]} to {_MONTHS[last]}"
    years = str(study.years[0]) if len(study.years) == 1 else f"{study.years[0]}-{study.years[-1]}"
    unit = "degrees" if study.scale < 0.1 else "m"
    line = (
        f"{_sensor(sensor)} composites of {season}, {years}; {study.scale:g} {unit} pixels in "
        f"{study.crs}. Labels come free from the imagery's quality band; a small network learns from them, is measured "
        "here against independent truth, and is carried into Earth Engine to map the whole area."
    )
    return StudyLine(study.name, line, is_simulated)


def _sensor(name: str) -> str:
    """Return a sensor's name as people write it: landsat578 is Landsat 5, 7 and 8."""
    if numbers := re.fullmatch(r"landsat(\d+)", name):
        return f"Landsat {' and '.join(', '.join(numbers[1]).rsplit(', ', 1))}"
    return {"hls": "Harmonized Landsat and Sentinel-2"}.get(name, re.sub(r"sentinel2.*", "Sentinel-2", name))


def _cards(made: artifacts.Products, metrics: Mapping[str, Any], details: Mapping[str, Any]) -> list[Card]:
    """Return the numbers at the top."""
    cards = []
    if metrics:
        reference, measures = next(iter(metrics.items()))
        cards.append(Card(f"{measures['model']['iou']:.3f}", f"IoU of the model, reference “{reference}”"))
        denoised = details["references"][reference].get("where_denoised")
        if denoised:
            cards.append(Card(f"{denoised['clean_label']['iou']:.3f}", "IoU of the denoised label, where it speaks"))
        cards.append(Card(f"{measures['qa_water']['iou']:.3f}", "IoU of the quality band"))
    if rows := made.areas:
        cards.append(_card_of_water(rows[-1]))
    if (parity := made.parity).get("equal"):
        cards.append(Card("equal", f"exported network and PyTorch on {parity['pixels']:,} pixels"))
    return cards


def _card_of_water(row: Mapping[str, str]) -> Card:
    """Return the water of a year with its interval, and what share of the area was not seen where it is not little."""
    if not is_seen(row):
        return Card("not seen", f"the area “{row['area']}” in {row['year']}")
    text = f"water mapped in {row['year']}"
    if row.get("water_low_km2") and row.get("water_high_km2"):
        text += f"; {km2(float(row['water_low_km2']), 0)} to {km2(float(row['water_high_km2']), 0)} with 95 %"
    if not is_complete(row):
        text += f"; {unseen_share(row):.0%} of the area was not seen"
    return Card(f"{km2(float(row['water_km2']), 0)} km²", text)
