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
    areas = [f"study.areas.{area}.{key}" for area in ("train", "test", "map") for key in ("strips", "bbox")]
    boxes = [f"~{key}" if key.endswith("strips") else f"+{key}=[{n}, 0, {n + 1}, 1]" for n, key in enumerate(areas)]
    settings = load(compose([option, *boxes]))  # not every sensor's scenes are found by strips
    assert composite_spec(settings).features and label_spec(settings).bands
    chosen = getattr(settings, group)
    own = getattr(chosen, "name", None) or getattr(chosen, "method", None)
    assert own in (None, name)
