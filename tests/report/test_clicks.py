"""The page's map, clicked through in a browser: by pointer, by keys, on a phone, without JavaScript."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explored
from browser import NEEDED, launch
from water_gee.report.atlas import explorer
from water_gee.report.page import Figure, Section, StudyLine, render

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")
pytestmark = NEEDED
WATER = (47, 127, 193)
FOCUSED = "(document.activeElement.id || document.activeElement.className)"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = launch(started)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def figure(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("figure") / "still.png"
    Image.new("RGB", (60, 40), "navy").save(path)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory, figure) -> Path:
    return explored.write_page(tmp_path_factory.mktemp("page") / "index.html", explored.contents(), figure)


@pytest.fixture
def visit(chromium):
    """A function that opens a page; whatever went wrong in it or was asked of a network fails the test."""
    contexts, wrong = [], []

    def open_page(path: Path, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 1100}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: wrong.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda one: wrong.append(one.url) if not one.url.startswith(("data:", "file:")) else None)
        page.goto(path.as_uri())
        page.set_default_timeout(5000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def colour_at(page, share: float) -> tuple[int, ...]:
    """Return the colour of the map in its middle row, so far from its left, away from handle and outlines."""
    picture = np.asarray(Image.open(io.BytesIO(page.locator("#map").screenshot())).convert("RGB"))
    return tuple(int(value) for value in picture[picture.shape[0] // 2 - 60, round(share * picture.shape[1])])


def choose(page, side: str, layer: str, year: str = "") -> None:
    menus = page.locator(f'.side[data-side="{side}"] select')
    menus.first.select_option(label=layer)
    if year:
        menus.last.select_option(year)


def test_the_handle_moves_by_keys_and_by_pointer(visit, whole) -> None:
    page = visit(whole)
    page.locator(".outlines input").uncheck()
    choose(page, "left", "Water", "2019")
    choose(page, "right", "Probability of water", "2020")
    assert colour_at(page, 0.42) == WATER and colour_at(page, 0.52)[2] == 255
    handle = page.locator(".swipe")
    handle.focus()
    for _ in range(30):
        handle.press("ArrowLeft")
    assert handle.input_value() == "20" and handle.get_attribute("aria-valuetext").startswith("20 % left: Water")
    assert colour_at(page, 0.42)[2] == 255
    box = handle.bounding_box()
    start = box["x"] + 22 + 0.2 * (box["width"] - 44)
    page.mouse.move(start, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(start + 0.6 * (box["width"] - 44), box["y"] + 22, steps=4)
    page.mouse.up()
    assert 78 <= int(handle.input_value()) <= 82
    assert colour_at(page, 0.42) == WATER
    handle.press("End")
    assert page.locator(".leaflet-side-right-pane").evaluate("one => getComputedStyle(one).clipPath") != "none"


def test_years_and_layers_change_with_their_legends(visit, whole) -> None:
    page = visit(whole)
    legend = page.locator('.legend[data-side="right"]')
    assert "Water, 2020" in legend.inner_text() and "land" in legend.inner_text()
    choose(page, "right", "Water", "2019")
    assert "Water, 2019" in legend.inner_text()
    assert page.locator(".leaflet-side-right-pane img").get_attribute("alt") == "Water 2019"
    choose(page, "right", "Probability of water")
    assert "Probability of water, 2019" in legend.inner_text(), "the year stays where the layer has it"
    assert page.locator('.legend[data-side="right"] .ramp .swatch').count() == 101
    page.get_by_role("button", name="Swap sides").click()
    assert "Probability" in page.locator('.legend[data-side="left"]').inner_text()


def test_of_a_thinned_layer_the_pointer_says_how_many_pixels_it_reads(visit, tmp_path, figure) -> None:
    """The server's tiles above it show every one of them."""
    thinned = [replace(layer, step=3) for layer in explored.layers(("2019", "2020"))]
    content = explorer(explored.FRAME, thinned, {"test": explored.BOUNDS}, [], [])
    page = visit(explored.write_page(tmp_path / "index.html", content, figure))
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 0.42 * box["width"], box["y"] + 0.5 * box["height"])
    assert "left: water (of 3 × 3 pixels)" in page.locator(".readout").inner_text()


def test_the_pointer_reads_class_value_and_place(visit, whole) -> None:
    page = visit(whole)
    choose(page, "right", "Probability of water", "2020")
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 0.42 * box["width"], box["y"] + 0.5 * box["height"])
    said = page.locator(".readout").inner_text()
    assert "EPSG:32648" in said and "N, " in said and "left: water" in said and "right: 0.93" in said
    choose(page, "left", f"Raw label {explored.HOSTILE}")
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    assert "left: no data" in page.locator(".readout").inner_text()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".cross").wait_for(state="visible")
    assert "EPSG:32648" in page.locator(".readout").inner_text()


