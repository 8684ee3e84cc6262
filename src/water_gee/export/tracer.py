"""What a graph is walked with: values that depend on the image, and the walker that the table of layers asks."""

import operator
from dataclasses import dataclass
from typing import Any

from torch.fx import Node

from water_gee.errors import ExportError
from water_gee.export.ir import Op


@dataclass(frozen=True)
class Traced:
    """A value of the module that depends on the image.

    Attributes:
        op: the operation that makes it.
        top: rows by which its first row lies below the input's first, in pixels; likewise the others.
        last: whether its channels are its last axis (after a permute), not its second.
    """

    op: Op
    top: int
    left: int
    height: int
    width: int
    last: bool = False

    @property
    def axis(self) -> int:
        """The axis of the channels."""
        return 3 if self.last else 1

    def same_pixels(self, other: "Traced") -> bool:
        """Whether both have their pixels in the same places of the image."""
        mine = (self.top, self.left, self.height, self.width, self.last)
        return mine == (other.top, other.left, other.height, other.width, other.last)


class Tracer:
    """The values of an exported graph so far; the functions of `layers` ask it for places and refusals."""

    def __init__(self, border: str) -> None:
        self.border = border
        self.notes: list[str] = []
        self.values: dict[Node, Any] = {}

    def place(self, node: Node) -> str:
        """The qualified name of the module that `node` came from."""
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        name, kind = stack[-1] if stack else ("", "")
        kind = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
        return f"{name or 'the module itself'} ({kind.rsplit('.', 1)[-1] or 'function'})"

    def refuse(self, node: Node, reason: str, instead: str) -> ExportError:
        """The error for an operation that cannot be carried over."""
        return ExportError(f"cannot export {operation(node)} at {self.place(node)}: {reason}; {instead}")

    def argument(self, value: Any) -> Any:
        """What an argument of a node stands for: a Traced value, a tensor, or itself."""
        if isinstance(value, Node):
            return self.values[value]
        if isinstance(value, list | tuple):
            return [self.argument(item) for item in value]
        return value


def operation(node: Node) -> str:
    """The bare name of a node's operation: `conv2d` for `aten.conv2d.default`, `relu` for `aten.relu_`."""
    if node.op != "call_function":
        return node.op
    if node.target is operator.getitem:
        return "getitem"
    name = str(getattr(node.target, "_opname", getattr(node.target, "__name__", node.target)))
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name
