"""`docs/exporter.md` says what the registry says."""

from water_gee.export.page import PAGE, filled


def test_the_page_lists_what_the_registry_holds():
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text, "run: python -m water_gee.export.page"
    assert "`Conv2d`" in text and "GroupNorm" in text and "| --- |" in text
