"""The methods by name, made of the settings: what `denoise.method` may be."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from water_gee.config.model import DenoiseSettings
from water_gee.config.problems import one_line
from water_gee.denoise.method import Method
from water_gee.denoise.methods import METHODS
from water_gee.errors import ConfigError

_KEYS = {field.name for method in METHODS.values() for field in fields(method)}  # of one method or another


def build(name: str, settings: Mapping[str, Any]) -> Method:
    """Return the method `name`, given those of `settings` that it has.

    Raises:
        ConfigError: there is no such method, a setting is out of its bounds, or no method has it.
    """
    method: Method = METHODS[name](**checked(name, settings)) if name in METHODS else _unknown(name)
    return method


def checked(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `settings` that the method `name` has, of the types and within the bounds that it declares.

    Keys of other methods are left out: `denoise.method=NAME` alone chooses a method with its own defaults.

    Raises:
        ConfigError: one of them is out of its bounds, or no method has it.
    """
    kind = METHODS[name]
    known = [field.name for field in fields(kind)]
    for key in settings:
        if key not in _KEYS and key not in DenoiseSettings.model_fields:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean denoise.{close[0]}?" if close else f"known keys: {', '.join(known)}"
            raise ConfigError(f"denoise.{key}: there is no such key; {hint}")
    try:
        method = TypeAdapter(kind).validate_python({key: settings[key] for key in known if key in settings})
    except ValidationError as error:
        raise ConfigError(one_line(error, "denoise")) from error
    return {key: getattr(method, key) for key in known}


def own_settings(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the method `name` has, in the form of JSON: all that its labels depend on."""
    plain: dict[str, Any] = to_jsonable_python(checked(name, settings))
    return plain


def _unknown(name: str) -> Method:
    raise ConfigError(f"denoise.method: {name!r} is unknown; choose from {', '.join(METHODS)}")
