"""Calls as the JSON that Earth Engine's client makes of them, and back: no client is needed to write it."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from water_gee.export.algorithms import parameters, signature
from water_gee.export.calls import Call, Function, Name, Value, ordered

_NESTED = 20  # calls inside calls, at most: the client nests no more than 50, and parsers of JSON have limits too


class _Writer:
    """Numbers equal calls alike, and gives an entry of its own to each that is used twice or lies deep."""

    def __init__(self, root: Call) -> None:
        self.numbers: dict[int, int] = {}  # of calls, by identity
        self.uses: Counter[int] = Counter()
        self.entries: dict[str, Any] = {"0": None}
        self.written: dict[int, tuple[Any, int]] = {}  # by number: the text, and how deep it nests
        known: dict[tuple[Any, ...], int] = {}
        for node in ordered(root):
            if isinstance(node, Call):
                key = (node.function, *(self._key(argument) for argument in node.arguments))
                new = key not in known
                self.numbers[id(node)] = known.setdefault(key, len(known))
                if new:
                    self.uses.update(self.numbers[id(part)] for part in _calls(node.arguments))

    def _key(self, value: Value) -> Any:
        if isinstance(value, Call):
            return ("call", self.numbers[id(value)])
        if isinstance(value, Name):
            return ("name", value.name)
        if isinstance(value, list) and any(True for _ in _calls(value)):
            return tuple(self._key(item) for item in value)
        return json.dumps(value)

    def write(self, root: Call) -> str:
        for node in ordered(root):
            if isinstance(node, Call) and self.numbers[id(node)] not in self.written:
                self._write(node)
        return self._entry(self.written[self.numbers[id(root)]][0])

    def _write(self, node: Call) -> None:
        number = self.numbers[id(node)]
        given = {
            name: self._value(argument, kind)
            for (name, kind), argument in zip(signature(node.function).parameters, node.arguments, strict=False)
            if argument is not None
        }
        depth = 1 + max((self.written[self.numbers[id(part)]][1] for part in _calls(node.arguments)), default=0)
        text: Any = {"functionInvocationValue": {"functionName": node.function, "arguments": given}}
        if self.uses[number] > 1 or depth > _NESTED:
            text, depth = {"valueReference": self._entry(text)}, 0
        self.written[number] = text, depth

    def _value(self, value: Value, kind: str = "") -> Any:
        if kind == "Image" and isinstance(value, int | float):  # as the client makes an image of a number
            arguments = {"value": {"constantValue": value}}
            return {"functionInvocationValue": {"functionName": "Image.constant", "arguments": arguments}}
        if isinstance(value, Call):
            return self.written[self.numbers[id(value)]][0]
        if isinstance(value, Name):
            return {"argumentReference": value.name}
        if isinstance(value, list) and any(True for _ in _calls(value)):
            return {"arrayValue": {"values": [self._value(item) for item in value]}}
        return {"constantValue": value}

    def _entry(self, text: Any) -> str:
        if set(text) == {"valueReference"}:
            return str(text["valueReference"])
        key = str(len(self.entries))
        self.entries[key] = text
        return key


def _calls(values: Any) -> Any:
    for value in values:
        if isinstance(value, Call):
            yield value
        elif isinstance(value, list):
            yield from _calls(value)


def function_expression(body: Call, parameter: Name) -> dict[str, Any]:
    """Return a function of one image as the client would serialise it: `result`, and `values` by their keys."""
    writer = _Writer(body)
    key = writer.write(body)
    writer.entries["0"] = {"functionDefinitionValue": {"argumentNames": [parameter.name], "body": key}}
    return {"result": "0", "values": writer.entries}


def from_expression(expression: Mapping[str, Any]) -> Value:
    """Read a serialized expression of the client back into calls, sharing what it shares.

    A function's parameter keeps its name; `image` in place of the client's generated one.
    """
    nodes: Mapping[str, Any] = expression["values"]
    known: dict[str, Value] = {}

    def read(node: Mapping[str, Any]) -> Value:
        if "valueReference" in node:
            return referred(node["valueReference"])
        if "constantValue" in node:
            constant_value: Value = node["constantValue"]
            return constant_value
        if "integerValue" in node:
            return int(node["integerValue"])
        if "argumentReference" in node:
            return Name(_readable(node["argumentReference"]))
        if "arrayValue" in node:
            return [read(item) for item in node["arrayValue"]["values"]]
        if "dictionaryValue" in node:
            return {key: read(item) for key, item in node["dictionaryValue"]["values"].items()}
        if "functionDefinitionValue" in node:
            definition = node["functionDefinitionValue"]
            return Function(tuple(map(_readable, definition["argumentNames"])), referred(definition["body"]))
        invocation = node["functionInvocationValue"]
        given = {name: read(item) for name, item in invocation["arguments"].items()}
        order = parameters(invocation["functionName"])
        last = max((index for index, name in enumerate(order) if name in given), default=-1)
        return Call(invocation["functionName"], tuple(given.get(name) for name in order[: last + 1]))

    def referred(key: str) -> Value:
        if key not in known:
            known[key] = read(nodes[key])
        return known[key]

    # In the order in which they are written, arguments first: a deep graph would exhaust the recursion.
    for key, node in nodes.items():
        if "functionDefinitionValue" not in node:
            referred(key)
    return referred(expression["result"])


def _readable(name: str) -> str:
    return "scene" if name.startswith("_MAPPING_VAR_0_") else name.replace("_MAPPING_VAR", "item").lower()
