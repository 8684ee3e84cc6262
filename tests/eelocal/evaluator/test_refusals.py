"""What the service would refuse is refused, in its words where they are known."""

import ee
import numpy as np
import pytest

from eelocal.errors import EEError
from eelocal.evaluator import Evaluator
from memory_catalog import MemoryCatalog, MemoryImage, graph, grid, pixels, value

CATALOG = MemoryCatalog(
    MemoryImage("m", {"a": np.ones((4, 4)), "b": np.ones((4, 4))}), MemoryImage("c/one", {"a": np.ones((4, 4))})
)


def call(name, **arguments):
    values = {"functionName": name, "arguments": {k: {"constantValue": v} for k, v in arguments.items()}}
    return {"result": "0", "values": {"0": {"functionInvocationValue": values}}}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (call("Image.notAThing"), "Unknown algorithm 'Image.notAThing'"),
        (call("Image.connectedComponents"), "eelocal does not implement 'Image.connectedComponents'"),
        (call("Image.load"), "Image.load: Parameter 'id' is required and may not be null."),
        (call("Image.load", id="m", colour=1), r"Image.load: Unexpected argument\(s\): colour"),
        (
            call("Image.load", id=3),
            "Image.load, argument 'id': Invalid type.\nExpected type: String.\nActual type: Integer.",
        ),
        (call("GeometryConstructors.Polygon", coordinates=[1, 2, 3]), "3 numbers do not make pairs"),
        (call("Image.load", id="nowhere"), "Image asset 'nowhere' not found"),
        (call("ImageCollection.load", id="nowhere"), "ImageCollection asset 'nowhere' not found"),
        (call("Image.load", id="c"), "not an Image"),
        (call("Image.abs", value="text"), "Expected type: Image"),
        (call("Kernel.fixed", weights=[[1, 2], [3]]), "rows of numbers"),
        (call("Projection", crs="EPSG:1"), "could not be parsed"),
        ({"result": "1", "values": {}}, "Invalid expression"),
        ({"result": "0", "values": {"0": {"valueReference": "9"}}}, "no value '9'"),
        ({"result": "0", "values": {"0": {"valueReference": "0"}}}, "refers to itself"),
        ({"result": "0", "values": {"0": {"argumentReference": "x"}}}, "Unbound variable 'x'"),
    ],
)
def test_expressions_that_are_wrong(expression, message):
    with pytest.raises(EEError, match=message):
        Evaluator(CATALOG).value(expression)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda i: i.select("x"),
            r"^Image.select: Band pattern 'x' did not match any bands. Available bands: \[a, b\]$",
        ),
        (lambda i: i.select(5), "Band index 5 out of bounds"),
        (lambda i: i.rename(["one"]), r"number of names \(1\) must match the number of bands \(2\)"),
        (lambda i: i.rename(["one", "one"]), "more than once"),
        (lambda i: i.add(ee.Image([1, 2, 3])), "must have the same number of bands"),
        (lambda i: i.add(ee.Image(0).select([])), "If one image has no bands"),
        (lambda i: i.updateMask(ee.Image([1, 2, 3])), "one band or as many"),
        (lambda i: i.reproject("EPSG:4326", [1, 0, 0, 0, 1]), "6 elements"),
        (lambda i: i.reproject("EPSG:4326", [1, 0, 0, 0, 1, 0], 30), "Only one of"),
        (lambda i: i.normalizedDifference(["a", "z"]), "Band 'z' not found"),
        (lambda i: i.expression("a +"), "Failed to parse expression"),
        (lambda i: i.neighborhoodToArray(ee.Kernel.circle(2)), "Only fixed, square and rectangle"),
        (lambda i: ee.ImageCollection("c").first().add(i).select("nope"), "did not match"),
    ],
)
def test_images_that_are_wrong(make, message):
    with pytest.raises(EEError, match=message) as raised:
        pixels(CATALOG, make(ee.Image("m")), grid(2, 2))
    assert raised.value.code in (400, 404)


def test_missing_assets_are_not_found():
    with pytest.raises(EEError) as raised:
        value(CATALOG, ee.Image("nowhere"))
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


def test_bands_that_are_asked_for_must_exist():
    with pytest.raises(EEError, match="did not match any bands"):
        pixels(CATALOG, ee.Image("m"), grid(2, 2), ["a", "q"])
    assert [band.name for band in pixels(CATALOG, ee.Image("m"), grid(2, 2), ["b"]).bands] == ["b"]


def test_pixels_need_an_image():
    with pytest.raises(EEError, match="mosaic or reduce"):
        pixels(CATALOG, ee.ImageCollection("c"), grid(2, 2))
    with pytest.raises(EEError, match="does not evaluate to an Image"):
        Evaluator(CATALOG).pixels(graph(ee.Number(1)), grid(2, 2), None)


def test_names_are_chosen_as_the_service_does():
    image = ee.Image("m")
    assert value(CATALOG, image.addBands(image).bandNames()) == ["a", "b", "a_1", "b_1"]
    assert value(CATALOG, image.addBands(image, ["a"], True).bandNames()) == ["a", "b"]
    assert value(CATALOG, ee.Image.constant([1, 2]).bandNames()) == ["constant_0", "constant_1"]
    assert value(CATALOG, ee.Image([1, 2]).bandNames()) == ["constant", "constant_1"]
    assert value(CATALOG, image.select("[ab]").bandNames()) == ["a", "b"]
    assert value(CATALOG, image.select(["b", 0], ["x", "y"]).bandNames()) == ["x", "y"]
