"""Asset ids and resource names: what may be one, and what is the same asset."""

from __future__ import annotations

import re

from eelocal.errors import bad_request

_PUBLIC = ("projects/earthengine-public/assets/", "projects/earthengine-legacy/assets/")
_SEGMENT = re.compile(r"[^./\\\x00-\x1f\ud800-\udfff][^/\\\x00-\x1f\ud800-\udfff]*")
_LONGEST, _LONGEST_SEGMENT = 1000, 200  # bytes of an id, and of a part of it: a file's name may have 255


def asset_id(name: str) -> str:
    """Return the catalog id of an asset's id or resource name.

    ``projects/earthengine-public/assets/X`` and ``projects/earthengine-legacy/assets/X`` are X; a project's
    own assets keep their name ``projects/<project>/assets/X``.

    Raises:
        EEError: the id has an empty or hidden segment, or characters that no asset id has, or is too long.
    """
    text = name.strip("/")
    for prefix in _PUBLIC:
        if (text + "/").startswith(prefix):
            text = text[len(prefix) :]
            break
    if text and not all(_SEGMENT.fullmatch(segment) for segment in text.split("/")):
        raise bad_request(f"Asset id '{name[:200]}' is not valid.")
    if len(text.encode()) > _LONGEST or any(len(segment.encode()) > _LONGEST_SEGMENT for segment in text.split("/")):
        raise bad_request(
            f"Asset id '{name[:80]}...' is too long: at most {_LONGEST} bytes, and {_LONGEST_SEGMENT} between slashes."
        )
    return text


def asset_name(id: str) -> str:
    """Return the resource name of an asset id, as the service answers it."""
    if id.startswith("projects/"):
        return id
    return f"projects/earthengine-{'legacy' if id.startswith('users/') else 'public'}/assets/{id}"
