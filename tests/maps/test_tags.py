"""Every file of the maps says what it is of, by what and by whom."""

import pytest

from water_gee import __version__
from water_gee.maps.tags import map_tags

OF = {"study": "sample", "area": "map", "months": (6, 8), "sensor": "landsat8", "code": "1a2b3c4d5e6f-dirty"}
MODEL = {"model": "pixelcnn", "run": "first", "threshold": 0.76, "temperature": 0.79, "seal": "x"}
PARITY = {"pixels": 250_000, "max_abs": 3.2e-7, "flips": 0}


def test_all_that_the_maps_follow_from_is_said() -> None:
    marks = {"checkpoint_sha256": "aa", "expression_sha256": "bb"}
    exported = {"parity": PARITY, "proved_by": "eelocal"}
    assert map_tags(**OF, engine="earth", marks=marks, model=MODEL, exported=exported) == {
        "study": "sample", "area": "map", "months": "6-8", "sensor": "landsat8", "engine": "earth",
        "checkpoint_sha256": "aa", "expression_sha256": "bb", "commit": "1a2b3c4d5e6f-dirty", "water_gee": __version__,
        "model": "pixelcnn", "run": "first", "threshold": "0.76", "temperature": "0.79",
        "parity": "250000 pixels by eelocal, largest difference 3.2e-07, 0 classes differ",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("runtime", "said"), [("torch", "PyTorch itself"), ("onnx", "onnx answers within 1e-05 of PyTorch")]
)
def test_what_is_not_known_is_left_out_and_no_parity_is_claimed_of_what_was_not_exported(runtime, said) -> None:
    tags = map_tags(**{**OF, "code": ""}, engine="local", marks={"runtime": runtime}, model={}, exported={})
    assert tags["parity"] == said and tags["runtime"] == runtime
    assert not {"commit", "run", "threshold", "expression_sha256"} & tags.keys()
    assert all(isinstance(value, str) and value for value in tags.values())
