"""The served page draws its maps from the server's tiles, and asks nobody else."""

import pytest

import finished
from browser import NEEDED, launch
from served import write_reports
from water_gee.maps import read_areas, read_maps
from water_gee.paths import Layout
from water_gee.report.atlas import explorer, frame_of, map_layers
from water_gee.report.library import library
from water_gee.report.page import StudyLine, render
from water_gee.serve import Server, Shelf

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")
pytestmark = NEEDED


def test_the_maps_come_from_the_server_and_from_nowhere_else(tmp_path) -> None:
    finished.checkpoint(tmp_path)
    finished.add_products(tmp_path)
    layout = Layout(tmp_path, finished.STUDY)
    maps = read_maps(layout)
    layers = map_layers(layout, maps, ["2020"])
    explored = explorer(frame_of(layout, maps, "2020"), layers, {}, read_areas(layout, maps), [])
    write_reports(layout, render(StudyLine("tiny", "", simulated=False), [], [], (explored, library())))
    asked, wrong = [], []
    with Server(Shelf.of(layout)) as server, playwright.sync_playwright() as started:
        page = launch(started).new_page()
        page.on("console", lambda one: wrong.append(one.text) if one.type in ("error", "warning") else None)
        page.on("response", lambda one: asked.append((one.status, one.url)))
        page.goto(server.url)
        menu = page.locator('.side[data-side="right"] select').first
        for layer in layers:
            menu.select_option(label=layer.title)
            page.locator(f'img.leaflet-tile-loaded[src*="/{layer.tiles}/"]').first.wait_for()
        addresses = [(status, url) for status, url in asked if not url.startswith("data:")]
        assert all(status == 200 and url.startswith(server.url) for status, url in addresses), addresses
        for layer in layers:
            assert any(f"/tiles/{layer.tiles}/2020/" in url for _, url in addresses), layer.id
    assert wrong == []
