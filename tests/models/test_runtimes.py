"""A trained network in ONNX Runtime and OpenVINO gives what PyTorch gives, masks and map included."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import finished
from water_gee.errors import ConfigError, ModelError
from water_gee.maps.stage import run
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, predict, predictor, runtimes

BANDS = 8
TOLERANCE, TIE_BAND = 1e-5, 1e-4
KINDS = {"pixelcnn": (16, 32, 64, 128), "pixelcnn_small": (5, 12, 16, 24), "mlp": (32, 9)}


def where_installed(runtime: str, package: str):
    reason = f"{package} is not installed: pip install -e .[fast]"
    return pytest.param(runtime, marks=pytest.mark.skipif(find_spec(package) is None, reason=reason))


FAST = [where_installed("onnx", "onnxruntime"), where_installed("openvino", "openvino")]


def random_model(kind: str, seed: int = 0, temperature: float = 1.7) -> TrainedModel:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    standardise = Standardise(random.normal(size=BANDS).tolist(), random.uniform(0.05, 2, BANDS).tolist())
    network = PixelNetwork(standardise, build_body(kind, BANDS, KINDS[kind]), tuple("abcdefgh")).eval()
    return TrainedModel(network, kind, KINDS[kind], temperature=temperature)


def random_tile(height: int, width: int, seed: int, masked: float) -> np.ndarray:
    """Return features of which a share of pixels lacks all bands, and as many lack one."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(BANDS, height, width)).astype(np.float32)
    features[:, random.random((height, width)) < masked] = np.nan
    features[3, random.random((height, width)) < masked] = np.nan
    return features


def assert_equal(found, expected, threshold: float = 0.5) -> None:
    assert found.dtype == expected.dtype == np.float32 and found.shape == expected.shape
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    seen = ~np.isnan(expected)
    assert np.abs(found - expected)[seen].max(initial=0) <= TOLERANCE
    decided = seen & (np.abs(expected - threshold) > TIE_BAND)
    assert np.array_equal(found[decided] >= threshold, expected[decided] >= threshold)


@pytest.fixture(scope="module", autouse=True)
def made_once():
    """Each network is brought to ONNX once: torch takes seconds, and what it makes is the same each time."""
    made, original = {}, runtimes.to_onnx

    def to_onnx(model: TrainedModel) -> bytes:
        weights = b"".join(value.numpy().tobytes() for value in model.network.state_dict().values())
        key = (model.kind, model.widths, model.temperature, weights)
        if key not in made:
            made[key] = original(model)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "to_onnx", to_onnx)
        yield


@pytest.fixture(scope="module")
def carried():
    """A function from kind and runtime to a model and its predictor there, made once."""
    made = {}

    def of(kind, runtime):
        if (kind, runtime) not in made:
            model = random_model(kind)
            made[kind, runtime] = model, predictor(model, runtime)
        return made[kind, runtime]

    return of


@pytest.mark.parametrize("runtime", FAST)
@pytest.mark.parametrize("kind", KINDS)
@hypothesis_settings(max_examples=12, deadline=None)
@given(
    height=st.integers(1, 45),
    width=st.integers(1, 45),
    seed=st.integers(0, 99),
    masked=st.sampled_from([0, 0.1, 0.6, 1]),
)
def test_a_runtime_equals_pytorch_at_any_size_and_mask(carried, kind, runtime, height, width, seed, masked) -> None:
    model, predicted = carried(kind, runtime)
    margin = 2 * model.network.radius
    features = random_tile(height + margin, width + margin, seed, masked)
    before = features.copy()
    assert_equal(predicted(features), predict(model, features))
    assert np.array_equal(features, before, equal_nan=True)


@pytest.mark.parametrize("runtime", FAST)
def test_a_view_that_is_not_contiguous_is_read_as_it_looks(carried, runtime) -> None:
    model, predicted = carried("pixelcnn_small", runtime)
    features = random_tile(40, 60, seed=5, masked=0.1)[:, 3:-2, 30:4:-1]
    assert_equal(predicted(features), predict(model, features))


def test_torch_is_the_runtime_that_needs_nothing() -> None:
    model = random_model("mlp")
    features = random_tile(9, 7, seed=1, masked=0.2)
    assert_equal(predictor(model)(features), predict(model, features))


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_missing_package_is_named_with_the_command(settings, monkeypatch, runtime) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    package = {"onnx": "onnxruntime", "openvino": "openvino"}[runtime]
    with pytest.raises(ConfigError, match=f"runtime={runtime} .* run: pip install {package} onnxscript, or set"):
        run(settings("predict.engine=local", f"predict.runtime={runtime}"))


