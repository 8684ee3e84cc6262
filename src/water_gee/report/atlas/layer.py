"""A layer of the page's map: its pictures by year, its style, and in which group of the menu it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from water_gee.report.atlas.picture import Picture
from water_gee.report.atlas.style import Style

ALL_YEARS = ""


@dataclass(frozen=True)
class MapLayer:
    """What the menu of the page's map offers.

    Attributes:
        id: letters, digits and dots.
        group: of the menu.
        title: in the menu and above the legend.
        text: one or two sentences for the reader.
        style: how its pixels look; None for imagery.
        pictures: by year, or under ALL_YEARS where it is of all of them; years are ordered.
        tiles: the layer of the maps by which `water-gee serve` draws it at full resolution; empty where it does not.
        step: pixels of the study a side of one of the pictures'.
    """

    id: str
    group: str
    title: str
    text: str
    style: Style | None = None
    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    tiles: str = ""
    step: int = 1

    def data(self, styles: Sequence[Style]) -> dict[str, Any]:
        """Return it as the page's script reads it; `styles` are all that the page has."""
        return {
            "id": self.id,
            "group": self.group,
            "title": self.title,
            "text": self.text,
            "style": None if self.style is None else styles.index(self.style),
            "tiles": self.tiles,
            "step": self.step,
            "years": {
                year: [{"src": one.address, "bounds": one.bounds, "size": one.size} for one in pictures]
                for year, pictures in self.pictures.items()
            },
        }
