"""Which call a method and a path mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eelocal.discovery import VERSION
from eelocal.errors import EEError, bad_request, not_found
from eelocal.grids import refuse
from eelocal.service import Gone, Reply, Service, as_json


@dataclass(frozen=True)
class Request:
    """One request, parsed: `groups` are the parts of its path, `gone` returns whether its client has gone away."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    base_url: str
    groups: tuple[str, ...]
    gone: Gone


_NUMBER = re.compile(r"[0-9]{1,9}")
Handler = Callable[[Service, Request], Reply]


@dataclass(frozen=True)
class Route:
    """A call: its name (in logs and faults), whether it computes, and what it does."""

    name: str
    computes: bool
    method: str
    pattern: re.Pattern[str]
    handle: Handler


def _route(name: str, method: str, path: str, handle: Handler, computes: bool = False) -> Route:
    pattern = re.compile(
        path.format(v=f"/{VERSION}", project=r"(projects/[^/:]+)", asset=r"(projects/[^/]+/assets/.+)")
    )
    return Route(name, computes, method, pattern, handle)


def _page(request: Request) -> tuple[int, int]:
    """Return a page's size, 0 where none is asked for, and the number of elements before it."""
    asked = [request.query.get(name, "") for name in ("pageSize", "pageToken")]
    for name, text in zip(("page_size", "page_token"), asked, strict=True):
        if text and not _NUMBER.fullmatch(text):
            raise bad_request(f"Invalid value at '{name}' (TYPE_INT32), \"{text[:40]}\"")
    size, before = (int(text or 0) for text in asked)
    return size, before


def _list(service: Service, request: Request) -> Reply:
    for name in ("filter", "startTime", "endTime", "region"):
        if request.query.get(name):
            raise refuse(f"the parameter {name} of listAssets: filter an ImageCollection instead")
    (parent,) = request.groups
    parent = parent if "/assets/" in parent else f"{parent}/assets"
    full = request.query.get("view", "FULL") != "BASIC"
    page = service.store.list(parent, full, *_page(request))
    if request.path.endswith(":listImages"):
        page["images"] = page.pop("assets")
    return as_json(page)


def _create(service: Service, request: Request) -> Reply:
    name = f"{request.groups[0]}/assets/{request.query.get('assetId', '')}"
    properties = request.body.get("properties") or {}
    if not isinstance(properties, dict):
        raise bad_request("Invalid value at 'asset.properties' (Map)")
    return as_json(service.store.create(name, str(request.body.get("type", "")), properties))


def _delete(service: Service, request: Request) -> Reply:
    service.store.delete(request.groups[0])
    return as_json({})


def _cancel(service: Service, request: Request) -> Reply:
    service.operations.cancel(request.groups[0])
    return as_json({})


def _operations(service: Service, request: Request) -> Reply:
    found = service.operations.of_project(request.groups[0])
    size, start = _page(request)
    stop = start + (size or 500)
    page: dict[str, Any] = {"operations": found[start:stop]}
    if stop < len(found):
        page["nextPageToken"] = str(stop)
    return as_json(page)


ROUTES = (
    _route("discovery", "GET", r"/\$discovery/rest", lambda s, r: s.describe_api(r.base_url)),
    _route("algorithms", "GET", "{v}/{project}/algorithms", lambda s, r: s.list_algorithms()),
    _route("compute", "POST", "{v}/{project}/value:compute", lambda s, r: s.compute_value(r.body, r.gone),
           computes=True),
    _route("computePixels", "POST", "{v}/{project}/image:computePixels", lambda s, r: s.compute_pixels(r.body, r.gone),
           computes=True),
    _route("getPixels", "POST", "{v}/{asset}:getPixels", lambda s, r: s.get_pixels(r.groups[0], r.body, r.gone),
           computes=True),
    _route("export", "POST", "{v}/{project}/image:export", lambda s, r: s.export_image(r.groups[0], r.body, r.gone)),
    _route("operations", "GET", "{v}/{project}/operations", _operations),
    _route("operations", "GET", "{v}/(projects/[^/]+/operations/[^/:]+)",
           lambda s, r: as_json(s.operations.get(r.groups[0]))),
    _route("cancel", "POST", "{v}/(projects/[^/]+/operations/[^/:]+):cancel", _cancel),
    _route("listAssets", "GET", "{v}/{project}:listAssets", _list),
    _route("listAssets", "GET", "{v}/{asset}:(?:listAssets|listImages)", _list),
    _route("assets", "POST", "{v}/{project}/assets", _create),
    _route("assets", "GET", "{v}/{asset}", lambda s, r: as_json(s.store.describe(r.groups[0]))),
    _route("assets", "DELETE", "{v}/{asset}", _delete),
)  # fmt: skip

_KNOWN = re.compile(
    rf"/{VERSION}/projects/[^/]+/"
    r"(?P<call>maps|thumbnails|videoThumbnails|filmstripThumbnails|tables|table:\w+|video:\w+|videoMap:\w+|map:\w+"
    r"|image:\w+|imageCollection:\w+|classifier:\w+|featureView\w*|assets/.+:\w+|assets:search|operations/.+|assets/.+)"
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route of a request and the parts of its path.

    Raises:
        EEError: eelocal does not implement that call of the service, or there is no such call.
    """
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match and route.method == method:
            return route, match.groups()
    raise _unknown(method, path)


def _unknown(method: str, path: str) -> EEError:
    known = _KNOWN.match(path)
    if known is None:
        return not_found(f"{method} {path} is not a call of the Earth Engine API.")
    call = re.sub(r"^(assets|operations)/.+?(:\w+)?$", r"\1\2", known["call"])
    return refuse(f"{method} {call}; src/eelocal/README.md lists what it does")
