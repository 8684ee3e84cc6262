"""The series of many years, and names that are written from right to left, in a browser."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

import explored
from browser import NEEDED, launch
from water_gee.report.atlas.bodies import Body

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")
pytestmark = NEEDED
RIGHT_TO_LEFT = "بحيرة «كبيرة»"
_BOXES = "all => all.map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right])"
# Where the first and the last letter of an element's text are drawn.
_ENDS = """(one) => [0, one.firstChild.length - 1].map((place) => {
  const range = document.createRange();
  range.setStart(one.firstChild, place);
  range.setEnd(one.firstChild, place + 1);
  return range.getBoundingClientRect().left;
})"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A function that opens a page of some years, with one body."""
    folder = tmp_path_factory.mktemp("many")
    Image.new("RGB", (60, 40), "navy").save(folder / "still.png")

    def written(years: list[int]) -> Path:
        body = Body("w1", RIGHT_TO_LEFT, "lake", explored.lake(110), explored.years_of(3.0, 4.5))
        content = explored.contents(tuple(map(str, years)), found=[body])
        return explored.write_page(folder / "index.html", content, folder / "still.png")

    with playwright.sync_playwright() as started:
        browser = launch(started)

        def opened(years: list[int]):
            found = browser.new_page()
            found.goto(written(years).as_uri())
            return found

        yield opened
        browser.close()


@pytest.mark.parametrize("years", [list(range(1991, 2021)), [1984, 2018, 2019, 2020], [2019, 2020]])
def test_years_below_a_series_stand_apart(page, years) -> None:
    shown = page(years).locator('.panel svg text[text-anchor="middle"]')
    boxes, texts = shown.evaluate_all(_BOXES), shown.all_text_contents()
    assert texts[0] == str(years[0]) and texts[-1] == str(years[-1])
    assert all(one[1] < other[0] for one, other in pairwise(boxes)), texts


def test_a_name_is_written_from_right_to_left_where_its_letters_are(page) -> None:
    found = page([2019, 2020])
    found.locator(".list button").click()
    for place in (".list .name", ".panel h3"):
        first, final = found.locator(place).first.evaluate(_ENDS)
        assert final < first, place
