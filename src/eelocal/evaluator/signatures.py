"""The signatures of every algorithm, from the list that the Earth Engine client ships."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from eelocal.discovery import algorithms


@dataclass(frozen=True)
class Parameter:
    """One argument of an algorithm."""

    name: str
    type: str
    required: bool
    default: Any


@dataclass(frozen=True)
class Signature:
    """An algorithm's name, arguments and return type."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str


@cache
def signatures() -> dict[str, Signature]:
    """Return every algorithm by name.

    Raises:
        FileNotFoundError: where the client is not installed.
    """
    found = (_signature(item) for item in json.loads(algorithms())["algorithms"])
    return {signature.name: signature for signature in found}


def _signature(item: dict[str, Any]) -> Signature:
    parameters = tuple(
        Parameter(a["argumentName"], a["type"], not a.get("optional", False), a.get("defaultValue"))
        for a in item.get("arguments", [])
    )
    return Signature(item["name"].removeprefix("algorithms/"), parameters, item["returnType"])
