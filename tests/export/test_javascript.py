"""What Python's client builds is written in the Code Editor's grammar, as a person would write it there."""

import json
import weakref

import ee
import pytest

from water_gee.export.calls import Name, call
from water_gee.export.expression import from_expression
from water_gee.export.javascript import Writer

pytestmark = pytest.mark.usefixtures("ee_offline")
# ECMAScript 2023, 12.7.2, and what may not be a name in strict code or stands for something in the Code Editor.
NAME = "a_rather_long_name_of_a_band"
RESERVED = """
    break case catch class const continue debugger default delete do else enum export extends false finally for
    function if import in instanceof new null return super switch this throw true try typeof var void while with yield
    ee Map Export print image
""".split()


def written(build) -> str:
    """Return the JavaScript of what a function makes of an image, a second one and a collection."""
    made = build(ee.Image("a"), ee.Image("b"), ee.ImageCollection("c"))
    return Writer().write(from_expression(json.loads(made.serialize())), "x").removeprefix("var x = ").removesuffix(";")


@pytest.mark.parametrize(
    ("build", "javascript"),
    [
        (lambda a, b, c: a.add(1), "ee.Image('a').add(1)"),
        (lambda a, b, c: a.add(ee.Image.constant([1, 2])), "ee.Image('a').add(ee.Image.constant([1, 2]))"),
        (lambda a, b, c: a.addBands(b), "ee.Image('a').addBands(ee.Image('b'))"),
        (lambda a, b, c: a.divide(2).gt(0.5).And(ee.Image(1)), "ee.Image('a').divide(2).gt(0.5).and(1)"),
        (lambda a, b, c: ee.Image("it's \\x"), "ee.Image('it\\'s \\\\x')"),
        (lambda a, b, c: a.unmask(0, False), "ee.Image('a').unmask(0, false)"),
        (lambda a, b, c: a.arraySlice(0, 0, None, 2), "ee.Image('a').arraySlice({axis: 0, start: 0, step: 2})"),
        (
            lambda a, b, c: a.clip(ee.Geometry.Point([1, 2])),
            "ee.Image('a').clip(ee.Geometry({type: 'Point', coordinates: [1, 2]}))",
        ),
        (
            lambda a, b, c: a.clip(ee.Geometry.Polygon([[[0, 0], [9, 0], [9, 9], [0, 0]]], "EPSG:32648", False)),
            "ee.Image('a')\n    .clip(ee.Geometry({type: 'Polygon', coordinates: [[[0, 0], [9, 0], [9, 9], [0, 0]]]}, "
            "'EPSG:32648', false))",
        ),
        (lambda a, b, c: a.bandNames(), "ee.Image('a').bandNames()"),
        (lambda a, b, c: a.date().millis(), "ee.Image('a').date().millis()"),
        (lambda a, b, c: a.projection().nominalScale(), "ee.Image('a').projection().nominalScale()"),
        (lambda a, b, c: a.reduce(ee.Reducer.min()), "ee.Image('a').reduce(ee.Reducer.min())"),
        (lambda a, b, c: a.toArray(0).toArray(1), "ee.Image('a').toArray(0).toArray(1)"),
        (
            lambda a, b, c: ee.Image(ee.Array([[1], [2]])).matrixMultiply(a.toArray()),
            "ee.Image(ee.Array([[1], [2]])).matrixMultiply(ee.Image('a').toArray())",
        ),
        (
            lambda a, b, c: a.neighborhoodToArray(ee.Kernel.rectangle(1, 2, "pixels")),
            "ee.Image('a').neighborhoodToArray(ee.Kernel.rectangle(1, 2, 'pixels'))",
        ),
        (
            lambda a, b, c: a.convolve(ee.Kernel.fixed(1, 1, [[3]])),
            "ee.Image('a').convolve(ee.Kernel.fixed(1, 1, [[3]]))",
        ),
        (lambda a, b, c: ee.Terrain.slope(a), "ee.Terrain.slope(ee.Image('a'))"),
        (lambda a, b, c: ee.Number(1).add(2), "ee.Number(1).add(2)"),
        (lambda a, b, c: ee.List([1, 2]).length(), "ee.List([1, 2]).length()"),
        # An element is of no class that has the bands' methods: it is cast.
        (lambda a, b, c: ee.Image(c.first()).select(["b"]), "ee.Image(ee.ImageCollection('c').first()).select(['b'])"),
        (
            lambda a, b, c: ee.Image(c.toList(3).get(0)).gt(0),
            "ee.Image(ee.ImageCollection('c').toList(3).get(0)).gt(0)",
        ),
        (lambda a, b, c: c.aggregate_mean("k"), "ee.ImageCollection('c').aggregate_mean('k')"),
        (lambda a, b, c: c.sort("k", False).mosaic(), "ee.ImageCollection('c').sort('k', false).mosaic()"),
        (
            lambda a, b, c: c.filter(ee.Filter.eq("k", 1)).median(),
            "ee.ImageCollection('c').filter(ee.Filter.eq('k', 1)).median()",
        ),
        (
            lambda a, b, c: c.filterDate("2020-01-01", "2020-02-01").size(),
            "ee.ImageCollection('c').filter(ee.Filter.date('2020-01-01', '2020-02-01')).size()",
        ),
        (
            lambda a, b, c: c.merge(c).limit(3).mosaic(),
            "ee.ImageCollection('c').merge(ee.ImageCollection('c')).limit(3).mosaic()",
        ),
        (
            lambda a, b, c: c.filter(ee.Filter.Or(ee.Filter.eq("k", 1), ee.Filter.eq("k", 2))).size(),
            "ee.ImageCollection('c').filter(ee.Filter.or(ee.Filter.eq('k', 1), ee.Filter.eq('k', 2))).size()",
        ),
        (
            lambda a, b, c: c.map(lambda scene: scene.select(["b"])).sum(),
            "ee.ImageCollection('c').map(function(scene) {\n  return scene.select(['b']);\n}).sum()",
        ),
    ],
)
def test_every_kind_of_call(build, javascript) -> None:
    assert written(build) == javascript


