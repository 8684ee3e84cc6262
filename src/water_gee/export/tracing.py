"""From a torch module to the intermediate form, by `torch.export`.

torch.export runs the module on a stand-in of fixed size, so that any Python in `forward` (shapes, loops,
slices) is done with and what remains are tensor operations, each with the place in the module it came
from. Operations on constants alone are done here and now; the others go through the table of `layers`.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node

from water_gee.errors import ExportError
from water_gee.export.ir import Affine, Fill, Input, Program
from water_gee.export.layers import SUPPORTED, unsupported
from water_gee.export.tracer import Traced, Tracer, operation

# The stand-in's size: odd, unequal so that a transposition shows, and wide enough for a reach of 128 pixels.
HEIGHT, WIDTH = 257, 259
_VIEWS = {"slice", "permute", "contiguous", "detach", "alias", "to"}
_FILLED_LIKE = {"ones_like": 1.0, "zeros_like": 0.0, "new_ones": 1.0, "new_zeros": 0.0}


def _computed(tracer: Tracer, node: Node) -> Any:
    """Compute one node: with torch if it is constant, else by the table of supported operations."""
    if operation(node) in _FILLED_LIKE:
        return torch.full(tuple(node.meta["val"].shape), _FILLED_LIKE[operation(node)])
    arguments = [tracer.argument(value) for value in node.args]
    keywords = {name: tracer.argument(value) for name, value in node.kwargs.items()}
    if not any(_holds_traced(value) for value in [*arguments, *keywords.values()]):
        assert callable(node.target)
        return node.target(*arguments, **keywords)
    handler = SUPPORTED.get(operation(node))
    if handler is None:
        raise unsupported(tracer, node)
    result = handler(tracer, node, *arguments, **keywords)
    _note_in_place(tracer, node, result)
    return result


def _note_in_place(tracer: Tracer, node: Node, result: Any) -> None:
    """Let later users of a value that was changed in place see the change."""
    changed = node.args[0]
    if _in_place(node) and isinstance(changed, Node):
        after = set(list(node.graph.nodes)[list(node.graph.nodes).index(node) + 1 :])
        if any(user in after for alias in _aliases(changed) for user in alias.users if alias is not changed):
            raise tracer.refuse(node, "it changes in place what another layer reads", "use inplace=False")
        tracer.values[changed] = result


def _aliases(node: Node) -> set[Node]:
    """The nodes that share memory with `node`: views of it and what it is a view of."""
    root = node
    while operation(root) in _VIEWS and isinstance(root.args[0], Node):
        root = root.args[0]
    found, pending = set(), [root]
    while pending:
        alias = pending.pop()
        found.add(alias)
        pending += [user for user in alias.users if operation(user) in _VIEWS and user not in found]
    return found


def _holds_traced(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_traced(item) for item in value)
    return isinstance(value, Traced)


def trace(network: nn.Module, features: Sequence[str], border: str = "refuse") -> Program:
    """Trace a network of raw features [n, feature, y, x] -> logits [n, class, y', x'].

    Args:
        network: any module of supported layers; it is copied, put into evaluation, and not changed.
        features: the names of its input bands, in order.
        border: what to do with a layer that pads. `refuse` it, or take the network as it is in the
            `interior`, away from the border of a tensor: Earth Engine has no border to pad.

    Raises:
        ExportError: a layer is not supported, or the network is not per pixel.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    example = torch.zeros(2, len(features), HEIGHT, WIDTH)
    try:
        with torch.no_grad():
            exported = torch.export.export(network, (example,), strict=False)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExportError(
            f"cannot trace {type(network).__name__} on {len(features)} features of {HEIGHT} x {WIDTH} pixels: "
            f"{reason}; make forward() take one tensor [n, feature, y, x] and do without data-dependent Python"
        ) from error
    tensors: dict[str, Tensor] = {**exported.state_dict, **exported.constants}
    names = {spec.arg.name: spec.target for spec in exported.graph_signature.input_specs if spec.target is not None}
    tracer = Tracer(border)
    returned: Any = None
    needed = _needed(list(exported.graph.nodes))
    with torch.no_grad():
        for node in exported.graph.nodes:
            if node not in needed:
                continue
            if node.op == "placeholder":
                if node.name in names:
                    tracer.values[node] = tensors[names[node.name]].detach()
                else:
                    tracer.values[node] = Traced(Input("input", tuple(features)), 0, 0, HEIGHT, WIDTH)
            elif node.op == "output":
                returned = tracer.argument(node.args[0])
            else:
                tracer.values[node] = _computed(tracer, node)
    return _program(returned, tracer)


def _needed(nodes: list[Node]) -> set[Node]:
    """The nodes that the output depends on, by value: what only lends its shape need not be supported."""
    needed = {node for node in nodes if node.op == "output" or _in_place(node)}
    for node in reversed(nodes):
        if node in needed and operation(node) not in _FILLED_LIKE:
            needed.update(node.all_input_nodes)
    return needed


def _in_place(node: Node) -> bool:
    name = str(getattr(node.target, "_opname", ""))
    return name.endswith("_") and not name.endswith("__") and bool(node.args) and isinstance(node.args[0], Node)


def _program(returned: Any, tracer: Tracer) -> Program:
    """Check what the module returned and close the program."""
    if not isinstance(returned, list) or len(returned) != 1 or not isinstance(returned[0], Traced):
        raise ExportError("the network must return one tensor that depends on its input: the logits [n, class, y, x]")
    value = returned[0]
    margins = {value.top, value.left, HEIGHT - value.top - value.height, WIDTH - value.left - value.width}
    if value.last or len(margins) != 1:
        raise ExportError(
            "the network's output is not centred on its input [n, class, y, x]; use centre crops and odd, square "
            "overall margins, channels second"
        )
    return _filled(Program(value.op, margins.pop(), tuple(tracer.notes)))


def _filled(program: Program) -> Program:
    """Make sure that masked pixels are filled before anything looks at a neighbour or joins values.

    A network without `nan_to_num` is taken as one on standardised values: masked counts as 0.
    """
    has_fill = any(isinstance(op, Fill) for op in program.ordered())
    if not has_fill:
        return program.rewritten(lambda op: Fill(op.place, op) if isinstance(op, Input) else op)
    raw: set[int] = set()
    for op in program.ordered():
        if isinstance(op, Input) or (isinstance(op, Affine) and id(op.source) in raw):
            raw.add(id(op))
        elif not isinstance(op, Fill) and any(id(source) in raw for source in op.inputs):
            raise ExportError(f"{op.place} reads the input before its masked pixels are filled; call nan_to_num first")
        elif isinstance(op, Fill) and id(op.source) not in raw:
            raise ExportError(f"{op.place} fills NaN after a layer; fill right after the standardisation instead")
    return program
