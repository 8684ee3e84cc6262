"""The methods by name: what `denoise.method` may be."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from water_gee.denoise.confident import Confident
from water_gee.denoise.joined import Joined
from water_gee.denoise.label_model import LabelModel
from water_gee.denoise.method import Method
from water_gee.denoise.raw import Raw
from water_gee.denoise.v1 import V1
from water_gee.denoise.vote import Vote
from water_gee.errors import ConfigError

# A method is a frozen dataclass whose fields are its settings; its name in `conf/denoise` is the key here.
METHODS: dict[str, type[Any]] = {
    "water_gee": Joined,
    "none": Raw,
    "v1": V1,
    "vote": Vote,
    "label_model": LabelModel,
    "confident": Confident,
}


def build(name: str, settings: Mapping[str, Any]) -> Method:
    """Return the method `name`, given those of `settings` that it has.

    Raises:
        ConfigError: there is no such method.
    """
    if name not in METHODS:
        raise ConfigError(f"denoise.method: {name!r} is unknown; choose from {', '.join(METHODS)}")
    make: Callable[..., Method] = METHODS[name]
    return make(**own_settings(name, settings))


def own_settings(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `settings` that the method `name` reads: all that its labels depend on."""
    known = {field.name for field in fields(METHODS[name])}
    return {key: value for key, value in settings.items() if key in known}
