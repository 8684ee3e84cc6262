"""The tiles that can be trained on."""

from water_gee.denoise.store import CleanLabels
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.tiles import TileRecord, read_manifest

AREA = "train"  # the area of every study on which networks are trained


def training_records(layout: Layout) -> list[TileRecord]:
    """Return the tiles that can be trained on, with clean labels that were made of them.

    Raises:
        TileError: the tiles or the clean labels are not there yet; says what to run.
    """
    records = [record for record in read_manifest(layout) if record.area == AREA]
    usable = [record for record in records if record.status == "ok"]
    if not usable:
        raise TileError(f"no tile of areas.{AREA} holds a clear pixel ({len(records)} listed); run: water-gee tiles")
    CleanLabels.of(layout).check(usable)
    if len({(record.size, record.margin) for record in usable}) > 1:
        raise TileError("the tiles differ in size or margin; run again: water-gee tiles tiles.refresh=true")
    return usable
