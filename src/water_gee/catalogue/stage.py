"""Stage `catalogue`: the study's products as a STAC catalogue that can be moved with them."""

from collections.abc import Mapping
from typing import Any

from water_gee.bodies import are_of, read_bodies
from water_gee.catalogue.build import Content, build
from water_gee.catalogue.lineage import lineage_of
from water_gee.catalogue.write import REPORT, publish
from water_gee.claims import claimed
from water_gee.config.catalogue import CatalogueSettings
from water_gee.config.settings import Settings
from water_gee.errors import WaterGeeError
from water_gee.files import sha256
from water_gee.maps import read_maps
from water_gee.paths import Layout
from water_gee.progress import say


def run(settings: Settings) -> None:
    """Describe the maps and the water bodies and write `catalogue/`.

    Raises:
        ConfigError: another study's catalogue is there.
        WaterGeeError: there are no maps, or a file was changed since it was written; or another command writes a
            catalogue now.
    """
    choice, layout = settings.catalogue, Layout.of(settings)
    with claimed(layout, layout.catalogue / REPORT):
        _write(layout, choice)


def _write(layout: Layout, choice: CatalogueSettings) -> None:
    maps = read_maps(layout)
    if maps is None:
        raise WaterGeeError(f"{layout.maps} holds no maps to describe; run first: water-gee predict")
    content = Content(layout, maps, _bodies(layout), lineage_of(layout, maps))
    for sentence in content.lineage.left_out:
        say(sentence)
    made_of = {"study": layout.study, "maps_sha256": sha256(layout.maps / "maps.json")}
    if content.bodies is not None:
        made_of["bodies_sha256"] = sha256(layout.bodies / "bodies.json")
    files = publish(layout, build(content, choice), made_of)
    say(f"{layout.catalogue / 'catalog.json'}: a collection of {len(files) - 2} items")


def _bodies(layout: Layout) -> Mapping[str, Any] | None:
    """Return the report of the bodies, None where there are none or they are of other maps, which is said."""
    report = read_bodies(layout)
    if report is None or are_of(layout, report):
        return report
    say("the water bodies are of other maps and are left out; run again: water-gee bodies")
    return None
