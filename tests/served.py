"""A root with a page of the maps that are there."""

from water_gee.files import sha256, write_text
from water_gee.paths import Layout
from water_gee.sealed import write_sealed

PAGE = '<!doctype html>\n<html lang="en">\n<title>page</title>\n</html>\n'


def write_reports(layout: Layout, page: str = PAGE, **known_too: str) -> None:
    """Write a page of the maps that are there."""
    write_text(layout.reports / "index.html", page)
    write_text(layout.reports / "metrics.json", "{}\n")
    known = {"page_sha256": "index.html", "metrics_sha256": "metrics.json"}
    content = {name: sha256(layout.reports / file) for name, file in known.items()}
    content["maps_sha256"] = sha256(layout.maps / "maps.json")
    write_sealed(layout.reports / "details.json", {"study": layout.study, **content, **known_too})
