"""The table of implemented algorithms: each function says which it implements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from eelocal.catalog import Catalog

F = TypeVar("F", bound=Callable[..., Any])


class Context(Protocol):
    """What an algorithm may ask of the evaluation it runs in."""

    catalog: Catalog

    def apply(self, function: Any, arguments: list[Any]) -> Any:
        """Call a function value."""

    def cast(self, value: Any, type_: str) -> Any:
        """Coerce a value to a type of the signatures."""


@dataclass(frozen=True)
class Operation:
    """An implemented algorithm.

    Attributes:
        name: the service's name.
        function: takes the arguments by position, in the signature's order, already coerced to their types.
        note: what to know of this implementation, for the table.
        needs_context: whether the context comes first.
    """

    name: str
    function: Callable[..., Any]
    note: str
    needs_context: bool


OPERATIONS: dict[str, Operation] = {}


def implements(*names: str, note: str = "", context: bool = False) -> Callable[[F], F]:
    """Register a function as the implementation of algorithms."""

    def register(function: F) -> F:
        for name in names:
            OPERATIONS[name] = Operation(name, function, note, context)
        return function

    return register
