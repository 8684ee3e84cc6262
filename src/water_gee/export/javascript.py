"""Calls of Earth Engine as a JavaScript program for the Code Editor.

Rendering goes from the same graph that the Python client builds, so the script cannot say anything else. What
this module knows is the JavaScript client's grammar: what is a method, what a constructor, and where it casts.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from water_gee.export.algorithms import parameters, signature
from water_gee.export.calls import Call, Function, Name, Value, children

INDENT = "  "
LINE = 100  # characters a line, roughly
_SHORT, _LONG, _DEPTH = 30, 400, 4  # shared values longer, values longer, values nested deeper get a name
_RESERVED = {
    "and", "or", "not", "image", "ee", "Map", "Export", "print", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "delete", "do", "else", "enum", "export", "extends", "false", "finally", "for", "function",
    "if", "import", "in", "instanceof", "new", "null", "return", "super", "switch", "this", "throw", "true", "try",
    "typeof", "var", "void", "while", "with", "yield",
}  # fmt: skip
_SPREAD = {"Filter.and", "Filter.or"}


@dataclass
class _Scope:
    """A function body, or the script itself: the statements so far and the names they define."""

    parameters: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)


class Writer:
    """Turns graphs into statements; names it has given stay known, so several graphs share them.

    Args:
        identifiers: what the script calls constants of the graph, texts or lists, that it declares as variables.
    """

    def __init__(self, identifiers: Mapping[str, Any] | None = None) -> None:
        self.identifiers = {_literal(value): name for name, value in (identifiers or {}).items()}
        self.scope = _Scope()
        self.taken: Counter[str] = Counter(_RESERVED | set(self.identifiers.values()))
        self.uses: Counter[int] = Counter()
        self.depends: dict[int, frozenset[str]] = {}
        self.roots: list[Value] = []  # kept alive: nodes are known by their id, which a later one would take over

    def write(self, root: Value, name: str) -> str:
        """Return the statements that make `root`, the last one `var name = ...;`."""
        self.roots.append(root)
        self.taken[name] += 1
        for node in _everything(root):
            for child in children(node):
                self.uses[id(child)] += 1
        self.scope.lines = []
        text = self._call(root, self.scope, 0) if isinstance(root, Call) else self._expression(root, self.scope)
        self.scope.lines.append(f"var {name} = {text};")
        if isinstance(root, Call | Name):
            self.scope.names[id(root)] = name
        return "\n".join(self.scope.lines)

    def _expression(self, value: Value, scope: _Scope, depth: int = 0) -> str:
        if isinstance(value, Name):
            return self.scope.names.get(id(value), value.name)
        if isinstance(value, Function):
            return self._function(value, scope)
        if isinstance(value, str | list) and self.identifiers:
            known = self.identifiers.get(_literal(value)) if not list(children(value)) else None
            if known is not None:
                return known
        if isinstance(value, list):
            return self._list([self._expression(item, scope, depth + 1) for item in value])
        if isinstance(value, dict):
            inside = ", ".join(f"{key}: {self._expression(item, scope, depth + 1)}" for key, item in value.items())
            return f"{{{inside}}}"
        if not isinstance(value, Call):
            return _literal(value)
        known = scope.names.get(id(value)) or self.scope.names.get(id(value))
        if known is not None:
            return known
        home = scope if self._dependence(value) & set(scope.parameters) else self.scope
        text = self._call(value, home, depth)
        shared = self.uses[id(value)] > 1 and len(text) > _SHORT
        plain = value.function in ("Array", "Image.constant") and not value.label and not shared
        if plain or not (value.label or shared or depth > _DEPTH or len(text) > _LONG) or not value.arguments:
            return text
        name = self._fresh(value)
        home.lines.append(f"var {name} = {text};")
        home.names[id(value)] = name
        return name

    def _dependence(self, value: Value) -> frozenset[str]:
        """The parameters of functions that a value depends on."""
        if id(value) in self.depends:
            return self.depends[id(value)]
        for node in _everything(value):
            if id(node) not in self.depends:
                inside = frozenset({node.name}) if isinstance(node, Name) else frozenset()
                for child in children(node):
                    inside |= self.depends[id(child)]
                self.depends[id(node)] = inside - set(node.parameters) if isinstance(node, Function) else inside
        return self.depends.get(id(value), frozenset())

    def _function(self, function: Function, scope: _Scope) -> str:
        inner = _Scope(function.parameters)
        text = self._expression(function.body, inner)
        body = "\n".join([*inner.lines, f"return {text};"]).replace("\n", "\n" + INDENT)
        return f"function({', '.join(function.parameters)}) {{\n{INDENT}{body}\n}}"

    def _fresh(self, value: Call) -> str:
        words = re.sub(r" \(.*?\)", "", value.label or _natural_name(value))  # a place says its class in brackets
        name = re.sub(r"\W+", "_", words.replace("-", "minus"))
        name = f"layer_{name}" if name[0].isdigit() else name
        self.taken[name] += 1
        return name if self.taken[name] == 1 else f"{name}_{self.taken[name]}"

    def _list(self, items: list[str]) -> str:
        if any("\n" in item or len(item) > LINE // 2 for item in items):
            return "[" + f",\n{INDENT}".join(items) + "]"
        lines, line = [], ""
        for item in items:
            if line and len(line) + len(item) > LINE:
                lines.append(line.rstrip())
                line = ""
            line += f"{item}, "
        return "[" + f"\n{INDENT}".join([*lines, line.removesuffix(", ")]) + "]"

    def _call(self, value: Call, scope: _Scope, depth: int) -> str:
        arguments = list(value.arguments)
        group, _, method = value.function.rpartition(".")
        if value.function in ("Image.load", "ImageCollection.load"):
            return f"ee.{group}({self._expression(arguments[0], scope)})"
        if value.function == "Image.constant":
            inner = arguments[0]
            make = "ee.Image" if isinstance(inner, Call) or isinstance(inner, int | float) else "ee.Image.constant"
            return f"{make}({self._expression(inner, scope, depth + 1)})"
        if value.function in _SPREAD and isinstance(arguments[0], list):
            parts = [self._expression(item, scope, depth + 1) for item in arguments[0]]
            return f"ee.{value.function}{self._brackets(parts)}"
        if group == "GeometryConstructors":
            return self._geometry(method, value, scope)
        if value.function == "Filter.equals" and len(arguments) == 2 and None not in arguments:
            return f"ee.Filter.eq{self._brackets(self._parts(arguments, [], scope, depth))}"
        if group == "AggregateFeatureCollection":
            return (
                f"{self._expression(arguments[0], scope)}.aggregate_{method}({self._expression(arguments[1], scope)})"
            )
        if value.function == "Collection.limit" and arguments[1] is None:
            by = self._brackets(self._parts(arguments[2:], [], scope, depth))
            return f"{self._expression(arguments[0], scope)}.sort{by}"
        dates = _date_range(value)
        if dates is not None:
            return f"ee.Filter.date({', '.join(self._expression(item, scope) for item in dates)})"
        return self._api(value, scope, depth, group, method)

    def _geometry(self, kind: str, value: Call, scope: _Scope) -> str:
        given = dict(zip(parameters(value.function), value.arguments, strict=False))
        shape = f"{{type: '{kind}', coordinates: {self._expression(given['coordinates'], scope)}}}"
        crs = given.get("crs")
        name = crs.arguments[0] if isinstance(crs, Call) else crs
        geodesic = given.get("geodesic")
        rest = [self._expression(name, scope)] if name is not None or geodesic is not None else []
        rest += [_literal(geodesic)] if geodesic is not None else []
        return f"ee.Geometry({', '.join([shape, *rest])})"

    def _api(self, value: Call, scope: _Scope, depth: int, group: str, method: str) -> str:
        names = parameters(value.function)
        arguments = list(value.arguments)
        while arguments and arguments[-1] is None:
            arguments.pop()
        if not group:
            return f"ee.{method}{self._brackets(self._parts(arguments, names, scope, depth))}"
        if not _is_method(value.function):
            return f"ee.{group}.{method}{self._brackets(self._parts(arguments, names, scope, depth))}"
        wanted = _class_of(value.function)
        subject = self._expression(arguments[0], scope, depth)
        if _class(arguments[0]) != wanted:
            subject = f"ee.{wanted}({subject})"
        call = f".{method}{self._brackets(self._parts(arguments[1:], names[1:], scope, depth))}"
        short = len(subject.rsplit("\n", 1)[-1]) + len(call) <= LINE
        return subject + call if short else f"{subject}\n{INDENT * 2}{call}"

    def _parts(self, values: list[Value], names: list[str], scope: _Scope, depth: int) -> list[str]:
        """The arguments in order; by name where one before the last is left out."""
        if None in values:
            given = [(name, item) for name, item in zip(names, values, strict=False) if item is not None]
            inside = ", ".join(f"{name}: {self._argument(item, scope, depth)}" for name, item in given)
            return [f"{{{inside}}}"]
        return [self._argument(item, scope, depth) for item in values]

    def _argument(self, value: Value, scope: _Scope, depth: int) -> str:
        # A constant image needs no constructor where an image is expected.
        if isinstance(value, Call) and value.function == "Image.constant" and not value.label:
            inner = value.arguments[0]
            if isinstance(inner, int | float):
                return _literal(inner)
        return self._expression(value, scope, depth + 1)

    def _brackets(self, parts: list[str]) -> str:
        text = ", ".join(parts)
        if len(text) < LINE or len(parts) == 1 or "function(" in text:
            return f"({text})"
        inside = (",\n" + INDENT * 2).join(part.replace("\n", "\n" + INDENT) for part in parts)
        return f"(\n{INDENT * 2}{inside})"


def _everything(root: Value) -> Iterator[Any]:
    from water_gee.export.calls import ordered

    roots = [root] if isinstance(root, Call | Name | Function) else list(children(root))
    yield from ordered(*roots)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)


_SAME_COLLECTION = {"Collection.filter", "Collection.map", "Collection.merge", "Collection.limit"}
_CLASSES = {"Collection": "ImageCollection", "reduce": "ImageCollection", "Element": "Image"}


def _class_of(function: str) -> str:
    group = function.rpartition(".")[0]
    return _CLASSES.get(group, group)


def _is_method(function: str) -> bool:
    group = function.rpartition(".")[0]
    arguments = signature(function).parameters
    if not arguments or group in ("Terrain", "Kernel"):
        return False
    return arguments[0][1] in (group, _class_of(function), "Element") or group in ("reduce", "Collection")


def _class(value: Value) -> str:
    """The JavaScript class of a value, as its client would cast it."""
    if isinstance(value, Name):
        return "Image"
    if not isinstance(value, Call):
        return type(value).__name__
    if value.function in _SAME_COLLECTION:
        return "ImageCollection"
    returns = signature(value.function).returns
    return _CLASSES.get(returns, returns) if returns != "Element" else "Element"


def _date_range(value: Call) -> list[Value] | None:
    """The two dates, if a filter is what `ee.Filter.date` makes."""
    if value.function != "Filter.dateRangeContains":
        return None
    ranges = [item for item in value.arguments if isinstance(item, Call) and item.function == "DateRange"]
    return list(ranges[0].arguments[:2]) if len(ranges) == 1 and "system:time_start" in value.arguments else None


def _natural_name(value: Call) -> str:
    """What a person might call a value: the one band it is renamed to, or what is done to it."""
    if value.function in ("Image.rename", "Image.select"):
        names = value.arguments[-1]
        if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
            return names[0]
    return _NATURAL.get(value.function, value.function.rpartition(".")[2])


_NATURAL = {
    "Collection.filter": "scenes",
    "Collection.map": "looks",
    "Image.reproject": "onStudyPixels",
    "Image.addBands": "bands",
    "Image.neighborhoodToBands": "neighbours",
    "Image.select": "selected",
    "Image.max": "largest",
}
