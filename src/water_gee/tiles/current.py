"""Which of the stored tiles are what the settings and the scenes of today would make."""

from collections.abc import Sequence

from water_gee.config.settings import Settings
from water_gee.earth import CompositeSpec, Session, label_spec
from water_gee.study import Area
from water_gee.tiles.manifest import TileRecord
from water_gee.tiles.plan import plan


def current_tiles(
    session: Session, settings: Settings, spec: CompositeSpec, area: Area, records: Sequence[TileRecord]
) -> list[TileRecord]:
    """Return those of an area's tiles, all of one size and margin, whose fingerprint is that of today.

    Another one has a tile of another season, sensor, elevation model, choice of labels, outline or set of scenes.

    Raises:
        EarthError: an area has no scene in a year, or a label source's own imagery is not there.
    """
    if not records:
        return []
    cut = {"areas": [area.name], "size": records[0].size, "margin": records[0].margin}
    as_stored = settings.model_copy(update={"tiles": settings.tiles.model_copy(update=cut)})
    jobs = plan(session, as_stored, spec, label_spec(settings), {area.name: area})
    known = {job.tile.id: job.fingerprint for job in jobs}
    return [one for one in records if known.get(one.id) == one.fingerprint]
