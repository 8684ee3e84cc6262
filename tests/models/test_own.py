"""Networks of the user's own: what may be one, how far it sees, its classes, and what its checkpoint vouches for."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from own_networks import CONF, FOLDER, forget, write_network
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.config.target import code_hash, sources
from water_gee.errors import ConfigError, ModelError
from water_gee.models import (
    Own,
    PixelNetwork,
    Standardise,
    TrainedModel,
    build_body,
    check_sendable,
    learned_numbers,
    load_checkpoint,
    predict,
    predictor,
    save_checkpoint,
)
from water_gee.models import trained as trained_models

BANDS = 4
LINEAR = """
class Net(nn.Module):
    def __init__(self, bands, classes=1):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(bands, 6, 3), nn.ReLU(), nn.Conv2d(6, classes, 1))

    def forward(self, x):
        return self.layers(x)
"""
BODY = """
class Net(nn.Module):
    def __init__(self, bands):
        super().__init__()
        self.one, self.two = {}, nn.Conv2d(bands, 2, 1)

    def forward(self, x):
        return {}
"""


@pytest.fixture
def put(tmp_path, monkeypatch, request):
    """A function that writes a package with a network, named by the test, and returns its class' name."""
    package = f"own_{abs(hash(request.node.name)) % 10**8}"
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(body: str, **keys: object) -> str:
        write_network(tmp_path, package, body, **keys)
        forget(package)
        return f"{package}.nets.Net"

    yield written
    forget(package)


def settings(conf: Path, name: str, *overrides: str) -> Settings:
    return load(compose([f"model={name}", *overrides], str(conf)))


def model_of(own: Own, bands: int = BANDS) -> TrainedModel:
    torch.manual_seed(0)
    network = PixelNetwork(
        Standardise([0.1] * bands, [0.3] * bands), build_body("mine", bands, (), own), "abcdefgh"[:bands]
    )
    return TrainedModel(network.eval(), "mine", (), own=own)


@pytest.mark.parametrize(
    ("one", "forward", "told"),
    [
        ("nn.Conv2d(bands, 2, 3, padding=1)", "self.one(x)", "it pads"),
        ("nn.Conv2d(bands, 2, 1)", "self.one(x) + x.mean((2, 3), keepdim=True)[:, :2]", "looks at the whole image"),
        ("nn.GroupNorm(2, bands)", "self.two(self.one(x))", "looks at the whole image"),
        ("nn.Conv2d(bands, 2, 2)", "self.one(x)", "its window is 2 pixels wide, without a centre"),
        ("nn.Conv2d(bands, 2, (3, 5))", "self.one(x)", "its window is 3 pixels high and 5 wide"),
        ("nn.Conv2d(bands, 2, 3, stride=2)", "self.one(x)", "not give one output for each pixel"),
        ("nn.Linear(bands, 2)", "self.one(x.mean((2, 3)))", r"gives \[1, 2\] for an image \[1, 4, y, x\]"),
        ("nn.Conv2d(bands, 2, 1)", "self.one(x[:, :, 2:, 2:])", "sees -1 pixels above and 1 below"),
        ("nn.Conv2d(bands, 2, 1, padding=2)", "self.one(x)", "4 pixels wider than its input"),
        ("nn.Conv2d(bands, 2, 1)", "self.one(functional.dropout(x))", "it answers otherwise each time"),
        ("nn.Conv2d(bands, 2, 1)", "torch.log(self.one(x))", "not finite"),
        ("nn.Conv2d(bands + 1, 2, 1)", "self.one(x)", r"fails on 4 bands: RuntimeError: .*nets.py, line \d+"),
        ("nn.Conv2d(bands, 2, -1)", "self.one(x)", "cannot be built with bands=4|fails on 4 bands"),
    ],
)
def test_a_network_that_is_not_the_same_at_each_pixel_is_refused_with_the_reason(put, one, forward, told):
    with pytest.raises(ModelError, match=told) as refused:
        build_body("mine", BANDS, (), Own(put(BODY.format(one, forward))))
    assert "\n" not in str(refused.value) and "_target_=own_" in str(refused.value)


def test_padding_is_seen_through_a_last_layer_of_zeros(put):
    body = BODY.format("nn.Conv2d(bands, 2, 3, padding=1)", "self.one(x)")
    zeros = body.replace("\n    def forward", "        nn.init.zeros_(self.one.weight)\n\n    def forward")
    with pytest.raises(ModelError, match="it pads"):
        build_body("mine", BANDS, (), Own(put(zeros)))


def test_the_radius_is_what_the_output_lacks_and_measuring_draws_no_number(put):
    wide = put(BODY.format("nn.Conv2d(bands, 2, 9, dilation=5)", "self.one(x)"))
    torch.manual_seed(1)
    first = build_body("mine", BANDS, (), Own(wide))
    drawn = torch.rand(1)
    torch.manual_seed(1)
    torch.nn.Conv2d(BANDS, 2, 9), torch.nn.Conv2d(BANDS, 2, 1)
    assert drawn == torch.rand(1) and first.radius == 20 and first.training
    assert not first.all_used, "its second layer has no part in the output"


