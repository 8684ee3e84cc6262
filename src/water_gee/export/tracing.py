"""From a torch module to the intermediate form, by `torch.export`.

torch.export runs the module on a stand-in of fixed size, so that any Python in `forward` (shapes, loops,
slices) is done with and what remains are tensor operations, each with the place in the module it came
from. Operations on constants alone are done here and now; the others go through the table of `operations`.

What Python made of the stand-in's size is baked in without a trace. So the module is run at several sizes, and one
that does not give the same network at all of them is refused.
"""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node

from water_gee.errors import ExportError
from water_gee.export import operations
from water_gee.export.boosted import made_of_layers
from water_gee.export.equality import same
from water_gee.export.ir import Input, Program
from water_gee.export.registry import SUPPORTED
from water_gee.export.traced import IMAGE, Places, Traced
from water_gee.export.tracer import Tracer, operation

assert operations.__all__  # importing it fills SUPPORTED
# The stand-in's size: odd, unequal so that a transposition shows, and wide enough for a reach of 128 pixels.
_SIZE = (2, 257, 259)
_LARGE = (3, 1031, 1543)
_FILLED_LIKE = {
    "ones_like": 1.0,
    "zeros_like": 0.0,
    "new_ones": 1.0,
    "new_zeros": 0.0,
    "full_like": None,
    "new_full": None,
}
_KEEP = {"detach_", "requires_grad_"}  # what changes no value, for all its name
_SILENT = {"_set_grad_enabled"}  # what changes no value


def trace(network: nn.Module, features: Sequence[str], border: str = "refuse") -> Program:
    """Trace a network of raw features [n, feature, y, x] -> scores of classes [n, class, y', x'].

    Args:
        network: any module of supported layers, in evaluation; it is not changed.
        features: the names of its input bands, in order.
        border: what to do with a layer that pads. `refuse` it, or take the network as it is in the
            `interior`, away from the border of a tensor: Earth Engine has no border to pad.

    Raises:
        ExportError: a layer is not supported, or the network is not per pixel.
    """
    if not isinstance(network, nn.Module):
        raise ExportError(
            f"cannot export {type(network).__name__} {getattr(network, '__name__', '')}".rstrip()
            + ": it is no torch.nn.Module; put the function into the forward() of one, with its weights as parameters"
        )
    with evaluated(network) as whole:
        whole = whole if whole is network else made_of_layers(whole)
        program = _traced(whole, features, border, _SIZE)
        small = (2, 2 * program.reach + 5, 2 * program.reach + 8)
        for size in (small, _LARGE):
            try:
                other = _traced(whole, features, border, size)
            except ExportError as error:
                raise ExportError(f"{_depends(network, size)} ({error})") from error
            if not same(program, other):
                raise ExportError(_depends(network, size))
    return program


def _depends(network: nn.Module, size: tuple[int, int, int]) -> str:
    return (
        f"cannot export {type(network).__name__}: on {size[0]} images of {size[1]} x {size[2]} pixels it is another "
        f"network than on {_SIZE[0]} of {_SIZE[1]} x {_SIZE[2]}; do without Python that asks for the input's size"
    )


