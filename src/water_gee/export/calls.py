"""A graph of Earth Engine calls, built once and rendered for the Python client or as JavaScript.

The forms write networks in these calls, so that `expression.json` and `code_editor.js` say the same thing
by construction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

Value = Union["Call", "Name", "Function", bool, int, float, str, None, list[Any], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Name:
    """A value that whoever renders the graph provides, such as the input image."""

    name: str


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an Earth Engine algorithm, as the catalogue of algorithms names it.

    Attributes:
        function: for instance `Image.add`; the first argument is the object it is a method of.
        arguments: in the order of the algorithm's signature; None leaves one out.
        label: a readable name for the script, not needed to be unique.
    """

    function: str
    arguments: tuple[Value, ...]
    label: str = ""


@dataclass(frozen=True, eq=False)
class Function:
    """A function to be mapped over a collection."""

    parameters: tuple[str, ...]
    body: Value


Node = Call | Name | Function


def call(function: str, *arguments: Value, label: str = "") -> Call:
    """Make a call."""
    return Call(function, arguments, label)


def image(method: str, subject: Value, *arguments: Value, label: str = "") -> Call:
    """Call a method of `ee.Image`."""
    return Call(f"Image.{method}", (subject, *arguments), label)


def array(values: Any) -> Call:
    """A constant array of numbers, at its shortest exact decimals."""
    return call("Array", shortest(values))


def constant(values: Any) -> Call:
    """A constant image, a band a value."""
    return image("constant", shortest(values))


def shortest(values: Any) -> Any:
    """Numbers as Python writes them shortest: whole numbers as int, float32 numbers at float32's decimals.

    `float(str(np.float32(v)))` is the double nearest to the shortest decimal that float32 reads back as v,
    and `json` prints it as that decimal.
    """
    import numpy as np  # here, so that `load` needs nothing but the client

    if isinstance(values, np.ndarray):
        return [shortest(value) for value in values] if values.ndim else shortest(float(values))
    if isinstance(values, list | tuple):
        return [shortest(value) for value in values]
    value = float(values)
    if value.is_integer() and abs(value) < 1e6:
        return int(value)
    single = np.float32(value)
    return float(str(single)) if float(single) == value else value


def children(value: Value) -> Iterator[Node]:
    """The calls, names and functions directly inside a value."""
    parts: Any = ()
    if isinstance(value, Call):
        parts = value.arguments
    elif isinstance(value, Function):
        parts = (value.body,)
    elif isinstance(value, list | dict):
        parts = value if isinstance(value, list) else value.values()
    for part in parts:
        if isinstance(part, Call | Name | Function):
            yield part
        elif isinstance(part, list | dict):
            yield from children(part)


def ordered(*roots: Node) -> list[Node]:
    """Every node that `roots` need, arguments first; no recursion, a graph may be deep."""
    done: dict[int, Node] = {}
    for root in roots:
        stack: list[tuple[Node, Iterator[Node]]] = [(root, children(root))]
        while stack:
            node, pending = stack[-1]
            following = next((part for part in pending if id(part) not in done), None)
            if following is None:
                done[id(node)] = node
                stack.pop()
            else:
                stack.append((following, children(following)))
    return list(done.values())


def to_ee(root: Call, names: Mapping[str, Any]) -> Any:
    """Build the graph with the Earth Engine client; `names` gives the objects that stand for names."""
    import ee
    from ee import encodable

    class Numbers(encodable.Encodable):  # type: ignore[misc]  # the client has no types
        """Numbers that are encoded as they are: the client would look at each of thousands of weights."""

        def __init__(self, values: list[Any]) -> None:
            self.values = values

        def encode(self, encoder: Any) -> Any:
            """For the client's old format."""
            return self.values

        def encode_cloud_value(self, encoder: Any) -> Any:
            """What the client makes of a list of numbers, too."""
            return {"constantValue": self.values}

    built: dict[int, Any] = {}

    def convert(value: Value) -> Any:
        if isinstance(value, Call | Name):
            return built[id(value)]
        return [convert(item) for item in value] if isinstance(value, list) and _has_calls(value) else value

    for node in ordered(root):
        if isinstance(node, Name):
            built[id(node)] = names[node.name]
        elif isinstance(node, Call):
            arguments = [convert(argument) for argument in node.arguments]
            if node.function == "Array" and isinstance(arguments[0], list):
                arguments[0] = Numbers(arguments[0])
            built[id(node)] = ee.ApiFunction.lookup(node.function).call(*arguments)
    return built[id(root)]


def _has_calls(values: list[Any]) -> bool:
    return any(isinstance(value, Call | Name) or (isinstance(value, list) and _has_calls(value)) for value in values)
