"""The list in OPERATIONS.md, written from the registry: `python -m eelocal.evaluator.table`."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path

from eelocal.evaluator import library
from eelocal.evaluator.registry import OPERATIONS, Operation
from eelocal.evaluator.signatures import signatures

DOCUMENT = Path(__file__).parents[1] / "OPERATIONS.md"
_START = "## Operations\n"


def table() -> str:
    """Return the document: what is written by hand, up to its list of operations, and that list."""
    library.load()
    rows = []
    for operations in _families().values():
        plain = [op.name for op in operations if not _remark(op)]
        if plain:
            rows.append(f"| {', '.join(f'`{name}`' for name in plain)} | |")
        rows.extend(f"| `{op.name}` | {_remark(op)} |" for op in operations if _remark(op))
    by_hand = DOCUMENT.read_text(encoding="utf-8").partition(_START)[0]
    count = f"{len(OPERATIONS)} of the {len(signatures())} algorithms that the client lists."
    head = f"{count} An operation without a remark does what its name says.\n\n| operation | remark |\n| --- | --- |\n"
    return f"{by_hand}{_START}\n{head}" + "\n".join(rows) + "\n"


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
    DOCUMENT.write_text(table(), encoding="utf-8")
