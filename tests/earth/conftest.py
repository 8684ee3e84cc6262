"""A session on the tiny world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_earth import earth_at
from water_gee.earth import Session, connect
from water_gee.paths import Layout


@pytest.fixture(scope="module")
def session(eelocal_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One for a module, since the client takes a second to start; a module that connects itself must not use it."""
    root: Path = tmp_path_factory.mktemp("root")
    with connect(earth_at(eelocal_url), Layout(root)) as connected:
        yield connected
