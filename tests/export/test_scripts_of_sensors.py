"""The Code Editor script of a sensor, run by the genuine JavaScript client, makes the pixels of Python's client."""

import json

import numpy as np
import pytest

from earth.test_sensors import AREA, BOXES, SCENES, bands
from eelocal.evaluator import Evaluator
from export.test_code_editor import needs_node, run
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.earth import composite, composite_spec
from water_gee.export.expression import from_expression
from water_gee.export.javascript import Writer

pytestmark = [pytest.mark.usefixtures("ee_offline"), needs_node]


@pytest.mark.parametrize(
    ("sensor", "reducer"), [("landsat578", "median"), ("sentinel2", "least_cloudy"), ("hls", "p25")]
)
def test_the_looks_of_a_script_are_pythons(sensor, reducer, tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "boxes.yaml").write_text(BOXES, encoding="utf-8")
    settings = load(compose(["study=boxes", f"sensor={sensor}", f"sensor.reducer={reducer}"], str(tmp_path)))
    image = composite(composite_spec(settings), AREA, 2020)
    script = Writer().write(from_expression(json.loads(image.serialize())), "composite")
    (layer,) = run(f"{script}\nMap.addLayer(composite, {{}}, 'composite', true);", tmp_path)["layers"]
    expected = bands(image, *SCENES[sensor])
    python = Evaluator.pixels
    monkeypatch.setattr(Evaluator, "pixels", lambda self, _, *rest: python(self, layer["graph"], *rest))
    found = bands(image, *SCENES[sensor])
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
