"""The page on which points are labelled, in Chromium, without a network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from survey.conftest import survey_json, truth, write_labels
from water_gee.survey.labels import read_labels
from water_gee.survey.points import Survey

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A browser that reaches no network; skips where there is none."""
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = opened.new_context(offline=True, viewport={"width": 1000, "height": 1150})
        yield context
        opened.close()


def saved(page: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.keyboard.press("g")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_points_are_labelled_by_keys_kept_and_saved(sampled, browser) -> None:
    survey = survey_json(sampled)
    ids = [one["id"] for one in survey["points"]]
    address = (sampled / "survey" / "label.html").as_uri()
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    for key in ("w", "l", "u", "s", "w", "w", "z", "b", "b"):  # ... skip the fourth; take the sixth back; to the fourth
        page.keyboard.press(key)
    assert page.inner_text("#place").startswith("point 4,")
    page.click("#land")
    assert page.inner_text("#progress").startswith("5 of 40 labelled, 1 not sure; 7 answers since the last file")
    path = saved(page, sampled)
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    expected = dict(zip(ids[:5], ("water", "land", "unsure", "land", "water"), strict=True))
    assert {one["properties"]["id"]: one["properties"]["label"] for one in features} == expected
    first = survey["points"][0]
    assert features[0]["geometry"]["coordinates"] == [first["longitude"], first["latitude"]]
    known = {key: value for key, value in survey.items() if key != "seal"}
    assert read_labels(path, Survey.of(known)) == expected
    page.reload()
    assert page.inner_text("#place").startswith("point 6,"), "what was answered is kept, and the first open one shown"
    page.evaluate("localStorage.clear()")
    page.reload()
    assert page.inner_text("#place").startswith("point 1,")
    page.set_input_files("#load", path)
    page.wait_for_function("document.getElementById('progress').textContent.startsWith('5 of 40')")
    foreign = sampled / "foreign.geojson"
    foreign.write_text(path.read_text(encoding="utf-8").replace(survey["mark"], "abcdef"), encoding="utf-8")
    page.set_input_files("#load", foreign)
    page.wait_for_function("document.getElementById('warning').textContent.startsWith('5 labels of the file are of')")
    assert faults == []


def test_the_marked_pixel_is_the_points_own(sampled, browser) -> None:
    """The picture's middle is what the tile holds there: water in SWIR1, NIR, red is dark, land is not."""
    page = browser.new_page()
    page.goto((sampled / "survey" / "label.html").as_uri())
    real = truth()
    for number, point in enumerate(survey_json(sampled)["points"][:6]):
        page.wait_for_selector(f"#infrared_near[data-shown='{point['id']}']")
        pixel = page.evaluate(
            "[...document.getElementById('infrared_near').getContext('2d').getImageData(310, 310, 1, 1).data]"
        )
        y, x = point["row"], point["column"]
        assert (np.mean(pixel[:2]) < 110) == bool(real[y, x]), (number, pixel)
        page.keyboard.press("s")


def test_it_fits_a_phone(sampled, browser) -> None:
    page = browser.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto((sampled / "survey" / "label.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = page.locator("#unsure").bounding_box()
    assert box["y"] + box["height"] <= 740 and box["height"] >= 44, "the answers are in reach of a thumb"


def kept(page: Any) -> dict[str, str]:
    """The labels that the browser holds."""
    return json.loads(page.evaluate("Object.values({...localStorage})[0]"))["answers"]  # type: ignore[no-any-return]


def test_no_answer_is_lost_by_a_second_tab_an_undo_or_the_last_point(sampled, browser) -> None:
    ids = [one["id"] for one in survey_json(sampled)["points"]]
    address = (sampled / "survey" / "label.html").as_uri()
    one, other = browser.new_page(), browser.new_page()
    one.goto(address)
    other.goto(address)
    for key in ("w", "l", "u"):
        one.keyboard.press(key)
    other.wait_for_function("document.getElementById('progress').textContent.startsWith('3 of 40')")
    for key in ("n", "w"):  # the first open one is the fourth now
        other.keyboard.press(key)
    expected = dict(zip(ids[:4], ("water", "land", "unsure", "water"), strict=True))
    assert kept(other) == expected, "a tab that was opened before keeps what the other answered since"
    other.close()
    one.wait_for_function("document.getElementById('progress').textContent.startsWith('4 of 40')")
    for key in ("b", "w", "z"):  # the third was not sure, becomes water, and what it was again
        one.keyboard.press(key)
    assert kept(one) == expected
    assert one.inner_text("#progress").endswith("; 6 answers since the last file")
    one.reload()
    assert one.inner_text("#progress").endswith("; 6 answers since the last file"), "nothing of it is in a file yet"
    one.evaluate("at = 39; show()")
    for key in ("w", "l"):  # the last point, and on to the first that is open, which the next answer is for
        one.keyboard.press(key)
    assert kept(one) == {**expected, ids[39]: "water", ids[4]: "land"}
    path = saved(one, sampled)
    one.keyboard.press("b")
    one.keyboard.press("w")  # the fifth is water now, and land in the file
    one.set_input_files("#load", path)
    one.wait_for_function("document.getElementById('warning').textContent.startsWith('1 label of the file')")
    assert kept(one)[ids[4]] == "water"


def test_keys_answer_whatever_letters_are_on_them(sampled, browser) -> None:
    """Of a Russian keyboard, of an input method, and of a French one, on which the letter z has another place."""
    page = browser.new_page()
    page.goto((sampled / "survey" / "label.html").as_uri())
    pressed = {
        "ц": "KeyW",
        "Process": "KeyL",
        "Ц": "KeyW",
        "z": "KeyW",
        "ч": "KeyX",
        "Dead": "KeyU",
        "Shift": "ShiftLeft",
    }
    for key, code in pressed.items():
        event = {"key": key, "code": code, "bubbles": True}
        page.evaluate("of => document.body.dispatchEvent(new KeyboardEvent('keydown', of))", event)
    assert list(kept(page).values()) == ["water", "land"]


def test_labels_that_were_edited_elsewhere_are_taken_as_evaluate_takes_them(sampled, browser) -> None:
    names = [one["id"] for one in survey_json(sampled)["points"]][:4]
    path = write_labels(sampled / "edited.geojson", dict(zip(names, ("Water", " LAND ", "lake", None), strict=True)))
    page = browser.new_page()
    page.goto((sampled / "survey" / "label.html").as_uri())
    page.set_input_files("#load", path)
    page.wait_for_function("!document.getElementById('warning').hidden")
    assert page.inner_text("#warning") == "1 label of the file left out: only water, land, unsure can be taken."
    assert kept(page) == {names[0]: "water", names[1]: "land"}


FULL = "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }"


def test_answers_that_a_full_browser_does_not_take_stay_on_the_page(sampled, browser) -> None:
    """What the browser took before it was full is older than the page, and not taken for what was answered."""
    ids = [one["id"] for one in survey_json(sampled)["points"]]
    page = browser.new_page()
    page.goto((sampled / "survey" / "label.html").as_uri())
    page.keyboard.press("w")
    page.evaluate(FULL)
    for key in ("l", "u", "w", "z", "l"):
        page.keyboard.press(key)
    assert "keeps nothing" in page.inner_text("#warning")
    features = json.loads(saved(page, sampled).read_text(encoding="utf-8"))["features"]
    expected = dict(zip(ids[:4], ("water", "land", "unsure", "land"), strict=True))
    assert {one["properties"]["id"]: one["properties"]["label"] for one in features} == expected
