"""OPERATIONS.md, written from the registry: `python -m eelocal.evaluator.table > src/eelocal/OPERATIONS.md`."""

from __future__ import annotations

import inspect
import sys
from functools import partial

from eelocal.evaluator import library
from eelocal.evaluator.choices import CHOICES
from eelocal.evaluator.registry import OPERATIONS, Operation
from eelocal.evaluator.signatures import signatures

_HEAD = """# What eelocal's evaluator does

Written from the evaluator's registry by `python -m eelocal.evaluator.table`; a test holds the two together.
Every operation that is not listed is refused by name. Arguments are checked
against the signatures that the Earth Engine client ships.

## Choices

Where Earth Engine's behaviour is not documented, or was not found, this is what eelocal does.
Depend on none of it without a probe on the service.

| about | eelocal |
| --- | --- |
"""
_MIDDLE = """
## Operations

{count} of the {total} algorithms that the client lists. An operation without a remark does what its name says.

| operation | remark |
| --- | --- |
"""


def table() -> str:
    """Return the document."""
    library.load()
    lines = [f"| {subject} | {choice} |" for subject, choice in sorted(CHOICES.items())]
    rows = []
    for operations in _families().values():
        plain = [op.name for op in operations if not _remark(op)]
        if plain:
            rows.append(f"| {', '.join(f'`{name}`' for name in plain)} | |")
        rows.extend(f"| `{op.name}` | {_remark(op)} |" for op in operations if _remark(op))
    middle = _MIDDLE.format(count=len(OPERATIONS), total=len(signatures()))
    return _HEAD + "\n".join(lines) + "\n" + middle + "\n".join(rows) + "\n"


def _families() -> dict[str, list[Operation]]:
    out: dict[str, list[Operation]] = {}
    for name in sorted(OPERATIONS):
        out.setdefault(name.partition(".")[0], []).append(OPERATIONS[name])
    return out


def _remark(operation: Operation) -> str:
    function = operation.function
    doc = "" if isinstance(function, partial) else (inspect.getdoc(function) or "").split("\n")[0].rstrip(".")
    return "; ".join(part for part in (doc, operation.note) if part).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(table())
