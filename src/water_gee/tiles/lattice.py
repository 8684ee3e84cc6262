"""`tiles.origin=auto`: found in the scenes when tiles are fetched, and read from the tiles by all stages after that."""

from water_gee.config.settings import Settings
from water_gee.earth import Session, composite_spec, resolve_areas, scenes_origin
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.study import Grid
from water_gee.tiles.manifest import TileRecord, read_manifest


def on_scenes_lattice(session: Session, settings: Settings) -> Settings:
    """Return the settings with the origin in numbers: of `auto`, that of the scenes of all areas that have tiles.

    Raises:
        ConfigError: the scenes disagree, or have other pixels than the study.
        EarthError: an area has no scene, or the service refused.
    """
    anywhere = provisional(settings)
    if anywhere is settings:
        return settings
    areas = resolve_areas(session, anywhere, settings.tiles.areas)
    origin = scenes_origin(session, composite_spec(anywhere), areas.values(), settings.study.years)
    say(f"tiles.origin=auto: the scenes' own lattice, [{origin[0]:g},{origin[1]:g}]")
    return _with_origin(settings, origin)


def provisional(settings: Settings) -> Settings:
    """Return the settings with some origin, for what does not depend on it: their check, and where areas lie."""
    return settings if settings.tiles.origin != "auto" else _with_origin(settings, (0.0, 0.0))


def on_tiles_lattice(settings: Settings) -> Settings:
    """Return the settings with the origin in numbers: of `auto`, that of the tiles which were fetched.

    Raises:
        TileError: there are none, or they are of another crs or scale.
    """
    if settings.tiles.origin != "auto":
        return settings
    records = read_manifest(Layout.of(settings))
    study = settings.study
    if not records or (records[0].crs, records[0].scale) != (study.crs, study.scale):
        raise TileError("tiles.origin=auto: there are no tiles of this study's crs and scale; run: water-gee tiles")
    return _with_origin(settings, origin_of(records[0]))


def origin_of(record: TileRecord) -> tuple[float, float]:
    """Return the corner of the lattice that a tile lies on, from its bounds and its place in the lattice."""
    left, _, _, top = Grid(record.crs, record.scale).bounds(record.tile.outer)
    return round(record.left - left, 9), round(record.top - top, 9)


def _with_origin(settings: Settings, origin: tuple[float, float]) -> Settings:
    return settings.model_copy(update={"tiles": settings.tiles.model_copy(update={"origin": origin})})
