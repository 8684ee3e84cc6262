"""The page's map, drawn while evaluation passes by the tiles."""

from collections.abc import Sequence

from water_gee.denoise import CleanLabels, clean_report_path
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import artifacts
from water_gee.report.atlas import Explorer, TileLayers, explorer, frame_of, map_layers
from water_gee.report.atlas.bodies import Body
from water_gee.report.library import ADVICE, Library, library
from water_gee.tiles import TileRecord


class Atlas:
    """Collects the layers of the page's map.

    Args:
        layout: of the root.
        records: all tiles of the study.
        library: what draws the map; None, and nothing is collected.
    """

    def __init__(self, layout: Layout, records: Sequence[TileRecord], library: Library | None) -> None:
        self._layout = layout
        self._records = [record for record in records if record.status == "ok"]
        self.library = library
        self.tiles = TileLayers(self._records, layout) if library else None

    @classmethod
    def of(cls, layout: Layout, records: Sequence[TileRecord]) -> "Atlas":
        """Return an empty atlas; where the map library was never fetched, a line says so and it stays empty.

        Raises:
            WaterGeeError: the library is not the one that is known.
            TileError: a tile is broken.
        """
        found = library()
        if found is None:
            say(f"the page is made without its map, whose library is not there; {ADVICE}")
        return cls(layout, records, found)

    def explored(
        self, made: artifacts.Products, bodies: Sequence[Body], tested: str
    ) -> tuple[Explorer, Library] | None:
        """Return the map, once every tile of the area `tested` was shown to `tiles`, and what draws it.

        Raises:
            WaterGeeError: a map, a tile or its labels are not what was written.
        """
        if self.library is None or self.tiles is None:
            return None
        clean = CleanLabels.of(self._layout) if is_there(clean_report_path(self._layout)) else None
        self.tiles.add_tiles((record for record in self._records if record.area != tested), clean)
        layers, frame = self.tiles.layers(), self.tiles.frame
        if made.maps is not None and made.areas:
            years = [row["year"] for row in made.areas]
            layers = [*map_layers(self._layout, made.maps, years), *layers]
            frame = frame_of(self._layout, made.maps, years[-1])
        if not layers:
            return None
        return explorer(frame, layers, self.tiles.places(tested), made.areas, bodies), self.library