def test_a_body_is_searched_chosen_and_shows_its_years(visit, whole) -> None:
    page = visit(whole)
    names = page.locator(".list button .name")
    assert names.first.inner_text().startswith("Big lake") and names.count() == 3
    page.get_by_label("Search by name or id").fill("W1")
    assert names.count() == 1 and "1 of 3 water bodies" in page.locator(".count").inner_text()
    before = page.evaluate("Water.map.getZoom()")
    names.first.locator("..").focus()
    page.keyboard.press("Enter")
    panel = page.locator(".panel")
    assert panel.locator("h3").first.inner_text() == "Big lake"
    assert "+1.50 km² from 2019 to 2020, more than its uncertainty" in panel.locator(".note").inner_text()
    cells = panel.locator(".numbers tbody tr").all_inner_texts()
    assert [row.split("\t")[:3] for row in cells] == [["2019", "3.00", "2.90 – 3.10"], ["2020", "4.50", "4.40 – 4.60"]]
    assert panel.locator("svg .dot").count() == 2 and panel.locator("svg .interval").count() == 6
    assert page.evaluate("Water.map.getZoom()") > before
    page.get_by_role("button", name="Back to the whole area").click()
    assert panel.locator("h3").first.inner_text() == "The whole area" and "121" in panel.inner_text()
    page.get_by_label("Search by name or id").fill("")
    page.get_by_label("Order").select_option("loss")
    assert "w2shrink" in names.first.inner_text()


def test_a_body_is_chosen_on_the_map(visit, whole) -> None:
    page = visit(whole)
    page.locator("path.leaflet-interactive").nth(2).click()
    assert page.locator(".panel h3").first.inner_text() == "w3hidden"
    assert "no two years in which it was seen" in page.locator(".panel .note").inner_text()
    assert "not seen" in page.locator(".panel svg title").first.text_content()
    assert page.locator('.list button[aria-pressed="true"]').count() == 1


def test_hostile_names_stay_text_and_the_policy_holds(chromium, whole) -> None:
    page = chromium.new_context().new_page()
    page.goto(whole.as_uri())
    page.get_by_text("w2shrink").click()
    assert page.locator(".panel h3").first.inner_text() == explored.HOSTILE
    assert page.get_by_role("button", name="Area “test <img").count() == 1
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.hacked = 2";
      document.body.append(script);
      const image = document.createElement("div"); image.innerHTML = '<img src="x" onerror="window.hacked = 3">';
      document.body.append(image);
    }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    page.context.close()


def test_on_a_phone_nothing_is_wider_than_the_screen(visit, whole) -> None:
    page = visit(whole, viewport={"width": 375, "height": 812}, is_mobile=True, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.get_by_text("Big lake").tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.locator("#map").evaluate("one => one.getBoundingClientRect().top") >= 0, "the map is in view"
    sizes = page.locator(".explorer button:visible, .explorer select").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 30, "large enough for a finger"


def test_every_control_is_reached_by_tab_and_has_a_name(visit, whole) -> None:
    page = visit(whole)
    page.locator('a[href="#explore"]').focus()
    reached = []
    for _ in range(22):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    for wanted in ("map", "swipe", "swap"):
        assert wanted in reached, reached
    assert reached.index("map") < reached.index("swipe") < reached.index("swap")
    bare = page.locator(".explorer :is(input, select, button)").evaluate_all(
        "all => all.filter((one) => !one.labels?.length && !one.textContent.trim() && !one.ariaLabel).length"
    )
    assert bare == 0


def test_one_year_and_no_bodies(visit, figure, tmp_path) -> None:
    page = visit(explored.write_page(tmp_path / "a.html", explored.contents(("2020",), found=[]), figure))
    assert page.locator(".bodies").is_hidden() and page.locator(".outlines").is_hidden()
    assert page.locator('.side[data-side="left"] select').last.is_disabled()
    assert page.locator('.legend[data-side="left"]').inner_text() != ""


def test_labels_alone(visit, figure, tmp_path) -> None:
    page = visit(explored.write_page(tmp_path / "b.html", explored.contents(("2020",), maps=False, found=[]), figure))
    assert "There are no maps" in page.locator(".panel .note").inner_text()
    assert page.locator(".leaflet-side-right-pane img").count() == 1


def test_pictures_far_down_are_printed_too(visit, tmp_path) -> None:
    """A browser that prints does not wait for pictures that it would load once they are in view."""
    part = Section("a", "A")
    for number in range(30):
        path = tmp_path / f"{number}.png"  # each of its own: what was loaded once is not loaded again
        Image.new("RGB", (60, 40), (number, 0, 0)).save(path)
        part.figures.append(Figure(path, f"Figure {number}", "A caption."))
    page_path = tmp_path / "long.html"
    page_path.write_text(render(StudyLine("tiny", "Long.", simulated=False), [], [part]), encoding="utf-8")
    page = visit(page_path, viewport={"width": 400, "height": 300})
    assert page.evaluate("document.documentElement.scrollHeight") > 6000
    assert page.evaluate("[...document.images].filter((one) => one.naturalWidth).length") == 30


def test_without_javascript_the_still_figures_are_there(visit, whole) -> None:
    page = visit(whole, java_script_enabled=False)
    assert "The map needs JavaScript" in page.locator(".plain").inner_text()
    assert page.locator(".explorer").is_hidden() and page.get_by_alt_text("A figure").is_visible()