@pytest.mark.parametrize(
    ("classes", "water", "index"), [(1, None, 0), (2, None, 1), (2, 0, 0), (5, 0, 0), (5, 2, 2), (5, 4, 4)]
)
def test_the_pair_of_logits_has_the_softmax_of_all_classes(put, classes, water, index):
    body = build_body("mine", BANDS, (), Own(put(LINEAR), {"classes": classes}, water))
    x = 5 * torch.randn(2, BANDS, 7, 8)
    with torch.no_grad():
        raw, pair = body.network(x), torch.softmax(body(x), dim=1)[:, 1]
    wanted = torch.sigmoid(raw[:, 0]) if classes == 1 else torch.softmax(raw, dim=1)[:, index]
    torch.testing.assert_close(pair, wanted)


@pytest.mark.parametrize(
    ("classes", "water", "told"),
    [
        (1, 0, "water_class=0: .* has 1 output, which is the log-odds of water"),
        (3, None, "model.water_class is missing: .* has 3 outputs"),
        (3, 3, "model.water_class=3: .* choose one up to 2"),
    ],
)
def test_which_class_is_water_must_be_clear(put, classes, water, told):
    with pytest.raises(ModelError, match=told):
        build_body("mine", BANDS, (), Own(put(LINEAR), {"classes": classes}, water))


@pytest.mark.parametrize(
    ("body", "arguments", "told"),
    [
        (LINEAR, {"clases": 2}, "model.clases: .* takes no such argument; did you mean classes?"),
        (LINEAR, {"bands": 3}, "model.bands is 3 and features.names lists 4 bands; leave it out"),
        (LINEAR.replace("bands,", "bands, depth,"), {}, "model.depth is missing"),
        (LINEAR.replace("super()", "raise ValueError('deep')#"), {}, r"ValueError: deep \(.*nets.py, line 7\)"),
        ("def Net(bands): return nn.Conv2d(bands, 1, 1)", {}, "is no class of torch.nn.Module"),
        ("class Nett(nn.Module): pass", {}, "has no Net; did you mean Nett?"),
        ("import own_nowhere", {}, r"cannot be imported: ModuleNotFoundError: .*own_nowhere.* \(.*nets.py, line 4\)"),
        (LINEAR.replace("bands, classes", "n=3, classes").replace("bands", "n"), {}, r"takes neither bands nor in_ch"),
    ],
)  # fmt: skip
def test_a_mistake_in_class_or_arguments_is_said_in_one_line(put, body, arguments, told):
    with pytest.raises(ModelError, match=told) as refused:
        build_body("mine", BANDS, (), Own(put(body), arguments))
    assert "\n" not in str(refused.value)


def test_bands_reach_in_channels_or_whatever_the_configuration_says(put, tmp_path):
    target = put(LINEAR.replace("bands", "in_channels"))
    assert build_body("mine", BANDS, (), Own(target)).radius == 1
    target = put(LINEAR.replace("bands", "n"), n="${bands:}")
    chosen = settings(tmp_path / "conf", target.partition(".")[0], "features.names=[blue,nir,red]").model
    assert chosen.arguments == {"n": 3} and build_body("mine", 3, (), Own(target, chosen.arguments)).classes == 1


def test_a_checkpoint_keeps_class_arguments_and_the_statistics_of_its_layers(put, tmp_path):
    target = put(LINEAR.replace("nn.ReLU()", "nn.BatchNorm2d(6), nn.Dropout(), nn.ReLU()"))
    model = model_of(Own(target, {"classes": 4}, 3))
    model.network.train()(torch.randn(9, BANDS, 8, 8))  # moves the statistics
    model.network.eval()
    save_checkpoint(tmp_path / "model.ckpt", model)
    again = load_checkpoint(tmp_path / "model.ckpt", own=target)
    assert (again.own, again.kind, again.text) == (model.own, "mine", "mine classes=4")
    assert learned_numbers(again) == BANDS * 6 * 9 + 6 + 2 * 6 + 6 * 4 + 4
    image = np.random.default_rng(0).normal(size=(BANDS, 12, 13)).astype(np.float32)
    image[:, 5, 5] = np.nan
    np.testing.assert_array_equal(predict(again, image), predict(model, image))


