"""The table of operations is the registry's."""

import inspect
from functools import partial
from pathlib import Path

import eelocal
from eelocal.evaluator.registry import OPERATIONS
from eelocal.evaluator.signatures import signatures
from eelocal.evaluator.table import table


def test_the_table_is_up_to_date():
    written = (Path(eelocal.__file__).parent / "OPERATIONS.md").read_text(encoding="utf-8")
    assert written == table(), "run: python -m eelocal.evaluator.table"


def test_every_operation_has_the_clients_signature():
    for name, operation in OPERATIONS.items():
        assert name in signatures(), name
        if isinstance(operation.function, partial):
            continue
        taken = [p for p in inspect.signature(operation.function).parameters.values() if p.default is p.empty]
        if not any(p.kind is p.VAR_POSITIONAL for p in taken):
            assert len(taken) - operation.needs_context == len(signatures()[name].parameters), name
