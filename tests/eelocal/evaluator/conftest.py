"""The genuine client, building graphs without a server."""

import pytest

from memory_catalog import client


@pytest.fixture(autouse=True, scope="module")
def graphs():
    with client():
        yield
