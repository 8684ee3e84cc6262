"""What pydantic finds wrong with settings, in one line that names the key and the fix."""

import difflib
import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

Location = tuple[Any, ...]


def one_line(
    error: ValidationError,
    group: str = "",
    *,
    known: Callable[[Location], list[str]] = lambda _: [],
    written: Callable[[Location], Location] = lambda location: location,
) -> str:
    """Return the first of the problems in one line.

    Args:
        error: what pydantic raised.
        group: that the checked keys belong to, where they are not of all settings.
        known: returns the keys that there are at a location.
        written: returns a location as the user writes it.
    """
    problems = error.errors(include_url=False)
    first = problems[0]
    place = (*([group] if group else []), *written(first["loc"]))
    key = ".".join(str(part) for part in place if part != "[key]")  # pydantic's mark of a wrong key of a mapping
    if first["type"] == "extra_forbidden":
        keys = known(first["loc"][:-1])
        close = difflib.get_close_matches(str(first["loc"][-1]), keys, n=1)
        others = f"known keys: {', '.join(keys)}" if keys else "see --cfg job for all keys"
        hint = f"did you mean {close[0]}?" if close else others
        return f"{key}: there is no such key; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("union_tag_not_found", "union_tag_invalid"):
        key = f"{key}.{first['ctx']['discriminator'].strip(chr(39))}"
    if first["type"] in ("missing", "union_tag_not_found"):
        message = "this key is missing; add it"
    elif first["type"] == "union_tag_invalid":
        message = _unknown(str(first["ctx"]["tag"]), first["ctx"]["expected_tags"])
    elif first["type"] == "literal_error" and isinstance(first["input"], str):
        message = _unknown(first["input"], first["ctx"]["expected"])
    elif first["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]} (got {first['input']!r})"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{key}: {message}{more}" if key else f"{message}{more}"


def _unknown(value: str, expected: str) -> str:
    """Say that a choice is none of those that pydantic lists, each in quotes, and which one is the nearest."""
    close = difflib.get_close_matches(value, re.findall("'([^']+)'", expected), n=1)
    return f"{value!r} is unknown; {f'did you mean {close[0]!r}? ' if close else ''}choose from {expected}"
