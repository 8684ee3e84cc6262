"""One small simulated study, shared by the tests of the room."""

from pathlib import Path

import pytest

from simulated import small_spec
from water_gee.simulate import simulate


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two strips of 256 pixels, written to disk; not to be written to."""
    raw = tmp_path_factory.mktemp("simulated")
    simulate(small_spec(7, strips=2), raw)
    return raw
