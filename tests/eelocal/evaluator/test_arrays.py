"""Array pixels behave as numpy's arrays, and shapes that do not fit are refused."""

import ee
import numpy as np
import pytest

from eelocal.errors import EEError
from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels

RANDOM = np.random.default_rng(4)
SIZE = (6, 7)
DATA = {f"b{i}": RANDOM.normal(size=SIZE) for i in range(6)}
MASK = RANDOM.random(SIZE) < 0.8
CATALOG = MemoryCatalog(MemoryImage("m", DATA, {"b2": MASK}))
CUBE = np.stack(list(DATA.values()))


def flat(image, *labels):
    out = pixels(CATALOG, image.arrayFlatten([list(axis) for axis in labels]), grid(SIZE[1], SIZE[0]))
    return np.stack([b.values for b in out.bands]).reshape(*map(len, labels), *SIZE), out.bands[0].mask


def scalar(image):
    return pixels(CATALOG, image, grid(SIZE[1], SIZE[0])).bands[0].values


def array(values):
    return ee.Image(ee.Array(np.asarray(values).tolist()))


@pytest.fixture
def image():
    return ee.Image("m")


@pytest.fixture
def whole(image):
    return image.unmask(0)


def test_to_array_is_masked_where_a_band_is(image):
    out, mask = flat(image.toArray(), "abcdef")
    np.testing.assert_array_equal(mask, MASK)
    np.testing.assert_array_equal(out, np.where(MASK, CUBE, 0))


def test_to_array_twice_makes_a_column(whole):
    out, _ = flat(whole.select(["b0", "b1"]).toArray().toArray(1), "ab", "x")
    np.testing.assert_array_equal(out[:, 0], CUBE[:2])


def test_reshape_transpose_slice_and_concatenation(whole):
    source = whole.select(["b0", "b1", "b3", "b4"])
    picked = CUBE[[0, 1, 3, 4]]
    square = source.toArray().arrayReshape(array([2, -1]), 2)
    table = picked.reshape(2, 2, *SIZE)
    np.testing.assert_array_equal(flat(square, "ab", "cd")[0], table)
    np.testing.assert_array_equal(flat(square.arrayTranspose(), "ab", "cd")[0], table.swapaxes(0, 1))
    np.testing.assert_array_equal(flat(square.arraySlice(0, 1), "a", "cd")[0][0], picked[2:])
    np.testing.assert_array_equal(flat(square.arraySlice(1, -1), "ab", "c")[0][:, 0], picked[[1, 3]])
    tall = square.arrayCat(square, 0)
    np.testing.assert_array_equal(flat(tall, "abcd", "ef")[0], np.concatenate([table] * 2))
    np.testing.assert_array_equal(flat(square.arrayRepeat(1, 2), "ab", "cdef")[0], np.concatenate([table] * 2, 1))
    assert (scalar(square.arrayLength(1)) == 2).all()
    np.testing.assert_array_equal(scalar(square.arrayGet([1, 0])), picked[2])


def test_matrix_products(whole):
    left = RANDOM.normal(size=(4, 3))
    column = whole.select(["b0", "b1", "b3"]).toArray().toArray(1)
    vector = CUBE[[0, 1, 3]]
    out, _ = flat(array(left).matrixMultiply(column), "abcd", "x")
    np.testing.assert_allclose(out[:, 0], np.einsum("ij,jyx->iyx", left, vector), rtol=1e-12)
    right = RANDOM.normal(size=(3, 2))
    row, _ = flat(column.arrayTranspose().matrixMultiply(array(right)), "x", "ab")
    np.testing.assert_allclose(row[0], np.einsum("jyx,jk->kyx", vector, right), rtol=1e-12)
    both, _ = flat(column.matrixMultiply(column.arrayTranspose()), "abc", "def")
    np.testing.assert_allclose(both, np.einsum("iyx,jyx->ijyx", vector, vector), rtol=1e-12)
    constant, _ = flat(array(left).matrixMultiply(array(right)), "abcd", "xy")
    np.testing.assert_allclose(constant[:, :, 0, 0], left @ right, rtol=1e-12)


def test_elementwise_operations_and_scalars(whole):
    column = whole.select(["b0", "b1"]).toArray().toArray(1)
    bias = array([[0.5], [-0.5]])
    out, _ = flat(column.add(bias).max(0), "ab", "x")
    np.testing.assert_allclose(out[:, 0], np.maximum(CUBE[:2] + np.array([0.5, -0.5])[:, None, None], 0))
    scaled, _ = flat(column.multiply(whole.select("b3")), "ab", "x")
    np.testing.assert_allclose(scaled[:, 0], CUBE[:2] * CUBE[3])


def test_reductions(whole):
    cube = whole.toArray()
    full = CUBE.copy()
    full[2] = np.where(MASK, CUBE[2], 0)
    for name in ("sum", "mean", "max", "min"):
        reduced = cube.arrayReduce(getattr(ee.Reducer, name)(), [0]).arrayGet([0])
        np.testing.assert_allclose(scalar(reduced), getattr(full, name)(axis=0), rtol=1e-12)
    dot = cube.arrayDotProduct(cube)
    np.testing.assert_allclose(scalar(dot), (full**2).sum(axis=0))
    np.testing.assert_array_equal(scalar(cube.arrayArgmax().arrayGet([0])), full.argmax(axis=0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: array([[1.0, 2.0]]).matrixMultiply(m.toArray().toArray(1)).arrayDimensions(), "1x2 times 6x1"),
        (lambda m: m.toArray().arrayReshape(array([4, 2]), 2).arrayDimensions(), "Cannot reshape"),
        (lambda m: m.toArray().toArray(1).arrayProject([1]).arrayDimensions(), "Cannot drop axes"),
        (lambda m: m.toArray().add(array([1, 2])).arrayDimensions(), "same shape"),
        (lambda m: m.toArray().add(array([[1, 2]])).arrayDimensions(), "same number of dimensions"),
        (lambda m: m.toArray().arrayFlatten([["a", "b"]]), "lengths"),
        (lambda m: m.toArray().toArray(1).arrayFlatten([["a", "b"]]), "dimension"),
        (lambda m: m.toArray(), "arrays"),
        (lambda m: m.toArray(2), "Axis 2"),
        (lambda m: m.matrixMultiply(m), "2 dimensions"),
        (lambda m: m.toArray().convolve(ee.Kernel.square(1)), "array pixels"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(image, make, message):
    with pytest.raises(EEError, match=message) as raised:
        pixels(CATALOG, make(image), grid(SIZE[1], SIZE[0]))
    assert raised.value.code == 400
