"""Every file of `conf/` that stands for itself is valid, whoever added it."""

from pathlib import Path

import pytest

from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.earth import composite_spec, label_spec

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("sensor", "dem", "features", "labels", "denoise", "model", "data")
OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_valid_and_names_itself(option) -> None:
    group, _, name = option.partition("=")
    settings = load(compose([option]))
    assert composite_spec(settings).features and label_spec(settings).bands
    chosen = getattr(settings, group)
    own = getattr(chosen, "name", None) or getattr(chosen, "method", None)
    assert own in (None, name)
