"""Neighbourhood operations equal scipy's and torch's, margins and masks included."""

import ee
import numpy as np
import pytest
import torch
from scipy import ndimage

from eelocal.errors import EEError
from memory_catalog import NORTH_UP, MemoryCatalog, MemoryImage, grid, pixels, value

RANDOM = np.random.default_rng(3)
SIZE = (40, 36)
V, W = RANDOM.normal(size=SIZE), RANDOM.normal(size=SIZE)
MV = RANDOM.random(SIZE) < 0.9
I = RANDOM.integers(0, 200, SIZE).astype(np.uint8)  # noqa: E741
CATALOG = MemoryCatalog(
    MemoryImage("full", {"v": V, "w": W}),
    MemoryImage("holes", {"v": V, "w": W}, {"v": MV}),
    MemoryImage("bytes", {"i": I}),
)
KERNEL = RANDOM.normal(size=(3, 5)).round(3)
INNER = grid(SIZE[1] - 8, SIZE[0] - 8, left=4, top=4)
PART = (slice(4, -4), slice(4, -4))


def fixed(weights, x=-1, y=-1):
    weights = np.asarray(weights)
    return ee.Kernel.fixed(weights.shape[1], weights.shape[0], weights.tolist(), x, y)


def test_convolve_is_correlation():
    out = pixels(CATALOG, ee.Image("full").convolve(fixed(KERNEL)), INNER)
    np.testing.assert_allclose(out.bands[0].values, ndimage.correlate(V, KERNEL)[PART], rtol=1e-10)
    np.testing.assert_allclose(out.bands[1].values, ndimage.correlate(W, KERNEL)[PART], rtol=1e-10)


def test_convolve_keeps_the_focus():
    out = pixels(CATALOG, ee.Image("full").convolve(fixed([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]], 0, 1)), INNER)
    np.testing.assert_array_equal(out.bands[0].values, V[3:-5, 4:-4])


def test_convolve_is_masked_where_a_weighted_neighbour_is():
    out = pixels(
        CATALOG, ee.Image("holes").convolve(fixed([[0, 1.0, 0], [1, 0, 1], [0, 1, 0]])), grid(SIZE[1], SIZE[0])
    )
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    expected = ~ndimage.binary_dilation(~MV, cross, border_value=1)
    np.testing.assert_array_equal(out.bands[0].mask, expected)


def test_convolve_of_bytes_does_not_overflow():
    out = pixels(CATALOG, ee.Image("bytes").convolve(fixed(np.full((3, 3), 100))), INNER).bands[0].values
    np.testing.assert_array_equal(out, 100 * ndimage.correlate(I.astype(float), np.ones((3, 3)))[PART])


def test_kernels():
    def weights(kernel):
        delta = np.zeros((11, 11))
        delta[5, 5] = 1
        catalog = MemoryCatalog(MemoryImage("d", {"d": delta}))
        return pixels(catalog, ee.Image("d").unmask(0, False).convolve(kernel), grid(11, 11)).bands[0].values

    square = weights(ee.Kernel.square(2))
    np.testing.assert_allclose(square[3:8, 3:8], np.full((5, 5), 1 / 25))
    circle = weights(ee.Kernel.circle(2, "pixels", False))
    np.testing.assert_array_equal(circle[3:8, 3:8], np.hypot(*np.mgrid[-2:3, -2:3]) <= 2)
    plus = weights(ee.Kernel.plus(1, "pixels", False))
    assert plus.sum() == 5
    gauss = weights(ee.Kernel.gaussian(3, 1.2))
    assert gauss.sum() == pytest.approx(1)
    assert gauss[5, 6] / gauss[5, 5] == pytest.approx(np.exp(-1 / (2 * 1.2**2)))
    np.testing.assert_array_equal(weights(ee.Kernel.laplacian8())[4:7, 4:7], [[1, 1, 1], [1, -8, 1], [1, 1, 1]])


