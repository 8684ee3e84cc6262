"""An eelocal that ends without a word is told as such, not as a traceback."""

import pytest

from water_gee.earth.local import eelocal
from water_gee.errors import EarthError


@pytest.mark.parametrize("program", ["", "print('hello', flush=True)"])
def test_it_says_that_nothing_was_said(tmp_path, monkeypatch, program) -> None:
    (tmp_path / "eelocal.py").write_text(program, encoding="utf-8")
    (tmp_path / "catalog").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EarthError, match=r"^eelocal did not start: it said nothing"):
        with eelocal(tmp_path / "catalog", tmp_path / "logs"):
            pytest.fail("nothing listens")
