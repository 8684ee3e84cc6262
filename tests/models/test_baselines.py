"""Baselines in the form of networks: the same checkpoint, the same prediction."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from water_gee.errors import ModelError
from water_gee.models import (
    BoostedTrees,
    CFMaskRule,
    PixelLinear,
    TrainedModel,
    build_body,
    learned_numbers,
    load_checkpoint,
    predict,
    raw_network,
    save_checkpoint,
)

FEATURES = ("nir", "blue", "red")


def two_trees() -> BoostedTrees:
    """Is nir up to 0.1? And is red up to 0.2, and if so, is nir up to 0.05?"""
    body = BoostedTrees(3, (2, 3, 2))
    body.edges[0] = torch.tensor([0.05, 0.1])
    body.edges[2, 0] = 0.2
    body.possible[0] = torch.tensor([[0b11, 0b111], [0b11, 0b110], [0b10, 0b110]])
    body.possible[1] = torch.tensor([[0b11, 0b111]] * 3)
    body.possible[2] = torch.tensor([[0b11, 0b111], [0b11, 0b100], [0b11, 0b100]])
    body.values.copy_(torch.tensor([[1.0, -1.0, 0.0], [4.0, 2.0, -8.0]]))
    body.offset.fill_(0.5)
    return body


BODIES = {
    "otsu": lambda: PixelLinear.of([0.0, 9.0, 0.0], -2.0),
    "cfmask": lambda: CFMaskRule.of(FEATURES),
    "logistic": lambda: PixelLinear.of([1.0, -2.0, 3.0], 0.3),
    "boosted": two_trees,
}


def model_of(kind: str) -> TrainedModel:
    body = BODIES[kind]()
    return TrainedModel(raw_network(body, FEATURES), kind, getattr(body, "widths", ()))


def margin(body: torch.nn.Module, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        land, water = body(torch.from_numpy(image)[None])[0].numpy()
    return water - land


reflectance = st.one_of(
    st.floats(-0.25, 1.5, width=32), st.sampled_from([np.float32(edge) for edge in (0, 0.01, 0.05, 0.11, 0.1, -0.05)])
)


@settings(deadline=None)
@given(arrays(np.float32, (3, 5, 7), elements=reflectance))
def test_the_margin_of_cfmask_is_above_0_just_where_its_rule_holds(image):
    nir, _, red = image
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = np.maximum(nir, 0), np.maximum(red, 0)
        ndvi = np.where(a + b == 0, np.float32(0), (a - b) / (a + b))
    first = (ndvi < np.float32(0.01)) & (nir < np.float32(0.11))
    second = (ndvi < np.float32(0.1)) & (nir < np.float32(0.05))
    np.testing.assert_array_equal(margin(CFMaskRule.of(FEATURES), image) > 0, first | second)
    np.testing.assert_array_equal(predict(model_of("cfmask"), image) >= 0.5, first | second)


def test_on_the_edge_of_cfmask_a_pixel_is_land():
    nir = np.array([0.11, np.nextafter(np.float32(0.11), np.float32(0)), 0.05], dtype=np.float32)
    red = np.array([0.2, 0.2, 0.0495], dtype=np.float32)  # of an NDVI below 0.01 twice, and of 0.005
    np.testing.assert_array_equal(predict(model_of("cfmask"), np.stack([nir, nir, red])[:, None]) >= 0.5, [[0, 1, 1]])
    nir, red = np.array([[0.05]], dtype=np.float32), np.array([[0.045]], dtype=np.float32)  # of an NDVI of 0.053
    assert predict(model_of("cfmask"), np.stack([nir, nir, red]))[0, 0] < 0.5


def test_cfmask_says_which_band_is_missing():
    with pytest.raises(ModelError, match=r"model=cfmask needs the feature nir; add it to features\.names"):
        CFMaskRule.of(("red", "mndwi"))


def test_trees_answer_each_pixel_by_its_own_leaves():
    nir = np.array([0.05, 0.06, 0.1, 0.11, 5.0, 0.0], dtype=np.float32)
    red = np.array([0.2, 0.2, 0.2, 0.1, 0.3, np.nextafter(np.float32(0.2), np.float32(1))], dtype=np.float32)
    answers = margin(two_trees(), np.stack([nir, nir, red])[:, None])[0]
    np.testing.assert_allclose(answers, [5.5, 3.5, 3.5, 1.5, -8.5, -6.5])


def test_many_pixels_are_answered_in_parts_that_change_nothing():
    image = np.random.default_rng(0).uniform(0, 0.3, (3, 90, 100)).astype(np.float32)
    whole = margin(two_trees(), image)
    np.testing.assert_array_equal(whole[40:50, 7:9], margin(two_trees(), image[:, 40:50, 7:9]))


@pytest.mark.parametrize("kind", BODIES)
def test_a_baseline_comes_back_from_its_checkpoint(kind, tmp_path):
    model = model_of(kind)
    save_checkpoint(tmp_path / "model.ckpt", model)
    again = load_checkpoint(tmp_path / "model.ckpt")
    assert (again.kind, again.widths, again.features) == (kind, model.widths, FEATURES)
    image = np.random.default_rng(1).uniform(-0.1, 0.4, (3, 20, 30)).astype(np.float32)
    np.testing.assert_array_equal(predict(again, image), predict(model, image))


@pytest.mark.parametrize("kind", BODIES)
def test_a_masked_pixel_is_masked_and_harms_no_neighbour(kind):
    image = np.random.default_rng(2).uniform(-0.1, 0.4, (3, 9, 9)).astype(np.float32)
    holes = image.copy()
    holes[1, 4, 4], holes[:, 0, 0] = np.nan, np.nan
    whole, holed = predict(model_of(kind), image), predict(model_of(kind), holes)
    masked = np.isnan(holes).any(axis=0)
    np.testing.assert_array_equal(np.isnan(holed), masked)
    np.testing.assert_array_equal(holed[~masked], whole[~masked])


def test_what_was_learned_is_counted():
    learned = {kind: learned_numbers(model_of(kind)) for kind in BODIES}
    assert learned == {"otsu": 1, "cfmask": 0, "logistic": 4, "boosted": (2 + 2) + (2 * 2 + 3)}
    network = raw_network(build_body("pixelcnn", 8, [16, 32, 64, 128]), "abcdefgh")
    assert learned_numbers(TrainedModel(network, "pixelcnn", (16, 32, 64, 128))) == 38_514


@pytest.mark.parametrize(
    ("kind", "widths"), [("otsu", [8]), ("cfmask", [1]), ("boosted", [8]), ("boosted", [9, 32, 4])]
)
def test_sizes_that_do_not_fit_are_refused(kind, widths):
    with pytest.raises(ModelError, match=f"does not fit {kind}"):
        build_body(kind, 3, widths)