def test_neighborhood_to_bands_names_and_shifts():
    image = ee.Image("full").select("v").neighborhoodToBands(ee.Kernel.square(1))
    assert value(CATALOG, image.bandNames())[:4] == ["v_-1_-1", "v_0_-1", "v_1_-1", "v_-1_0"]
    out = {b.name: b.values for b in pixels(CATALOG, image, INNER).bands}
    np.testing.assert_array_equal(out["v_1_-1"], V[3:-5, 5:-3])
    np.testing.assert_array_equal(out["v_0_0"], V[PART])


def test_neighborhood_to_bands_skips_cells_without_weight():
    kernel = ee.Kernel.fixed(3, 3, [[0, 0, 2], [0, 0, 0], [-1, 0, 0]])
    assert value(CATALOG, ee.Image("bytes").neighborhoodToBands(kernel).bandNames()) == ["i_1_-1", "i_-1_1"]


def test_neighborhood_to_bands_masks_masked_neighbours():
    out = pixels(
        CATALOG, ee.Image("holes").select("v").neighborhoodToBands(ee.Kernel.square(1)), grid(SIZE[1], SIZE[0])
    )
    shifted = np.zeros(SIZE, bool)
    shifted[1:, 1:] = MV[:-1, :-1]
    np.testing.assert_array_equal(out.bands[0].mask, shifted)


def test_neighborhood_to_array_fills_masked_neighbours_and_keeps_the_centres_mask():
    array = ee.Image("holes").select("v").neighborhoodToArray(ee.Kernel.rectangle(2, 1), -7)
    labels = [[f"r{r}" for r in range(3)], [f"c{c}" for c in range(5)]]
    out = pixels(CATALOG, array.arrayFlatten(labels), grid(SIZE[1], SIZE[0]))
    padded = np.pad(np.where(MV, V, -7), ((1, 1), (2, 2)), constant_values=-7)
    for band in out.bands:
        row, column = int(band.name[1]), int(band.name[4])
        np.testing.assert_array_equal(band.mask, MV)
        expected = padded[row : row + SIZE[0], column : column + SIZE[1]]
        np.testing.assert_array_equal(band.values[MV], expected[MV])


def layer(image, weight, bias, kernel):
    outputs = len(weight)
    flat = weight.reshape(outputs, -1)
    arrays = image.neighborhoodToArray(kernel).toArray(0).arrayReshape(ee.Image(ee.Array([flat.shape[1], 1])), 2)
    product = ee.Image(ee.Array(flat.tolist())).matrixMultiply(arrays).add(ee.Image(ee.Array(bias[:, None].tolist())))
    return product.max(0).arrayProject([0]).arrayFlatten([[f"o{i}" for i in range(outputs)]])


def test_network_equals_torch():
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(2, 6, 3).double(), torch.nn.Conv2d(6, 5, 3).double(), torch.nn.Conv2d(5, 3, 1).double()]
    image = ee.Image("full")
    for conv in layers:
        radius = conv.kernel_size[0] // 2
        image = layer(image, conv.weight.detach().numpy(), conv.bias.detach().numpy(), ee.Kernel.square(radius))
    out = np.stack([band.values for band in pixels(CATALOG, image, INNER).bands])
    crop = torch.from_numpy(np.stack([V, W])[None, :, 2:-2, 2:-2])
    with torch.no_grad():
        for conv in layers:
            crop = torch.relu(conv(crop))
    np.testing.assert_allclose(out, crop[0].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["mean", "max", "min", "median", "sum", "count"])
def test_reduce_neighborhood(name):
    kernel = ee.Kernel.square(1, "pixels", False)
    out = pixels(CATALOG, ee.Image("holes").select("v").reduceNeighborhood(getattr(ee.Reducer, name)(), kernel), INNER)
    nan = np.where(MV, V, np.nan)
    stack = np.stack([nan[4 + y : SIZE[0] - 4 + y, 4 + x : SIZE[1] - 4 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)])
    functions = {"count": lambda s: np.isfinite(s).sum(axis=0)}
    reduced = functions.get(name, lambda s: getattr(np, f"nan{name}")(s, axis=0))(stack)
    band = out.bands[0]
    assert band.name == f"v_{name}"
    np.testing.assert_array_equal(band.mask, MV[PART])
    np.testing.assert_allclose(band.values[band.mask], reduced[MV[PART]])


