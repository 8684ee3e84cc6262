"""A folder on the command line may have any letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from water_gee.config.compose import compose
from water_gee.config.literal import quoted, with_literal_folders
from water_gee.config.sweeps import expand

NAMES = [
    "é",
    "湖",
    "a=b",
    "a,b",
    "a(b",
    "50%25",
    "what?",
    "a b",
    "it's",
    "#1;&$",
    "[x]",
    "{y}",
    r"c:\d",
    r"a\'b",
    "~x",
    "x\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_taken_letter_by_letter(tmp_path, name):
    given_ones = [f"paths.root={tmp_path}/{name}/in", f"earth.catalog={tmp_path}/{name}"]
    (overrides,) = expand(with_literal_folders(given_ones))
    composed = compose(overrides)
    assert composed.paths.root == f"{tmp_path}/{name}/in" and composed.earth.catalog == f"{tmp_path}/{name}"
    assert with_literal_folders(overrides) == overrides, "once in quotes, it stays"


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="$"), min_size=1))
def test_what_is_quoted_is_read_as_it_was(text):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    assert OverridesParser.create().parse_override(f"x={quoted(text)}").value() == text


@pytest.mark.parametrize(
    "override",
    ["paths.root=null", "paths.root='a b'", 'paths.root="é"', "paths.root=${oc.env:HOME}/é", "model.lr=1,2", "seed"],
)
def test_what_can_be_read_stays(override):
    assert with_literal_folders([override]) == [override]
