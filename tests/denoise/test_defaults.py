"""A method made without settings is the one that its file in `conf/denoise` describes."""

import pytest

from water_gee.denoise import METHODS, build


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_numbers_of_its_file(name, settings) -> None:
    assert build(name, {}) == build(name, settings(f"denoise={name}").denoise.model_dump())