def test_focal_max():
    out = pixels(CATALOG, ee.Image("full").select("v").focalMax(1, "square"), INNER).bands[0].values
    np.testing.assert_array_equal(out, ndimage.maximum_filter(V, 3)[PART])


def test_slope_and_aspect_of_a_plane():
    y, x = np.mgrid[:20, :20]
    catalog = MemoryCatalog(
        MemoryImage("dem", {"elevation": (x * 30.0 * 0.3 + y * 30.0 * 0.4)})
    )  # down to the north-west
    out = pixels(catalog, ee.Terrain.products(ee.Image("dem")), grid(20, 20))
    slope, aspect = out.bands[1], out.bands[2]
    assert not slope.mask[0].any() and not slope.mask[:, -1].any() and slope.mask[1:-1, 1:-1].all()
    np.testing.assert_allclose(slope.values[slope.mask], np.degrees(np.arctan(0.5)), rtol=1e-6)
    np.testing.assert_allclose(aspect.values[aspect.mask], np.degrees(np.arctan2(-0.3, 0.4)) % 360, rtol=1e-5)


def gradient(heights, east, north):
    """Return slope in degrees [y, x], NaN on the border, of heights on pixels `east` by `north` metres."""
    rise = np.hypot(
        (heights[1:-1, 2:] - heights[1:-1, :-2]) / (2 * east), (heights[:-2, 1:-1] - heights[2:, 1:-1]) / (2 * north)
    )
    return np.pad(np.degrees(np.arctan(rise)), 1, constant_values=np.nan)


COARSE = (90.0, 0.0, NORTH_UP[2], 0.0, -90.0, NORTH_UP[5])
HILLS = RANDOM.uniform(0, 100, (8, 9))


@pytest.mark.parametrize(
    "on_the_lattice",
    [
        lambda image: image,
        lambda image: image.reproject("EPSG:32648", list(NORTH_UP)),
        lambda image: image.multiply(1).reproject("EPSG:32648", list(COARSE)).reproject("EPSG:32648", list(NORTH_UP)),
    ],
    ids=["as asked", "reprojected", "reprojected twice"],
)
def test_slope_is_that_of_the_elevations_own_pixels(on_the_lattice):
    catalog = MemoryCatalog(MemoryImage("dem", {"elevation": HILLS}, transform=COARSE))
    out = pixels(catalog, on_the_lattice(ee.Terrain.slope(ee.Image("dem"))), grid(27, 24)).bands[0]
    expected = gradient(HILLS, 90, 90).repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(out.mask, ~np.isnan(expected))
    np.testing.assert_allclose(out.values[out.mask], expected[out.mask], rtol=1e-5)


def test_slope_of_a_mosaic_is_that_of_the_projection_it_is_given():
    right = (90.0, 0.0, NORTH_UP[2] + 4 * 90, 0.0, -90.0, NORTH_UP[5])
    catalog = MemoryCatalog(
        MemoryImage("dem/a", {"elevation": HILLS[:, :4]}, transform=COARSE),
        MemoryImage("dem/b", {"elevation": HILLS[:, 4:]}, transform=right),
    )
    mosaic = ee.ImageCollection("dem").mosaic()
    with pytest.raises(EEError, match="no projection of its own"):
        pixels(catalog, ee.Terrain.slope(mosaic), grid(27, 24))
    own = mosaic.setDefaultProjection(ee.Image("dem/a").projection())
    out = pixels(catalog, ee.Terrain.slope(own), grid(27, 24)).bands[0]
    expected = gradient(HILLS, 90, 90).repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(out.mask, ~np.isnan(expected))  # no seam between the two
    np.testing.assert_allclose(out.values[out.mask], expected[out.mask], rtol=1e-5)
    fine = mosaic.setDefaultProjection("EPSG:32648", list(NORTH_UP))
    steps = pixels(catalog, ee.Terrain.slope(fine), grid(27, 24)).bands[0]
    stairs = gradient(HILLS.repeat(3, 0).repeat(3, 1), 30, 30)
    np.testing.assert_allclose(steps.values[steps.mask], stairs[steps.mask], rtol=1e-5)
