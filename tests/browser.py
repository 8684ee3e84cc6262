"""Chromium, where there is one."""

import shutil

import pytest

from water_gee.report.library import library

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = [
    pytest.mark.skipif(BROWSER is None, reason="needs chromium, chromium-browser or google-chrome"),
    pytest.mark.skipif(library() is None, reason="needs the map library: make vendor"),
]


def launch(started):
    """Return the browser, given what `sync_playwright` gives."""
    return started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
