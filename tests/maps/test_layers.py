"""The registry of layers holds together: values fit their type, classes and nodata are apart, names make files."""

import re
from pathlib import Path

import numpy as np
import pytest

from water_gee.maps.layers import LAYERS, OVER_YEARS, YEARLY, file_name


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_a_layer_can_be_stored_and_read(layer) -> None:
    kind = np.dtype(layer.dtype)
    assert np.isnan(layer.nodata) if kind.kind == "f" else layer.nodata == np.iinfo(kind).max
    assert layer.nodata not in layer.classes and layer.nodata not in layer.ramp
    assert not (layer.classes and layer.ramp)
    assert all(np.array(value).astype(kind) == value for value in (*layer.classes, *layer.ramp))
    if layer.classes:
        assert layer.overviews == "MODE", "the mean of two classes is a third"
        assert len({code.colour for code in layer.classes.values()}) == len(layer.classes)
    assert list(layer.ramp) == sorted(layer.ramp)
    colours = [*(code.colour for code in layer.classes.values()), *layer.ramp.values()]
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    assert layer.title and layer.description.endswith(".")


def test_files_are_named_by_year_where_there_is_one() -> None:
    assert {layer.name for layer in (*YEARLY, *OVER_YEARS)} == set(LAYERS)
    assert file_name("water", 2020) == "2020/water.tif" and file_name("change", ending="qml") == "change.qml"
    with pytest.raises(ValueError, match="is over all years"):
        file_name("change", 2020)
    with pytest.raises(ValueError, match="is of a year"):
        file_name("water")
    with pytest.raises(KeyError):
        file_name("watr", 2020)


def test_the_readme_names_every_layer() -> None:
    section = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("\n## The maps\n")[1]
    rows = [line for line in section.split("\n\n")[0].splitlines() if line.startswith("| `")]
    named = {name: row for row in rows for name in re.findall(r"`(?:<year>/)?(\w+)\.tif`", row.split("|")[1])}
    assert named.keys() == LAYERS.keys()
    for layer in LAYERS.values():
        assert ("<year>/" in named[layer.name]) == layer.yearly
        assert named[layer.name].split("|")[3].split()[0] == f"{layer.nodata:g}".replace("nan", "NaN")
    classes = ", ".join(f"{value} {code.name.removesuffix(' water') if value else code.name}"
                        for value, code in LAYERS["change"].classes.items())  # fmt: skip
    assert classes in named["change"]
