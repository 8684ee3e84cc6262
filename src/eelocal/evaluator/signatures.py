"""The signatures of every algorithm, from the list that the Earth Engine client ships."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PREFIX = "algorithms/"


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

    The client is not imported: only the file beside it is read.

    Raises:
        FileNotFoundError: where the client is not installed.
    """
    spec = find_spec("ee")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("earthengine-api is not installed: its wheel holds the list of algorithms")
    listed = json.loads((Path(spec.origin).parent / "tests" / "algorithms.json").read_text(encoding="utf-8"))
    return {item["name"].removeprefix(_PREFIX): _signature(item) for item in listed["algorithms"]}


def _signature(item: dict[str, Any]) -> Signature:
    parameters = tuple(
        Parameter(a["argumentName"], a["type"], not a.get("optional", False), a.get("defaultValue"))
        for a in item.get("arguments", [])
    )
    return Signature(item["name"].removeprefix(_PREFIX), parameters, item["returnType"])
