"""Connecting the genuine client to a server, with no account and no other network."""

from __future__ import annotations

from typing import Any


def connect(url: str, project: str = "local", seconds: float = 300.0) -> Any:
    """Initialise the ``ee`` package against the server at `url` and return it.

    Args:
        url: the server, such as ``http://127.0.0.1:8080``.
        project: the project whose operations and assets are the caller's own.
        seconds: how long a request may take; the client itself would wait for ever.
    """
    import ee
    from google.auth.credentials import AnonymousCredentials

    # Not empty, or the client asks the internet for the list, with no time-out.
    ee.deprecation.deprecated_assets = {"eelocal/none": None}
    ee.Initialize(credentials=AnonymousCredentials(), project=project, url=url)
    ee.data.setDeadline(seconds * 1000)
    return ee
