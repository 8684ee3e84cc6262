"""The page's part on labels says what the labels' report counts, and what the reference says of them."""

import re

import pytest

import finished
from water_gee.denoise import clean_report_path
from water_gee.denoise.summary import COUNTS, REASONS
from water_gee.files import read_json
from water_gee.report.labels import changes, measured
from water_gee.report.page import Table
from water_gee.report.stage import run
from water_gee.sealed import unsealed, write_sealed

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"


def cells(table: Table) -> dict[str, list[str]]:
    """Return each row's texts and notes by its name, which is told apart by the row before where it is indented."""
    rows, last = {}, ""
    for row in table.rows:
        name = row.cells[0].text
        last = last if name.startswith("– ") else name
        full = f"{last}{name.removeprefix('–')}" if name.startswith("– ") else name
        rows[full] = [f"{cell.text} {cell.note}".strip() for cell in row.cells[1:]]
    return rows


def counts(**known: int) -> dict[str, int]:
    return {name: known.get(name, 0) for name in COUNTS}


def by_reason(**known: int) -> dict[str, int]:
    return {name: known.get(name, 0) for name in REASONS}


def test_the_changes_of_every_area_stand_by_direction_and_reason() -> None:
    one = counts(pixels=200, kept_land=80, kept_water=10, water_to_land=4, land_to_water=6, unsure=60, unseen=40)
    other = counts(pixels=1000, kept_land=1000)
    total = {name: one[name] + other[name] for name in COUNTS}
    own = {"water_to_land": by_reason(terrain=3, object=1), "land_to_water": by_reason(shore=6)}
    none = {"water_to_land": by_reason(), "land_to_water": by_reason()}
    table = changes(
        {
            "areas": {"test": one, "train": other}, "total": total,
            "changes": {"areas": {"test": own, "train": none}, "total": own},
        }
    )  # fmt: skip
    assert table.columns == ("", "test", "train", "All")
    assert cells(table) == {
        "Labels": ["100 50.00%", "1,000 100.00%", "1,100 91.67%"],
        "Land to water": ["6 6.00%", "0 0.00%", "6 0.55%"],
        "Land to water shore": ["6 6.00%", "0 0.00%", "6 0.55%"],
        "Water to land": ["4 4.00%", "0 0.00%", "4 0.36%"],
        "Water to land object": ["1 1.00%", "0 0.00%", "1 0.09%"],
        "Water to land terrain": ["3 3.00%", "0 0.00%", "3 0.27%"],
        "Left open": ["100 50.00%", "0 0.00%", "100 8.33%"],
        "Left open too unsure": ["60 30.00%", "0 0.00%", "60 5.00%"],
        "Left open not seen": ["40 20.00%", "0 0.00%", "40 3.33%"],
    }
    assert "Terrain: slope or shadow rules water out." in table.note and "Evidence" not in table.note


def test_raw_and_clean_labels_stand_beside_each_other() -> None:
    raw = {"iou": 0.5, "precision": 0.6, "recall": 0.7, "accuracy": 0.9, "pixels": 50}
    clean = {"iou": 0.75, "precision": 0.8, "recall": 0.9, "accuracy": 0.96, "pixels": 50}
    fates = {"mended": 4, "still_wrong": 1, "wrong_left_open": 2, "damaged": 1, "still_right": 44, "right_left_open": 8}
    denoised = {
        "qa_water": raw, "clean_label": clean, "fates": fates,
        "iou_intervals": {"qa_water": {"low": 0.4, "high": 0.6}, "clean_label": {"low": 0.7, "high": 0.8}},
        "iou_difference": {"difference": 0.25, "low": 0.2, "high": 0.3, "above_zero": 1.0},
    }  # fmt: skip
    table = measured("truth", denoised, "test")
    assert table.title == "Measured on truth: area “test”, against “truth”"
    assert cells(table) == {
        "Raw label": ["0.500 0.400-0.600", "0.600", "0.700", "5"],
        "Clean label": ["0.750 0.700-0.800", "0.800", "0.900", "2"],
    }
    assert [row.best for row in table.rows] == [False, True]
    assert "Clean less raw label: +0.2500 IoU, 95 % interval +0.2000 to +0.3000." in table.note
    assert "Of 7 wrong raw labels 4 were mended and 2 left open" in table.note
    assert "of 53 right ones 1 were damaged and 8 left open" in table.note


@pytest.fixture
def page(tmp_path, settings):
    """A function that evaluates the root in the test's folder, and returns the page and its pictures of tiles."""

    def evaluated(*overrides: str) -> tuple[str, list[str]]:
        run(settings("study.years=[2020]", "evaluate.resamples=100", *overrides))
        text = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
        drawn = sorted((tmp_path / "reports" / "figures").glob("*_[0-9].png"))
        return text, [path.name for path in drawn if not path.name.startswith("place")]

    return evaluated


def test_the_page_shows_the_most_changed_and_the_least_sure_tiles(tmp_path, page) -> None:
    layout = finished.write_root(tmp_path)
    report = read_json(clean_report_path(layout))
    text, drawn = page(REFERENCE)
    assert drawn == [
        "labels_1.png", "labels_2.png", "least_sure_1.png", "most_changed_1.png", "most_changed_2.png",
    ]  # of four tiles, three are among the most changed  # fmt: skip
    first = report["shown"]["most_changed"][0]
    row = next(row for row in report["tiles"] if f"{row['area']}/{row['id']}" == first)
    told = f"{row['counts']['land_to_water']:,} labels went from land to water, {row['counts']['water_to_land']:,} the"
    assert f"Most changed 1: tile {first}." in text and told in text
    assert re.search(rf"– shore</td><td>{report['changes']['total']['land_to_water']['shore']:,} ", text)
    assert "Measured on truth: area “test”, against “truth”" in text


def test_without_a_reference_nothing_is_called_measured(tmp_path, page) -> None:
    finished.write_root(tmp_path)
    text, drawn = page("~study.references")
    assert "Measured on truth" not in text and "most_changed_1.png" in drawn and "What became of the labels" in text


def test_a_report_of_an_earlier_version_is_shown_as_far_as_it_goes(tmp_path, page) -> None:
    layout = finished.write_root(tmp_path)
    content = unsealed(read_json(clean_report_path(layout)))
    for key in ("changes", "shown"):
        del content[key]
    write_sealed(clean_report_path(layout), content)
    text, drawn = page(REFERENCE)
    assert "What became of the labels" not in text and drawn == ["labels_1.png", "labels_2.png"]
    assert "Measured on truth" in text
