"""Arithmetic on images equals numpy's and scipy's, in the types that the service gives."""

import ee
import numpy as np
import pytest
from scipy import special

from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels, value

RANDOM = np.random.default_rng(1)
SIZE = (23, 31)
A = RANDOM.integers(-50, 50, SIZE).astype(np.int16)
B = RANDOM.integers(-5, 5, SIZE).astype(np.int16)
X = RANDOM.normal(size=SIZE)
Y = RANDOM.normal(size=SIZE).astype(np.float32)
CATALOG = MemoryCatalog(MemoryImage("m", {"a": A, "b": B}), MemoryImage("f", {"x": X}), MemoryImage("g", {"y": Y}))
A64, B64 = A.astype(np.int64), B.astype(np.int64)


def band(image, index=0):
    return pixels(CATALOG, image, grid(31, 23)).bands[index].values


def a():
    return ee.Image("m").select("a")


def b():
    return ee.Image("m").select("b")


def x():
    return ee.Image("f")


def test_integer_operations():
    assert (band(a().add(b())) == A64 + B64).all()
    assert (band(a().subtract(b())) == A64 - B64).all()
    assert (band(a().multiply(b())) == A64 * B64).all()
    assert (band(a().multiply(1000)) == A64 * 1000).all()
    assert (band(a().max(b())) == np.maximum(A, B)).all()
    assert (band(a().min(b())) == np.minimum(A, B)).all()
    assert (band(a().abs()) == np.abs(A64)).all()
    assert (band(a().signum()) == np.sign(A)).all()


def test_division_by_zero_gives_zero():
    expected = np.where(B == 0, 0, A / np.where(B == 0, 1, B))
    out = band(a().divide(b()))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected, rtol=1e-7)
    np.testing.assert_array_equal(band(x().divide(0)), 0)


def test_remainder_has_the_sign_of_the_dividend():
    expected = np.where(B == 0, 0, np.fmod(A64, np.where(B == 0, 1, B64)))
    np.testing.assert_array_equal(band(a().mod(b())), expected)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("exp", np.exp), ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("tanh", np.tanh), ("sinh", np.sinh),
        ("cosh", np.cosh), ("atan", np.arctan), ("cbrt", np.cbrt), ("erf", special.erf), ("erfc", special.erfc),
        ("floor", np.floor), ("ceil", np.ceil), ("gamma", special.gamma), ("abs", np.abs), ("signum", np.sign),
    ],
)  # fmt: skip
def test_functions_of_one_value(name, function):
    np.testing.assert_allclose(band(getattr(x(), name)()), function(X), rtol=1e-12)


def test_functions_of_positive_values():
    positive = x().abs()
    np.testing.assert_allclose(band(positive.sqrt()), np.sqrt(np.abs(X)), rtol=1e-12)
    np.testing.assert_allclose(band(positive.log()), np.log(np.abs(X)), rtol=1e-12)
    np.testing.assert_allclose(band(positive.log10()), np.log10(np.abs(X)), rtol=1e-12)
    np.testing.assert_allclose(band(positive.pow(1.7)), np.abs(X) ** 1.7, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("eq", np.equal), ("neq", np.not_equal), ("lt", np.less), ("lte", np.less_equal), ("gt", np.greater),
        ("gte", np.greater_equal), ("And", lambda p, q: (p != 0) & (q != 0)), ("Or", lambda p, q: (p != 0) | (q != 0)),
    ],
)  # fmt: skip
def test_comparisons_give_bytes(name, function):
    out = band(getattr(a(), name)(b()))
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, function(A, B))


def test_not():
    np.testing.assert_array_equal(band(b().Not()), B == 0)


