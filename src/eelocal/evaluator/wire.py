"""The form of a serialized expression."""

from __future__ import annotations

import re
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


def check_form(node: Any) -> None:
    """Refuse a value that is not of the client's form, or holds one that is not; without recursion.

    Raises:
        EEError: for the first such value.
    """
    stack = [node]
    while stack:
        kind, content = kind_of(stack.pop())
        if not _FORMS.get(kind, _any)(content):
            raise bad_request(f"Invalid expression: a {kind} is not of its form.")
        stack.extend(children(kind, content))


def _any(content: Any) -> bool:
    return True


def _is_text(content: Any) -> bool:
    return isinstance(content, str)


def _is_call(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    names = [content[key] for key in ("functionName", "functionReference") if key in content]
    return len(names) == 1 and isinstance(names[0], str) and isinstance(content.get("arguments") or {}, dict)


def _is_function(content: Any) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("body"), str):
        return False
    names = content.get("argumentNames") or []
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _is_whole(content: Any) -> bool:
    return isinstance(content, int) or (
        isinstance(content, str) and re.fullmatch(r"-?[0-9]{1,20}", content) is not None
    )


_FORMS = {
    "arrayValue": lambda content: isinstance(content, dict) and isinstance(content.get("values") or [], list),
    "dictionaryValue": lambda content: isinstance(content, dict) and isinstance(content.get("values") or {}, dict),
    "functionDefinitionValue": _is_function,
    "functionInvocationValue": _is_call,
    "argumentReference": _is_text,
    "valueReference": _is_text,
    "integerValue": _is_whole,
}


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
