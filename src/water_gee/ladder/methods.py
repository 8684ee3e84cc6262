"""The methods that climb the ladder, and what they make of labels."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.denoise import METHODS, CleanLabel, Method, Survey, build, own_seed
from water_gee.errors import ConfigError
from water_gee.ladder.noise import Noisy
from water_gee.tiles import TileData, TileRecord

RAW = "none"  # labels as they are: what every method has to beat
_SLOW = ("v1",)  # only where it is named


@dataclass(frozen=True)
class Climber:
    """A method with its settings."""

    name: str
    method: Method
    settings: dict[str, Any]  # all that the method's labels depend on, beside tile and seed


def climbers(settings: Settings) -> list[Climber]:
    """Return the methods of `ladder.methods`, `none` first; the chosen one has the settings that were given it.

    The others have those of their file in `conf/denoise`.

    Raises:
        ConfigError: there is no such method.
    """
    names = settings.ladder.methods or [name for name in METHODS if name not in _SLOW]
    for name in names:
        if name not in METHODS:
            raise ConfigError(f"ladder.methods: {name!r} is unknown; choose from {', '.join(METHODS)}")
    return [_climber(settings, name) for name in dict.fromkeys([RAW, *names])]


def _climber(settings: Settings, name: str) -> Climber:
    own = settings.denoise
    if name != own.method:
        own = load(compose([f"study={settings.study.name}", f"denoise={name}"])).denoise
    method: Any = build(name, own.model_dump())
    return Climber(name, method, asdict(method))


def clean(climber: Climber, labels: Sequence[Noisy], area: str, seed: int) -> list[list[CleanLabel]]:
    """Return the clean labels of an area's tiles, by ground; the method sees the tiles and nothing else.

    As the stage does: a survey of each tile, one lesson of the whole area, then tile by tile.
    """
    tiles = [one.tiles() for one in labels]
    method, learned = climber.method, None
    if method.surveys:
        learned = method.learn(
            _Surveys(method, [tile for ground in tiles for tile in ground], seed), own_seed(seed, area)
        )
    return [[method(tile, own_seed(seed, tile.record.id), learned) for tile in ground] for ground in tiles]


class _Surveys:
    """The surveys of an area's tiles in the order of their ids; there may be several rounds."""

    def __init__(self, method: Method, tiles: Sequence[TileData], seed: int) -> None:
        found = [(tile.record, method.survey(tile, own_seed(seed, tile.record.id))) for tile in tiles]
        self._kept = sorted(((one, survey) for one, survey in found if survey), key=lambda item: item[0].id)

    def __iter__(self) -> Iterator[tuple[TileRecord, Survey]]:
        return iter(self._kept)
