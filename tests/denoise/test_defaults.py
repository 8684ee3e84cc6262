"""A method's own settings: what its file in `conf/denoise` says, and what is wrong with others."""

import pytest

from water_gee.commands import commands
from water_gee.denoise import METHODS, build
from water_gee.errors import ConfigError


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_numbers_of_its_file(name, settings) -> None:
    assert build(name, {}) == build(name, settings(f"denoise={name}").denoise.model_dump())


def test_a_method_may_be_named_without_its_file(settings) -> None:
    assert build("vote", settings("denoise=v1", "denoise.method=vote").denoise.model_dump()) == build("vote", {})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["denoise=v1", "denoise.confidence=2"], ["denoise.confidence", "less than or equal to 1"]),
        (["denoise=v1", "denoise.epochs=[3,0,1]"], ["denoise.epochs.1", "greater than or equal to 1 (got 0)"]),
        (["denoise=vote", "denoise.sources=[qa,qa]"], ["denoise.sources", "twice"]),
        (["denoise=vote", "denoise.sources=[]"], ["denoise.sources", "at least 1"]),
        (["denoise=vote", "denoise.margin=0.5"], ["denoise.margin", "less than 0.5"]),
        (["denoise=vote", "+denoise.margn=0.2"], ["denoise.margn: there is no such key; did you mean denoise.margin?"]),
        (["denoise=none", "+denoise.depth=2"], ["denoise.depth: there is no such key; known keys: radius"]),
        (["denoise=label_model", "denoise.confidence_at_least=1"], ["denoise.confidence_at_least", "less than 1"]),
        (["denoise=confident", "denoise.folds=2"], ["denoise.folds", "greater than or equal to 3"]),
        (["denoise=confident", "denoise.issues=mend"], ["denoise.issues", "'mend'", "'flip'"]),
    ],
)
@pytest.mark.parametrize("command", ["configure", "denoise"])
def test_a_wrong_setting_ends_in_one_line_before_anything_is_done(command, overrides, words, settings, layout) -> None:
    with pytest.raises(ConfigError) as error:
        commands()[command].run(settings(*overrides))
    message = str(error.value)
    assert "\n" not in message and not layout.clean.exists()
    for word in words:
        assert word in message
