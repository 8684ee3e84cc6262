"""What a graph is walked with: the values so far, places for messages, and the refusal of what cannot be carried."""

import operator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from water_gee.errors import ExportError
from water_gee.export.ir import Op
from water_gee.export.registry import OTHERWISE, REFUSED, SUPPORTED, Supported
from water_gee.export.traced import AxesError, Traced


class Tracer:
    """The values of an exported graph so far; handlers ask it for places, sizes and refusals of the node at hand.

    Attributes:
        border: what to do with a layer that pads, `refuse` or `interior`.
        notes: what whoever deploys the network should know.
        values: a Traced, a tensor or a plain value by node.
        node: the node at hand.
    """

    def __init__(self, border: str) -> None:
        self.border = border
        self.notes: list[str] = []
        self.values: dict[Node, Any] = {}
        self.node: Node

    @property
    def place(self) -> str:
        """The qualified name of the module that the node at hand came from."""
        stack = list((self.node.meta.get("nn_module_stack") or {}).values())
        name, kind = stack[-1] if stack else ("", "")
        kind = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
        return f"{name or 'the module itself'} ({kind.rsplit('.', 1)[-1] or 'function'})"

    @property
    def line(self) -> str:
        """Where in the user's own code the node at hand was made: `, net.py:12`, or nothing."""
        own = ""
        for line in str(self.node.meta.get("stack_trace") or "").splitlines():
            file, _, rest = line.strip().partition('", line ')
            path = Path(file.removeprefix('File "'))
            own_code = "torch" not in path.parts and not path.is_relative_to(Path(__file__).parent)
            if rest and own_code and path.suffix == ".py":
                own = f", {path.name}:{rest.split(',')[0]}"
        return own

    @property
    def words(self) -> str:
        """What people call the operation of the node at hand."""
        name = operation(self.node)
        if name in SUPPORTED:
            return SUPPORTED[name].words
        return REFUSED[name][0] if name in REFUSED else name

    def refuse(self, reason: str, instead: str) -> ExportError:
        """The error for an operation that cannot be carried over."""
        return ExportError(f"cannot export {self.words} at {self.place}{self.line}: {reason}; {instead}")

    def unsupported(self) -> ExportError:
        """The refusal of an operation that is not in the table."""
        return self.refuse("it is not supported", REFUSED.get(operation(self.node), ("", OTHERWISE))[1])

    def shape(self, which: Node | None = None) -> tuple[int, ...]:
        """The shape of a node's tensor, the one at hand unless another is given."""
        found: Any = (self.node if which is None else which).meta["val"]
        return tuple(int(side) for side in found.shape)

    @property
    def source_shape(self) -> tuple[int, ...]:
        """The shape of the first tensor that the node at hand reads."""
        return self.shape(self.node.all_input_nodes[0])

    def argument(self, value: Any) -> Any:
        """What an argument of a node stands for: a Traced value, a tensor, or itself."""
        if isinstance(value, Node):
            return self.values[value]
        if isinstance(value, list | tuple):
            return [self.argument(item) for item in value]
        return value

    def image(self, value: Any) -> Op:
        """Return the channels of a value that must be [n, channel, y, x]."""
        if not isinstance(value, Traced):
            raise self.refuse("it reads no value of the image", "leave it out, or compute it beforehand")
        if not value.is_image:
            raise self.refuse("its input is not [n, channel, y, x]", "bring it back to this order before")
        return value.channels(self.place)

    def image_of(self, op: Op, like: Traced) -> Traced:
        """Return the channels of an operation as [n, channel, y, x] on the pixels of another value."""
        return like.of(op, np.arange(op.channels, dtype=np.int64), ("n", "c", "y", "x"))

    def compute(self, node: Node) -> Any:
        """Compute one node that depends on the image, by the table of supported operations.

        Raises:
            ExportError: it is not supported, or not with these arguments.
        """
        self.node = node
        if node.op == "call_function" and node.target is operator.getitem:
            parts, index = (self.argument(value) for value in node.args)
            return parts[index]
        entry = SUPPORTED.get(operation(node))
        if entry is None:
            raise self.unsupported()
        self._check_type()
        try:
            return entry.handler(self, **self._arguments(entry))
        except AxesError as error:
            raise self.refuse(str(error), "only what is the same at every pixel can be carried over") from error
        except ExportError:
            raise
        except Exception as error:  # arguments that no handler has thought of
            told = " ".join(str(error).split())[:120]
            raise self.refuse(f"its arguments are not understood here ({told})", OTHERWISE) from error

    def _arguments(self, entry: Supported) -> dict[str, Any]:
        """The arguments by name that a handler takes; any other must be at its default."""
        schema: Any = node_schema(self.node)
        given = {argument.name: value for argument, value in zip(schema, self.node.args, strict=False)}
        given.update(self.node.kwargs)
        found: dict[str, Any] = {}
        for argument in schema:
            if argument.name not in given and not argument.has_default_value():
                continue
            value = self.argument(given.get(argument.name, getattr(argument, "default_value", None)))
            if argument.name in entry.arguments:
                found[argument.name] = value
            elif argument.name in given and argument.name not in entry.ignored and value != argument.default_value:
                raise self.refuse(f"its argument {argument.name}={value} is not carried over", "leave it out")
        return found

    def _check_type(self) -> None:
        found = self.node.meta.get("val")
        for one in found if isinstance(found, list | tuple) else [found]:
            if isinstance(one, Tensor) and (one.dtype in (torch.float16, torch.bfloat16) or one.is_complex()):
                raise self.refuse(f"it computes in {str(one.dtype).removeprefix('torch.')}", "compute in float32")


def node_schema(node: Node) -> Any:
    """The arguments that an operation takes."""
    return getattr(getattr(node.target, "_schema", None), "arguments", [])


def operation(node: Node) -> str:
    """The bare name of a node's operation: `conv2d` for `aten.conv2d.default`, `relu` for `aten.relu_`."""
    if node.op != "call_function":
        return node.op
    if node.target is operator.getitem:
        return "getitem"
    name = str(getattr(node.target, "_opname", getattr(node.target, "__name__", node.target)))
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name
