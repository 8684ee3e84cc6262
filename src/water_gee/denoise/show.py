"""`water-gee denoise denoise.show=[AREA/TILE]`: pictures of tiles that the user names, of the labels that are there."""

import difflib
from collections.abc import Sequence

from water_gee.claims import claim
from water_gee.denoise.store import CleanLabels, figure_name
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tiles import TileRecord, load_tile, read_manifest


def show(layout: Layout, tiles: Sequence[str]) -> None:
    """Draw tiles, each `<area>/<id>`, into `reports/denoise`; neither tiles nor labels are touched.

    Raises:
        TileError: there is no such tile, it has no pixel to see, or its labels are absent or of another tile.
    """
    folder = layout.reports / "denoise"
    claim(layout, layout.reports / "details.json")
    records = _chosen(read_manifest(layout), tiles)
    labels = CleanLabels.of(layout)
    labels.check(records)
    from water_gee.denoise.figures import draw_tile

    for record in records:
        path = folder / figure_name(f"{record.area}/{record.id}")
        draw_tile(path, load_tile(layout, record), labels.read(record), str(labels.report["method"]))
        say(f"{record.area}/{record.id}: the picture is {path}")


def _chosen(records: Sequence[TileRecord], tiles: Sequence[str]) -> list[TileRecord]:
    known = {f"{record.area}/{record.id}": record for record in records}
    for name in tiles:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "data/tiles/tiles.csv lists them, as AREA/ID"
            raise TileError(f"denoise.show: there is no tile {name!r}; {hint}")
        if known[name].status != "ok":
            raise TileError(f"denoise.show: the tile {name} has nothing to see, it is {known[name].status}")
    return [known[name] for name in tiles]