def test_bits():
    np.testing.assert_array_equal(band(a().bitwiseAnd(b())), A64 & B64)
    np.testing.assert_array_equal(band(a().bitwiseOr(b())), A64 | B64)
    np.testing.assert_array_equal(band(a().bitwiseXor(b())), A64 ^ B64)
    np.testing.assert_array_equal(band(a().leftShift(3)), A64 << 3)
    np.testing.assert_array_equal(band(a().rightShift(2)), A64 >> 2)
    np.testing.assert_array_equal(band(a().bitwiseNot()), ~A64)


def test_bits_need_integers():
    with pytest.raises(Exception, match="integer"):
        band(x().bitwiseAnd(1))


def test_types():
    def kind(image):
        return value(CATALOG, image)["bands"][0]["data_type"]

    # The documented examples of ee.Image.constant.
    assert kind(ee.Image(1)) == {"type": "PixelType", "precision": "int", "min": 1, "max": 1}
    assert kind(ee.Image(1.5))["precision"] == "double"
    assert kind(a().toByte().add(a().toByte())) == {"type": "PixelType", "precision": "int", "min": 0, "max": 510}
    assert kind(a().divide(b()))["precision"] == "float"
    assert kind(ee.Image("g").multiply(2))["precision"] == "float"
    assert kind(ee.Image("g").multiply(2.5))["precision"] == "double"
    assert kind(a().gt(0)) == {"type": "PixelType", "precision": "int", "min": 0, "max": 1}


def test_casts_drop_the_fraction_and_clamp():
    big = ee.Image([300.7, -3.9, 70000, -40000]).rename(["p", "q", "r", "s"])
    assert [v.values[0, 0] for v in pixels(CATALOG, big.toByte(), grid(1, 1)).bands] == [255, 0, 255, 0]
    assert [v.values[0, 0] for v in pixels(CATALOG, big.toInt16(), grid(1, 1)).bands] == [300, -3, 32767, -32768]
    assert pixels(CATALOG, big.toFloat(), grid(1, 1)).bands[0].values.dtype == np.float32


def test_bands_pair_by_name_where_names_agree():
    image = ee.Image("m")
    out = pixels(CATALOG, image.subtract(image.select(["b", "a"])), grid(31, 23))
    assert [band.name for band in out.bands] == ["a", "b"]
    assert not out.bands[0].values.any()


def test_bands_pair_in_order_where_names_differ():
    out = pixels(CATALOG, ee.Image("m").subtract(ee.Image("m").select(["b", "a"], ["p", "q"])), grid(31, 23))
    np.testing.assert_array_equal(out.bands[0].values, A64 - B64)


def test_one_band_goes_with_all():
    out = pixels(CATALOG, a().add(ee.Image("m")), grid(31, 23))
    assert [band.name for band in out.bands] == ["a", "b"]
    np.testing.assert_array_equal(out.bands[1].values, A64 + B64)


def test_expression_is_arithmetic():
    image = ee.Image("m")
    out = band(image.expression("x = (b('a') - b(1)) / (2 + i.b ** 2) * -1", {"i": b()}))
    np.testing.assert_allclose(out, -((A64 - B64) / (2 + B64**2.0)), rtol=1e-6)
    chosen = band(image.expression("a > b && !(a == 3) ? a : b * 10", {"a": a(), "b": b()}))
    np.testing.assert_array_equal(chosen, np.where((A > B) & (A != 3), A64, B64 * 10))


def test_clamp_and_unit_scale():
    np.testing.assert_array_equal(band(a().clamp(-3, 7)), np.clip(A, -3, 7))
    np.testing.assert_allclose(band(x().unitScale(-1, 3)), (X + 1) / 4)


def test_normalized_difference_masks_negative_values():
    out = pixels(CATALOG, ee.Image("m").normalizedDifference(["a", "b"]), grid(31, 23)).bands[0]
    valid = (A >= 0) & (B >= 0)
    np.testing.assert_array_equal(out.mask, valid)
    total = np.where(A64 + B64 == 0, 1, A64 + B64)
    np.testing.assert_allclose(out.values[valid], ((A64 - B64) / total)[valid], rtol=1e-6)
