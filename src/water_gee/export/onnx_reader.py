"""An ONNX file as a torch module, so that the same tracer, rules and refusals hold as for any network.

A value that does not depend on the image is a numpy array, computed by the reference implementation that `onnx` ships;
so whatever an exporter writes about shapes is done with before a layer is asked about it. Each node is a module of its
own, whose name is the node's: messages say which it was.
"""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from water_gee.errors import ExportError
from water_gee.export import onnx_channels, onnx_layers
from water_gee.export.onnx_operators import OPERATORS, Arguments

assert onnx_layers and onnx_channels  # importing them fills OPERATORS
_FLOATS = (1, 11)  # TensorProto's float and double
_OLDEST = 7  # opset; before it arithmetic broadcast by an attribute


def read_onnx(given: Any, bands: int) -> "OnnxNetwork":
    """Return a torch module that computes what an ONNX graph does.

    Args:
        given: a path, the file's bytes, or an `onnx.ModelProto`.
        bands: of the image that it will read.

    Raises:
        ExportError: `onnx` is not installed, the file is none, or an operator in it is not supported.
    """
    try:
        import onnx
    except ImportError as error:
        raise ExportError("reading an ONNX file needs the package onnx; run: pip install onnx") from error
    if isinstance(given, str | Path):
        if not Path(given).is_file():
            raise ExportError(f"{given} does not exist")
        where = str(given)
    else:
        where = "the ONNX model"
    try:
        if isinstance(given, str | Path):
            model = onnx.load(str(given))
        else:
            model = onnx.load_from_string(given) if isinstance(given, bytes) else given
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # protobuf's errors, onnx's own and the system's
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExportError(f"{where} is no ONNX model that can be read: {reason}") from error
    return OnnxNetwork(model, bands)


class OnnxNetwork(nn.Module):
    """A graph of ONNX operators."""

    def __init__(self, model: Any, bands: int) -> None:
        super().__init__()
        from onnx import numpy_helper

        graph = model.graph
        self.opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        if self.opset < _OLDEST:
            raise ExportError(f"the ONNX model is of opset {self.opset}; export it with opset 17 or later")
        self.constants: dict[str, Any] = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        for name, values in self.constants.items():
            if values.size > 1 and values.dtype.kind == "f" and not np.isfinite(values).all():
                raise ExportError(f"cannot export the ONNX model: {name} holds NaN or infinite numbers; train it again")
        inputs = [one for one in graph.input if one.name not in self.constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            names = ", ".join(one.name for one in (*inputs, *graph.output))
            raise ExportError(
                f"the ONNX model has {len(inputs)} inputs and {len(graph.output)} outputs ({names}); keep one of each, "
                "as with onnx.utils.extract_model"
            )
        self.input, self.output = inputs[0].name, graph.output[0].name
        self.table = _check_input(inputs[0], bands)
        self.nodes = nn.ModuleDict()
        for number, node in enumerate(graph.node):
            if not self._folded(node):
                name = (node.name or f"{node.op_type}_{number}").replace(".", "_")
                taken = name in self.nodes or hasattr(nn.ModuleDict, name)
                self.nodes[f"{name}_{number}" if taken else name] = _module(node, self.opset)

    def _folded(self, node: Any) -> bool:
        """Compute a node here and now if all it reads is constant."""
        if not all(name in self.constants for name in node.input if name):
            return False
        self.constants.update(_reference(node, self.constants, self.opset))
        return True

    def forward(self, x: Tensor) -> Any:
        """Map features [n, band, y, x] to what the graph makes of them."""
        shape = x.shape
        if self.table:  # of pixels [pixel, band]
            x = x.permute(0, 2, 3, 1).reshape(-1, shape[1])
        values: dict[str, Any] = {**self.constants, self.input: x}
        for module in self.nodes.values():
            node: Any = module.node
            given = [values[name] if name else None for name in node.input]
            if all(not isinstance(value, Tensor) for value in given):
                values.update(_reference(node, values, self.opset))
                continue
            made = module(*given)
            made = made if isinstance(made, tuple | list) else [made]
            values.update(zip(node.output, made, strict=False))
        found = values[self.output]
        if self.table:
            found = found.reshape(shape[0], shape[2], shape[3], -1).permute(0, 3, 1, 2)
        return found


class _Node(nn.Module):
    """One node; its class is named after its operator."""

    def __init__(self, node: Any, opset: int) -> None:
        super().__init__()
        from onnx import helper

        self.node = node
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        self.arguments = Arguments(node.op_type, node.name or node.output[0], opset, attributes, len(node.output))

    def forward(self, *given: Any) -> Any:
        """Compute it."""
        return OPERATORS[self.node.op_type](self.arguments, *given)


def _module(node: Any, opset: int) -> nn.Module:
    place = f"{node.op_type} at {node.name or node.output[0]}"
    if node.domain not in ("", "ai.onnx"):
        raise ExportError(f"cannot export {place}: operators of {node.domain} are not supported; {_INSTEAD}")
    if node.op_type not in OPERATORS:
        raise ExportError(f"cannot export {place}: the operator is not supported; {_INSTEAD}")
    made: nn.Module = type(node.op_type, (_Node,), {})(node, opset)
    return made


_INSTEAD = "write it with the layers that docs/exporter.md lists"


def _reference(node: Any, values: dict[str, Any], opset: int) -> dict[str, Any]:
    """Compute a node of constants, by the reference implementation; of a tensor's shape, by its shape."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_value_info(name, helper.make_tensor_type_proto(0, None)) for name in node.input if name],
        [helper.make_value_info(name, helper.make_tensor_type_proto(0, None)) for name in node.output if name],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(node.domain, opset)])
    given = {name: np.asarray(values[name]) for name in node.input if name}
    try:
        made = ReferenceEvaluator(model).run(None, given)
    except Exception as error:
        raise ExportError(
            f"cannot export {node.op_type} at {node.name or node.output[0]}: it cannot be computed ({error})"
        ) from error
    return dict(zip([name for name in node.output if name], made, strict=True))


def _check_input(given: Any, bands: int) -> bool:
    """Check the graph's input; return whether it is a table [pixel, band], not an image [n, band, y, x]."""
    kind = given.type.tensor_type
    sides = [side.dim_value or None for side in kind.shape.dim]
    if kind.elem_type not in _FLOATS or len(sides) not in (2, 4):
        raise ExportError(
            f"the ONNX model's input {given.name} is not float [n, band, y, x] or [pixel, band]; export it in float32"
        )
    if sides[1] is not None and sides[1] != bands:
        raise ExportError(f"the ONNX model's input {given.name} has {sides[1]} bands, and there are {bands} bands")
    return len(sides) == 2