@contextlib.contextmanager
def evaluated(network: nn.Module) -> Iterator[nn.Module]:
    """Give the network in evaluation, on the processor: a copy, or the network itself where it cannot be copied."""
    try:
        whole = copy.deepcopy(network).cpu().eval()
    except Exception:  # weight_norm keeps tensors that cannot be copied
        whole = network
    modes = [(module, module.training) for module in whole.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield whole
    finally:
        for module, training in modes:
            module.training = training


def _exported(network: nn.Module, bands: int, size: tuple[int, int, int]) -> Any:
    number, height, width = size
    types = {parameter.dtype for parameter in network.parameters() if parameter.is_floating_point()}
    if types & {torch.float16, torch.bfloat16}:
        raise ExportError(f"the weights of {type(network).__name__} are of half precision; call .float() on it before")
    # numpy writes its zeros when they are read, and here nothing reads them; torch.zeros writes 150 MB a network.
    example = torch.from_numpy(np.zeros((number, bands, height, width), np.float32))
    if torch.float64 in types:
        example = example.double()
    try:
        with torch.no_grad():
            return torch.export.export(network, (example,), strict=False)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExportError(
            f"cannot trace {type(network).__name__} on {bands} bands of {height} x {width} pixels: "
            f"{reason}; make forward() take one tensor [n, band, y, x] and do without Python that depends on its values"
        ) from error


def _traced(network: nn.Module, features: Sequence[str], border: str, size: tuple[int, int, int]) -> Program:
    exported = _exported(network, len(features), size)
    tensors: dict[str, Tensor] = {**exported.state_dict, **exported.constants}
    names = {spec.arg.name: spec.target for spec in exported.graph_signature.input_specs if spec.target is not None}
    tracer = Tracer(border)
    nodes = list(exported.graph.nodes)
    needed = _needed(nodes)
    returned: Any = None
    with torch.no_grad():
        for node in nodes:
            if node not in needed:
                continue
            if node.op == "placeholder":
                tracer.values[node] = _given(node, names, tensors, features, size)
            elif node.op == "output":
                returned = tracer.argument(node.args[0])
            else:
                tracer.values[node] = _computed(tracer, node)
    return _program(returned, tracer, size)


def _given(
    node: Node, names: dict[str, Any], tensors: dict[str, Tensor], features: Sequence[str], size: tuple[int, int, int]
) -> Any:
    """What a graph is given: the image, or a parameter or buffer of the module."""
    if node.name not in names:
        ids = np.arange(len(features), dtype=np.int64)
        return Traced(Input("input", tuple(features)), IMAGE, ids, 0, 0, size[1], size[2])
    tensor = tensors[names[node.name]].detach()
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise ExportError(
            f"cannot export {names[node.name]}: it holds NaN or infinite numbers; train the network again, or load "
            "weights that are whole"
        )
    return tensor


def _computed(tracer: Tracer, node: Node) -> Any:
    """Compute one node: with torch if it is constant, else by the table of supported operations."""
    tracer.node = node
    name = operation(node)
    if name in _SILENT:
        return None
    if name in _FILLED_LIKE:
        value = _FILLED_LIKE[name]
        fill: Any = node.args[-1] if value is None else value
        return torch.full((), fill).expand(tracer.shape())
    arguments = [tracer.argument(value) for value in node.args]
    keywords = {key: tracer.argument(value) for key, value in node.kwargs.items()}
    given = [*arguments, *keywords.values()]
    if name != "getitem" and any(_holds(value, Places) for value in given):
        raise tracer.refuse("it reads which channel is the largest", "return the scores of the classes instead")
    constant = not any(_holds(value, Traced) for value in given)
    if _in_place(node):
        _check_in_place(tracer, node)
    if constant:
        if not isinstance(node.target, torch._ops.OpOverload):
            raise tracer.unsupported()
        if torch.Tag.nondeterministic_seeded in node.target.tags:
            raise tracer.refuse("it draws at random at each call", "leave it out of the evaluation")
        return node.target(*arguments, **keywords)
    result = tracer.compute(node)
    if _in_place(node):
        changed: Any = node.args[0]
        if isinstance(result, Traced) and result.ids.shape != _channel_shape(tracer, changed, result):
            raise tracer.refuse("it changes in place a tensor of another shape", "make a new tensor")
        tracer.values[changed] = result
    return result


def _channel_shape(tracer: Tracer, changed: Node, result: Traced) -> tuple[int, ...]:
    return tuple(
        side for side, kind in zip(tracer.shape(changed), result.axes, strict=True) if kind == "c"
    )  # fmt: skip


def _check_in_place(tracer: Tracer, node: Node) -> None:
    """Refuse a change in place that another layer, or the next call, would see."""
    changed = node.args[0]
    if not isinstance(changed, Node):
        raise tracer.refuse("it changes a constant in place", "make a new tensor")
    nodes = list(node.graph.nodes)
    before, after = set(nodes[: nodes.index(node)]), set(nodes[nodes.index(node) + 1 :])
    aliases = _aliases(changed) & before
    if any(alias.op == "placeholder" and not isinstance(tracer.values.get(alias), Traced) for alias in aliases):
        raise tracer.refuse("it changes in place the network's own weights or buffers", "make a new tensor")
    if any(user in after for alias in aliases for user in alias.users if alias is not changed):
        raise tracer.refuse("it changes in place what another layer reads", "use inplace=False, or make a new tensor")


def _aliases(node: Node) -> set[Node]:
    """The nodes that may share memory with `node`: what it may be a view of, and what may be a view of that.

    An operation that is not known to make a new tensor may return the memory of any of its inputs.
    """
    found: set[Node] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if one in found:
            continue
        found.add(one)
        if _may_share(one):
            pending += one.all_input_nodes
        pending += [user for user in one.users if _may_share(user)]
    return found


def _may_share(node: Node) -> bool:
    if node.op != "call_function":
        return False
    name = operation(node)
    if name in _FILLED_LIKE:
        return False
    return _in_place(node) or name not in SUPPORTED or not SUPPORTED[name].fresh


def _holds(value: Any, kind: type) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds(item, kind) for item in value)
    return isinstance(value, kind)


def _needed(nodes: list[Node]) -> set[Node]:
    """The nodes that the output depends on, by value: what only lends its shape need not be supported."""
    needed = {node for node in nodes if node.op == "output" or _in_place(node)}
    for node in reversed(nodes):
        if node in needed and operation(node) not in _FILLED_LIKE:
            needed.update(node.all_input_nodes)
    return needed


def _in_place(node: Node) -> bool:
    name = str(getattr(node.target, "_opname", ""))
    return name.endswith("_") and not name.endswith("__") and bool(node.args) and name not in _KEEP


def _program(returned: Any, tracer: Tracer, size: tuple[int, int, int]) -> Program:
    """Check what the module returned and close the program."""
    if not isinstance(returned, list) or len(returned) != 1 or not isinstance(returned[0], Traced):
        raise ExportError(
            "the network must return one tensor that depends on its input, the scores of classes [n, class, y, x]; "
            "wrap it in a module that returns this one alone"
        )
    value = returned[0]
    if value.axes not in (IMAGE, ("n", "y", "x")):
        raise ExportError(
            "the network's output is not [n, class, y, x]; bring it to this order, as with permute(0, 3, 1, 2)"
        )
    if (2 * value.top, 2 * value.left) != (size[1] - value.height, size[2] - value.width):
        raise ExportError(
            "the network's output is not centred on its input [n, band, y, x]; use centre crops, the same on both sides"
        )
    output = value.channels(value.op.place)
    return Program(output, (value.top, value.left), tuple(dict.fromkeys(tracer.notes)))