@pytest.mark.parametrize("word", RESERVED)
def test_no_variable_takes_a_word_of_the_language_or_the_editor(word) -> None:
    script = Writer().write(call("Image.add", call("Image.add", Name("image"), 1, label=word), 2), "water")
    assert script == f"var {word}_2 = image.add(1);\nvar water = {word}_2.add(2);"


def test_equal_labels_get_numbers_and_brackets_and_signs_are_no_part_of_a_name() -> None:
    inner = call("Image.add", Name("image"), 1, label="body.conv1 (Conv2d)")
    outer = call("Image.add", call("Image.add", inner, 2, label="body.conv1 (Conv2d)"), 3, label="1-a")
    assert Writer().write(call("Image.add", outer, 4), "water").splitlines() == [
        "var body_conv1 = image.add(1);",
        "var body_conv1_2 = body_conv1.add(2);",
        "var layer_1minusa = body_conv1_2.add(3);",
        "var water = layer_1minusa.add(4);",
    ]


def test_what_is_long_and_used_twice_gets_a_name_and_the_next_statement_knows_it() -> None:
    shared, short = call("Image.select", Name("image"), [NAME]), call("Image.sqrt", Name("image"))
    writer = Writer()
    wave = call("Image.add", call("Image.sin", shared), call("Image.cos", shared))
    assert writer.write(wave, "wave").splitlines() == [
        f"var {NAME} = image.select(['{NAME}']);",
        f"var wave = {NAME}.sin().add({NAME}.cos());",
    ]
    assert writer.write(call("Image.sqrt", shared), "root") == f"var root = {NAME}.sqrt();"
    assert Writer().write(call("Image.add", short, short), "twice") == "var twice = image.sqrt().add(image.sqrt());"


def test_a_text_that_is_a_variable_of_the_script_is_named() -> None:
    writer = Writer({"BEGIN": "2020-06-01", "BANDS": ["a", "b"]})
    made = call("Element.set", call("Image.select", Name("image"), ["a", "b"]), "day", "2020-06-01")
    assert writer.write(made, "x") == "var x = image.select(BANDS).set('day', BEGIN);"


def test_a_graph_that_is_gone_lends_its_names_to_no_other() -> None:
    """Nodes are known by their id, which Python gives to another node once the first is gone."""
    writer = Writer()
    root = call("Image.add", call("Image.load", "a"), call("Image.load", "b"))
    writer.write(root, "first")
    gone = weakref.ref(root)
    del root
    assert gone() is not None
