"""An ONNX file in Earth Engine is what onnxruntime predicts with it; what cannot be carried is refused by node."""

import subprocess
import sys
from pathlib import Path

import ee
import numpy as np
import pytest
import torch
from torch import nn

from export import local
from water_gee.errors import ExportError
from water_gee.export import to_earth_engine
from water_gee.export.interpreter import evaluate

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper, FLOAT, INT = onnx.helper, 1, 7
NAMES = ["green", "nir", "swir1", "mndwi"]
RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(0.2, 0.8, (4, 14, 15)).astype(np.float32)
pytestmark = pytest.mark.usefixtures("ee_offline")


def weights(*shape):
    return RANDOM.normal(0, 0.5, shape).astype(np.float32)


def model(*nodes, opset=18, shape=("n", 4, "h", "w"), **constants):
    """A graph of nodes (operator, inputs, outputs, attributes) from `x` to `y`."""
    made = [
        helper.make_node(kind, given, out, name=f"my_{kind}_{number}", **attributes)
        for number, (kind, given, out, attributes) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made, "graph", [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, [f"y{axis}" for axis in range(len(shape))])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def one(kind, *constants, opset=18, **attributes):
    """A graph of one operator."""
    named = {f"c{number}": value for number, value in enumerate(constants)}
    return model((kind, ["x", *named], ["y"], attributes), opset=opset, **named)


def predicted(file, image):
    data = str(file) if isinstance(file, Path) else file.SerializeToString()
    return runtime.InferenceSession(data).run(None, {"x": image[None]})[0][0]


def check(file, options):
    given = {"output": "logits", "water_class": 0, "outputs": ("probability", "own"), **options}
    exported = to_earth_engine(file, NAMES, **given)
    found = evaluate(exported.function_json(), IMAGE, NAMES)
    own = np.stack([band for name, band in found.items() if name.startswith("output")])
    wanted = predicted(file, IMAGE)
    margin = (IMAGE.shape[1] - wanted.shape[1]) // 2
    border = max(exported.exported.program.reach, margin)
    wanted = wanted[:, border - margin :, border - margin :][:, : 14 - 2 * border, : 15 - 2 * border]
    np.testing.assert_allclose(own[:, border : 14 - border, border : 15 - border], wanted, rtol=1e-5, atol=1e-5)


def ints(*values):
    return np.array(values, dtype=np.int64)


INSIDE = {"border": "interior"}
OPERATORS = {
    **{kind: (one(kind), {}) for kind in ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Exp", "Erf", "Sin", "Cos", "Sign",
       "Softplus", "Softsign", "HardSwish", "Mish", "Identity", "Elu", "Celu", "Selu", "LeakyRelu", "HardSigmoid")},
    **{f"{kind} by attribute": (one(kind, alpha=0.4), {}) for kind in ("Elu", "Celu", "LeakyRelu", "HardSigmoid")},
    "Gelu": (one("Gelu", opset=20), {}),
    "Gelu by tanh": (one("Gelu", opset=20, approximate="tanh"), {}),
    "PRelu": (one("PRelu", weights(4, 1, 1)), {}),
    "Clip": (one("Clip", np.float32(-0.3), np.float32(0.5)), {}),
    "Clip by attributes": (one("Clip", opset=9, min=-0.3, max=0.5), {}),
    "Conv": (one("Conv", weights(6, 4, 3, 3), weights(6), kernel_shape=[3, 3]), {}),
    "Conv, grouped and dilated": (one("Conv", weights(6, 2, 3, 5), group=2, dilations=[2, 1]), {}),
    "Conv that pads": (one("Conv", weights(6, 4, 3, 3), pads=[1, 1, 1, 1]), INSIDE),
    "Conv that pads by itself": (one("Conv", weights(6, 4, 3, 5), auto_pad="SAME_UPPER"), INSIDE),
    "BatchNormalization": (one("BatchNormalization", *(weights(4) for _ in range(3)), np.abs(weights(4)),
                               epsilon=0.01), {}),
    "LayerNormalization": (model(("Transpose", ["x"], ["a"], {"perm": [0, 2, 3, 1]}),
                                 ("LayerNormalization", ["a", "s", "b"], ["c"], {"epsilon": 0.02}),
                                 ("Transpose", ["c"], ["y"], {"perm": [0, 3, 1, 2]}), s=weights(4), b=weights(4)), {}),
    "MatMul": (model(("Transpose", ["x"], ["a"], {"perm": [0, 2, 3, 1]}), ("MatMul", ["a", "m"], ["c"], {}),
                     ("Transpose", ["c"], ["y"], {"perm": [0, 3, 1, 2]}), m=weights(4, 3)), {}),
    "Softmax": (one("Softmax", axis=1), {"output": "probability"}),
    "LogSoftmax": (one("LogSoftmax", axis=1), {}),
    "MaxPool": (one("MaxPool", kernel_shape=[3, 3], dilations=[2, 2]), {}),
    "MaxPool that pads": (one("MaxPool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), INSIDE),
    "AveragePool": (one("AveragePool", kernel_shape=[5, 5]), {}),
    "AveragePool that pads": (one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), INSIDE),
    "Pad": (one("Pad", ints(0, 0, 1, 1, 0, 0, 1, 1), np.float32(0.5)), INSIDE),
    "Add": (one("Add", weights(4, 1, 1)), {}), "Sub": (one("Sub", weights(4, 1, 1)), {}),
    "Mul": (one("Mul", weights(1, 4, 1, 1)), {}), "Div": (one("Div", np.float32(3)), {}),
    "Pow": (one("Pow", np.float32(3)), {}), "Min": (one("Min", np.float32(0.3), weights(4, 1, 1)), {}),
    "Max": (one("Max", weights(4, 1, 1)), {}), "Sum": (one("Sum", weights(4, 1, 1)), {}),
    "Sqrt and Log": (model(("Abs", ["x"], ["a"], {}), ("Sqrt", ["a"], ["b"], {}), ("Add", ["b", "c"], ["d"], {}),
                           ("Log", ["d"], ["y"], {}), c=np.float32(0.5)), {}),
    "Where": (model(("Greater", ["x", "c"], ["a"], {}), ("Less", ["x", "d"], ["b"], {}), ("Not", ["b"], ["e"], {}),
                    ("Or", ["a", "e"], ["f"], {}), ("And", ["f", "e"], ["g"], {}),
                    ("Where", ["g", "x", "d"], ["y"], {}),
                    c=np.float32(0.1), d=weights(4, 1, 1)), {}),
    "Equal and Cast": (model(("Relu", ["x"], ["a"], {}), ("Equal", ["a", "c"], ["b"], {}),
                             ("Cast", ["b"], ["y"], {"to": FLOAT}), c=np.float32(0)), {}),
    "Concat and Split": (model(("Split", ["x", "s"], ["a", "b"], {"axis": 1}),
                               ("Concat", ["b", "a", "b"], ["y"], {"axis": 1}), s=ints(1, 3)), {}),
    "Split evenly": (model(("Split", ["x"], ["a", "b"], {"axis": 1, "num_outputs": 2}), ("Sub", ["a", "b"], ["y"], {})),
                     {}),
    "Slice": (one("Slice", ints(3), ints(0), ints(1), ints(-1)), {}),
    "Slice of pixels": (one("Slice", ints(1, 1), ints(-1, -1), ints(2, 3)), {}),
    "Gather": (one("Gather", ints(2, 0, -1), axis=1), {}),
    "Gather one": (model(("Gather", ["x", "i"], ["a"], {"axis": 1}), ("Unsqueeze", ["a", "one"], ["y"], {}),
                         i=np.int64(2), one=ints(1)), {}),
    "Reshape by Shape": (model(("Shape", ["x"], ["s"], {"start": 2}), ("Concat", ["p", "s"], ["t"], {"axis": 0}),
                               ("Reshape", ["x", "t"], ["a"], {}), ("ReduceSum", ["a", "two"], ["y"], {"keepdims": 0}),
                               p=ints(0, 2, 2), two=ints(2)), {}),
    "Expand": (model(("ReduceMean", ["x", "one"], ["a"], {}), ("Expand", ["a", "s"], ["y"], {}),
                     one=ints(1), s=ints(1, 3, 1, 1)), {}),
    "Squeeze": (model(("ReduceMax", ["x", "one"], ["a"], {}), ("Squeeze", ["a", "one"], ["b"], {}),
                      ("Unsqueeze", ["b", "one"], ["y"], {}), one=ints(1)), {}),
    "ReduceMin": (one("ReduceMin", ints(1)), {}), "Dropout": (one("Dropout", np.float32(0.5)), {}),
    "ConstantOfShape": (model(("ConstantOfShape", ["s"], ["a"], {"value": helper.make_tensor("v", FLOAT, [1], [2.5])}),
                              ("Mul", ["x", "a"], ["y"], {}), s=ints(4, 1, 1)), {}),
}  # fmt: skip


@pytest.mark.parametrize("what", OPERATORS)
def test_an_operator_is_what_onnxruntime_computes(what):
    check(*OPERATORS[what])


class Net(nn.Module):
    """What torch writes in many operators: filling, norms, chunks, a choice, a last Linear."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8)
        self.conv2, self.slope = nn.Conv2d(8, 8, 3, groups=2), nn.PReLU(8)
        self.layer_norm, self.last = nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, x):
        hidden = nn.functional.gelu(self.norm(self.conv1(torch.nan_to_num((x - 0.1) / 0.3))))
        found = self.slope(self.conv2(hidden))
        first, second, third = torch.cat([found, hidden[:, :4, 1:-1, 1:-1]], 1).chunk(3, 1)
        found = self.layer_norm(torch.cat([first + second, third], 1).permute(0, 2, 3, 1))
        found = torch.where(found > 0.3, found, 0.5 * found)
        return self.last(nn.functional.mish(found)).permute(0, 3, 1, 2).softmax(1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("newer", [True, False])
def test_a_file_that_torch_wrote_is_mapped_as_onnxruntime_predicts(newer, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "net.onnx"
    sides = {0: "n", 2: "h", 3: "w"}
    dynamic = torch.export.Dim.DYNAMIC
    how = {"dynamic_shapes": ({0: dynamic, 2: dynamic, 3: dynamic},)} if newer else {"dynamic_axes": {"x": sides}}
    torch.onnx.export(
        Net().eval(), (torch.zeros(2, 4, 16, 20),), path, dynamo=newer, input_names=["x"], opset_version=18,
        verbose=False, **how,
    )  # fmt: skip
    exported = to_earth_engine(str(path), NAMES)
    image = IMAGE.copy()
    image[:, 3, 4:9] = np.nan
    local.write_features(tmp_path, image, NAMES)
    found = local.pixels(tmp_path, exported.image(ee.Image("features")), image.shape[1:])
    wanted = predicted(path, image)[1]
    inside = (slice(2, -2), slice(2, -2))
    masked = np.isnan(image).any(axis=0)[inside]
    np.testing.assert_allclose(found["probability"][inside][~masked], wanted[~masked], rtol=0, atol=1e-6)
    assert np.isnan(found["probability"][inside][masked]).all() and exported.check(image).equal


def test_a_network_of_tables_of_pixels_is_carried():
    file = model(
        ("Gemm", ["x", "a", "b"], ["c"], {"transB": 1, "alpha": 0.5, "beta": 2.0}), ("Relu", ["c"], ["d"], {}),
        ("Gemm", ["d", "e"], ["f"], {}), ("Softmax", ["f"], ["y"], {"axis": 1}),
        shape=("n", 4), a=weights(5, 4), b=weights(5), e=weights(5, 2),
    )  # fmt: skip
    found = evaluate(to_earth_engine(file.SerializeToString(), NAMES).function_json(), IMAGE, NAMES)["probability"]
    session = runtime.InferenceSession(file.SerializeToString())
    wanted = session.run(None, {"x": IMAGE.reshape(4, -1).T.copy()})[0][:, 1].reshape(14, 15)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


REFUSED = {
    "strides": (one("Conv", weights(4, 4, 3, 3), strides=[2, 2]), r"my_Conv_0 \(Conv\): a stride"),
    "uneven padding": (one("Conv", weights(4, 4, 2, 2), auto_pad="SAME_UPPER"), "Conv at my_Conv_0: it pads by"),
    "ceil_mode": (one("MaxPool", kernel_shape=[3, 3], ceil_mode=1), "MaxPool at my_MaxPool_0: ceil_mode=1"),
    "training mode": (model(("BatchNormalization", ["x", "a", "b", "c", "d"], ["y", "", ""], {"training_mode": 1}),
                            **{name: np.abs(weights(4)) for name in "abcd"}), "training_mode=1"),
    "a softmax of old": (one("Softmax", axis=1, opset=11), "Softmax at my_Softmax_0: before opset 13"),
    "whole image": (one("ReduceMean", keepdims=1), "ReduceMean at my_ReduceMean_0: it runs over the pixels"),
    "global pooling": (one("GlobalAveragePool"), "GlobalAveragePool at my_GlobalAveragePool_0: the operator is not"),
    "whole numbers": (one("Cast", to=INT), "Cast at my_Cast_0: it makes type 7 of numbers"),
    "reflection": (one("Pad", ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), "Pad at my_Pad_0: mode=reflect"),
    "other bands": (model(("Relu", ["x"], ["y"], {}), shape=("n", 3, "h", "w")), "has 3 bands, and there are 4"),
    "a fixed size": (model(("Reshape", ["x", "s"], ["y"], {}), s=ints(2, 4, 257, 259)), "other network|fixed|cannot"),
    "not numbers": (one("Add", np.array([np.nan, 1, 1, 1], np.float32).reshape(4, 1, 1)), "holds NaN or infinite"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_carried_is_refused_by_node(what):
    file, message = REFUSED[what]
    with pytest.raises(ExportError, match=message) as caught:
        to_earth_engine(file, NAMES, output="logits", water_class=0)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_of_onnx_is_refused(tmp_path):
    with pytest.raises(ExportError, match="does not exist"):
        to_earth_engine(tmp_path / "absent.onnx", NAMES)
    with pytest.raises(ExportError, match="is no ONNX model that can be read"):
        to_earth_engine(b"no model", NAMES)
    two = model(("Split", ["x"], ["y", "z"], {"axis": 1, "num_outputs": 2}))
    two.graph.output.append(helper.make_tensor_value_info("z", FLOAT, ["n", "c", "h", "w"]))
    with pytest.raises(ExportError, match=r"1 inputs and 2 outputs \(x, y, z\)"):
        to_earth_engine(two, NAMES)


def test_without_onnx_it_says_what_to_install():
    program = (
        "import sys; sys.modules['onnx'] = None\n"
        "from water_gee.export.onnx_reader import read_onnx\n"
        "try: read_onnx(b'', 4)\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert done.stdout.strip() == "reading an ONNX file needs the package onnx; run: pip install onnx"
