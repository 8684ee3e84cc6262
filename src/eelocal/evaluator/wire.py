"""The form of a serialized expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eelocal.errors import bad_request

KINDS = (
    "constantValue",
    "arrayValue",
    "dictionaryValue",
    "functionDefinitionValue",
    "functionInvocationValue",
    "argumentReference",
    "valueReference",
    "bytesValue",
    "integerValue",
)


def truth(value: Any) -> bool:
    """Return whether a condition holds: null, false, zero and empty strings do not."""
    return value is not None and value is not False and value != 0 and value != ""


def kind_of(node: Any) -> tuple[str, Any]:
    """Return a value's kind and content.

    Raises:
        EEError: where it is of none.
    """
    if isinstance(node, dict):
        for kind in KINDS:
            if kind in node:
                return kind, node[kind]
    raise bad_request("Invalid expression: a value is not of a known kind.")


def children(kind: str, content: Any) -> Sequence[Any]:
    """Return the values that a value holds directly."""
    if kind == "arrayValue":
        return content.get("values", []) or []
    if kind == "dictionaryValue":
        return list((content.get("values") or {}).values())
    if kind == "functionInvocationValue":
        return list((content.get("arguments") or {}).values())
    return ()


def references(node: Any, bodies: bool = False) -> Iterator[str]:
    """Yield the shared values that a value needs at once; those of functions it defines only if asked."""
    kind, content = kind_of(node)
    if kind == "valueReference":
        yield content
    elif kind == "functionDefinitionValue" and bodies:
        yield content["body"]
    elif kind == "functionInvocationValue" and "functionReference" in content:
        yield content["functionReference"]
    for child in children(kind, content):
        yield from references(child, bodies)
