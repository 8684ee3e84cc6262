"""The API's description and its list of algorithms, as they ship with the client itself."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

VERSION = "v1"

# Parameters that the client sends and the document in its wheel, of 2020, does not name yet: without them the
# client raises before it sends anything.
_NEWER = {"assets": {"listAssets": ("filter", "view")}}


def _file(name: str) -> str:
    spec = importlib.util.find_spec("ee")  # found, not imported: the server needs no client
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("earthengine-api is not installed; install the package with its dependencies")
    return (Path(spec.submodule_search_locations[0]) / "tests" / name).read_text(encoding="utf-8")


@cache
def _document() -> dict[str, Any]:
    text = _file("cloud_api_discovery_document.json").replace("v1alpha", VERSION)
    document: dict[str, Any] = json.loads(text)
    resources = document["resources"]["projects"]["resources"]
    for resource, methods in _NEWER.items():
        for method, names in methods.items():
            for name in names:
                resources[resource]["methods"][method]["parameters"].setdefault(
                    name, {"location": "query", "type": "string", "description": ""}
                )
    return document


def discovery(base_url: str) -> dict[str, Any]:
    """Return the discovery document of API version 1, rooted at this server."""
    return _document() | {"rootUrl": f"{base_url}/", "baseUrl": f"{base_url}/"}


@cache
def algorithms() -> bytes:
    """Return the list of algorithms, as JSON."""
    return _file("algorithms.json").encode()