def test_a_class_that_no_configuration_names_is_not_imported(put, tmp_path):
    target = put(LINEAR)
    package = target.partition(".")[0]
    save_checkpoint(tmp_path / "model.ckpt", model_of(Own(target)))
    forget(package)
    with pytest.raises(ModelError, match=rf"{target}, which is not imported since .* give --config-dir"):
        load_checkpoint(tmp_path / "model.ckpt")
    assert not [name for name in sys.modules if name.startswith(package)]
    compose([], str(tmp_path / "conf"))  # a file of model in the user's folder names it, whichever model is chosen
    assert load_checkpoint(tmp_path / "model.ckpt").own == Own(target)
    (tmp_path / package).rename(tmp_path / "elsewhere")
    forget(package)
    with pytest.raises(
        ModelError, match=rf"No module named '{package}'; put the folder that holds {package} on PYTHON"
    ):
        load_checkpoint(tmp_path / "model.ckpt")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nn.ReLU()", "nn.Tanh()"),  # the weights fit, and the answers are others
        ("nn.Conv2d(6, classes", "nn.Conv2d(7, classes"),
        ("bands, 6, 3), nn.ReLU(), nn.Conv2d(6", "bands, 7, 3), nn.ReLU(), nn.Conv2d(7"),
        ("return self.layers(x)", "return self.layers(x)[:, :, 1:-1, 1:-1]"),
    ],
)
def test_code_that_was_changed_since_the_training_is_refused(put, tmp_path, old, new):
    target = put(LINEAR)
    save_checkpoint(tmp_path / "model.ckpt", model_of(Own(target)))
    put("# only a comment more\n" + LINEAR)
    load_checkpoint(tmp_path / "model.ckpt", own=target)
    put(LINEAR.replace(old, new))
    with pytest.raises(ModelError, match=r"model.ckpt: (the code of .* was changed since|.*fails on 4 bands)"):
        load_checkpoint(tmp_path / "model.ckpt", own=target)


def test_a_broken_checkpoint_is_no_reason_to_import(put, tmp_path, monkeypatch):
    monkeypatch.setattr(trained_models, "build_body", lambda *_: pytest.fail("it was built"))
    for own in ("text", {"target": 7}, {"target": "os.path.join", "arguments": {}, "water_class": None}):
        torch.save({"format": "water_gee model 1", "features": ["a"], "own": own}, tmp_path / "model.ckpt")
        with pytest.raises(ModelError, match=r"model\.ckpt"):
            load_checkpoint(tmp_path / "model.ckpt")


def test_a_faster_runtime_answers_as_the_module(put):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = model_of(Own(put(LINEAR), {"classes": 3}, 0))
    image = np.random.default_rng(0).normal(size=(BANDS, 12, 13)).astype(np.float32)
    np.testing.assert_allclose(predictor(model, "onnx")(image), predict(model, image), atol=1e-5)


def test_what_cannot_go_to_another_process_is_said_before_it_trains(put):
    target = put(LINEAR.replace("super().__init__()", "super().__init__()\n        self.twice = lambda x: 2 * x"))
    with pytest.raises(ModelError, match="cannot be handed between processes"):
        check_sendable(build_body("mine", BANDS, (), Own(target)))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["model.lr=0"], "model.lr: input should be greater than 0"),
        (["~model.lr"], "model.lr: this key is missing; add it"),
        (["model.widht=3"], "model.widht: there is no such key; did you mean model.width?"),
        (["model._target_=mynets.nowhere.Net"], "model._target_: mynets is at .*own, without a module mynets.nowhere"),
        (["model._target_=own_nowhere.Net"], "there is no module own_nowhere; put the folder .* on PYTHONPATH"),
        (["model._target_=Net"], "model._target_: 'Net' is no module and class"),
        (["model._target_=7"], "model: _target_ is 7 where a module and class are wanted"),
        (["model.name=mlp"], "model: name: 'mlp' is the name of a model that is there already"),
        (["model.name=a/b"], "model.name: "),
        (["+model.code=1"], "model: code is none of your keys"),
        (["+model.part={_target_: os.system}"], "model: part: only plain values reach the class"),
        (["+model._partial_=true"], "model: _partial_: only plain values"),
        (["+model.water_class=-1"], "model.water_class: input should be greater than or equal to 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_its_configuration_is_said_by_key(monkeypatch, overrides, told):
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.raises(ConfigError, match=told):
        settings(CONF, "mine", *overrides)


def test_its_source_is_what_it_imports_of_its_package_and_of_its_folder(put, tmp_path):
    target = put("from .blocks import Block\nimport own_beside\nimport numpy\n" + LINEAR)
    package = target.partition(".")[0]
    (tmp_path / package / "blocks.py").write_text("from . import more\nBlock = 1\n", encoding="utf-8")
    (tmp_path / package / "more.py").write_text("", encoding="utf-8")
    (tmp_path / package / "apart.py").write_text("", encoding="utf-8")
    (tmp_path / "own_beside.py").write_text("", encoding="utf-8")
    assert set(sources(target)) == {package, *(f"{package}.{one}" for one in ("blocks", "more", "nets")), "own_beside"}
    first = code_hash(target)
    (tmp_path / package / "more.py").write_text("x = 1\n", encoding="utf-8")
    assert code_hash(target) == first, "a process goes on with what it has imported"
    code_hash.cache_clear()
    assert code_hash(target) != first
    (tmp_path / package / "more.py").write_text("x = = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"more\.py, line 1: this is not Python"):
        sources(target)


def test_without_a_name_it_is_called_by_its_class(put, tmp_path):
    target = put(LINEAR, name=None)
    chosen = settings(tmp_path / "conf", target.partition(".")[0]).model
    assert (chosen.name, chosen.arguments, chosen.code) == ("Net", {}, code_hash(target))