def test_earth_engine_has_no_runtime_to_choose(settings) -> None:
    with pytest.raises(ConfigError, match=r"predict.runtime works with predict.engine=local only; .*runtime=auto"):
        run(settings("predict.engine=earth", "predict.runtime=onnx"))


@pytest.mark.parametrize("runtime", FAST)
def test_a_network_without_a_form_there_is_refused_in_one_line(runtime) -> None:
    class Cells(torch.nn.Module):
        radius = 0

        def forward(self, x):
            cells = torch.searchsorted(torch.tensor([0.1, 0.2]), x[:, :2].contiguous())
            return cells.float()

    network = PixelNetwork(Standardise([0.0] * BANDS, [1.0] * BANDS), Cells(), tuple("abcdefgh"))
    with pytest.raises(ModelError, match=r"kind cells has no ONNX form; set predict.runtime=torch") as caught:
        predictor(TrainedModel(network, "cells", ()), runtime)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("runtime", FAST)
def test_a_runtime_that_answers_otherwise_is_refused(monkeypatch, runtime) -> None:
    model = random_model("mlp")
    warmer = runtimes.to_onnx(replace(model, temperature=1.8))
    monkeypatch.setattr(runtimes, "to_onnx", lambda model: warmer)
    with pytest.raises(ModelError, match=rf"{runtime} differs from PyTorch by .*; set predict.runtime=torch"):
        predictor(model, runtime)


@pytest.mark.parametrize("runtime", FAST)
def test_the_map_is_the_same(tmp_path, settings, eelocal_url, runtime) -> None:
    model = finished.checkpoint(tmp_path)
    common = ("study.years=[2020]", f"earth.url={eelocal_url}", "predict.engine=local")

    def probability(*overrides: str) -> np.ndarray:
        run(settings(*common, *overrides))
        with rasterio.open(tmp_path / "maps" / "2020" / "probability.tif") as file:
            return file.read(1)

    expected = probability()
    assert 0.01 < np.isnan(expected).mean() < 0.99
    assert_equal(probability(f"predict.runtime={runtime}", "predict.tile_size=130"), expected, model.threshold)


@pytest.mark.parametrize("runtime", ["torch", *FAST])
def test_an_image_goes_through_the_network_in_windows_without_seams(monkeypatch, runtime) -> None:
    model = random_model("pixelcnn_small")
    features = random_tile(300, 190, seed=3, masked=0.1)
    seen = []
    original = runtimes.predict

    def noted(model, features):
        seen.append(features.shape[1:])
        return original(model, features)

    monkeypatch.setattr(runtimes, "predict", noted)
    assert_equal(predictor(model, runtime)(features), predict(model, features))
    assert max(max(shape) for shape in seen) <= 128 + 2 * model.network.radius


def test_a_kept_onnx_form_is_read_and_one_that_answers_otherwise_is_made_anew(monkeypatch, tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    model, keep = random_model("mlp"), tmp_path / "work" / "net.onnx"
    features = random_tile(9, 9, 0, 0.1)
    predictor(model, "onnx", keep)
    kept, made = keep.read_bytes(), []
    original = runtimes.to_onnx
    monkeypatch.setattr(runtimes, "to_onnx", lambda model: made.append(model) or original(model))
    assert_equal(predictor(model, "onnx", keep)(features), predict(model, features))
    assert made == []
    for wrong in (kept[:200], original(replace(model, temperature=1.8))):
        keep.write_bytes(wrong)
        assert_equal(predictor(model, "onnx", keep)(features), predict(model, features))
        assert made.pop() is model and keep.read_bytes() not in (wrong, b"")


def test_auto_is_onnx_where_it_is_installed_and_pytorch_else_with_a_word_why(monkeypatch, capsys) -> None:
    model = random_model("mlp")
    if find_spec("onnxruntime") is not None:
        assert runtimes.choose(model)[0] == "onnx"
        assert capsys.readouterr().err == ""
        warmer = runtimes.to_onnx(replace(model, temperature=1.8))
        monkeypatch.setattr(runtimes, "to_onnx", lambda model: warmer)
        assert runtimes.choose(model)[0] == "torch"
        assert "PyTorch makes the maps (onnx differs from PyTorch by" in capsys.readouterr().err
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    runtime, predicted = runtimes.choose(model)
    assert runtime == "torch" and predicted(random_tile(9, 9, 0, 0.1)).shape == (9, 9)
    assert "pip install onnxruntime onnxscript" in capsys.readouterr().err
