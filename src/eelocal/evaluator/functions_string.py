"""Text."""

from __future__ import annotations

import json
import re
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator.encode import encode
from eelocal.evaluator.registry import Context, implements


@implements("List.map", context=True)
def map_(context: Context, items: list[Any], function: Any, drop: bool) -> list[Any]:
    """A function of each element."""
    out = [context.apply(function, [item]) for item in items]
    return [item for item in out if item is not None] if drop else out


@implements("List.iterate", context=True)
def iterate(context: Context, items: list[Any], function: Any, first: Any) -> Any:
    """A function of each element and the last result."""
    result = first
    for item in items:
        result = context.apply(function, [item, result])
    return result


def text(value: Any) -> str:
    """Return a value as text."""
    if isinstance(value, str):
        return value
    encoded = encode(value)
    return str(encoded) if isinstance(encoded, int | float) else json.dumps(encoded)


@implements("String")
def string(value: Any) -> str:
    """A value as text."""
    return text(value)


@implements("String.cat")
def string_cat(first: str, second: str) -> str:
    """One behind the other."""
    return first + second


@implements("String.length")
def string_length(value: str) -> int:
    """The number of characters."""
    return len(value)


@implements("String.slice")
def string_slice(value: str, start: int, end: int | None) -> str:
    """From a position to before another."""
    return value[start:end]


@implements("String.split")
def split(value: str, pattern: str, flags: str) -> list[str]:
    """By a regular expression."""
    return re.split(pattern, value, flags=_flags(flags)) if pattern else list(value)


@implements("String.replace")
def replace(value: str, pattern: str, replacement: str, flags: str) -> str:
    """The first match of a regular expression, or with 'g' all."""
    python = re.sub(r"\$(\d+)", r"\\g<\1>", replacement)
    return re.sub(pattern, python, value, count=0 if "g" in flags else 1, flags=_flags(flags))


@implements("String.match")
def match(value: str, pattern: str, flags: str) -> list[str]:
    """The match and its groups, or with 'g' all matches."""
    if "g" in flags:
        return [found.group(0) for found in re.finditer(pattern, value, _flags(flags))]
    found = re.search(pattern, value, _flags(flags))
    return [] if found is None else [found.group(0), *(group or "" for group in found.groups())]


def _flags(flags: str) -> re.RegexFlag:
    return re.IGNORECASE if "i" in flags else re.RegexFlag(0)


@implements("String.index")
def string_index(value: str, part: str) -> int:
    """The first position, or -1."""
    return value.find(part)


@implements("String.rindex")
def string_rindex(value: str, part: str) -> int:
    """The last position, or -1."""
    return value.rfind(part)


@implements("String.toLowerCase")
def lower(value: str) -> str:
    """In small letters."""
    return value.lower()


@implements("String.toUpperCase")
def upper(value: str) -> str:
    """In capitals."""
    return value.upper()


@implements("String.trim")
def trim(value: str) -> str:
    """Without spaces around."""
    return value.strip()


@implements("String.equals")
def string_equals(value: str, other: Any) -> bool:
    """Whether it is the same text."""
    return bool(value == other)


@implements("String.compareTo")
def compare(value: str, other: str) -> int:
    """-1, 0 or 1 by the alphabet."""
    return (value > other) - (value < other)


@implements("String.encodeJSON")
def encode_json(value: Any) -> str:
    """A value as JSON text."""
    return json.dumps(encode(value), separators=(",", ":"))


@implements("String.decodeJSON")
def decode_json(value: str) -> Any:
    """The value of JSON text."""
    try:
        return json.loads(value)
    except ValueError:
        raise bad_request("The string is not valid JSON.") from None
