"""Decoding the client's expression graph into values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eelocal.catalog import Catalog
from eelocal.errors import EEError, bad_request
from eelocal.evaluator.coerce import coerce
from eelocal.evaluator.registry import OPERATIONS
from eelocal.evaluator.signatures import signatures
from eelocal.evaluator.wire import check_form, children, kind_of, references, truth
from eelocal.workers import checkpoint


@dataclass(frozen=True, eq=False)
class Function:
    """A function that the client defined, with the scope in which it was defined."""

    names: tuple[str, ...]
    body: str
    scope: Scope


@dataclass(frozen=True)
class _Failure:
    error: EEError


class Scope:
    """The arguments in force, and the values computed under them."""

    def __init__(self, arguments: dict[str, Any], parent: Scope | None = None) -> None:
        """Chain to the scope around."""
        self.arguments = arguments
        self.parent = parent
        self.values: dict[str, Any] = {}

    def argument(self, name: str) -> Any:
        """Return an argument's value.

        Raises:
            EEError: where no function around has it.
        """
        scope: Scope | None = self
        while scope is not None:
            if name in scope.arguments:
                return scope.arguments[name]
            scope = scope.parent
        raise bad_request(f"Unbound variable '{name}'.")


class Graph:
    """One expression being evaluated: the context that algorithms get."""

    def __init__(self, expression: dict[str, Any], catalog: Catalog) -> None:
        """Check the expression's frame.

        Raises:
            EEError: where it is not of the client's form.
        """
        values = expression.get("values") if isinstance(expression, dict) else None
        result = expression.get("result") if isinstance(values, dict) else None
        if not isinstance(values, dict) or not isinstance(result, str) or result not in values:
            raise bad_request("Invalid expression: it needs 'values' and a 'result' that is one of them.")
        for node in values.values():
            check_form(node)
        self.result = result
        self.nodes: dict[str, Any] = values
        self.catalog = catalog
        self.root = Scope({})
        self._free: dict[str, frozenset[str]] = {}

    def evaluate(self) -> Any:
        """Return the value of the whole expression.

        Raises:
            EEError: as the service would.
        """
        try:
            return self.value(self.result, self.root)
        except RecursionError:
            raise bad_request("The expression is nested too deeply.") from None

    def value(self, key: str, scope: Scope) -> Any:
        """Return a shared value, computing what it refers to first, without recursion along references."""
        for name in self._order(key, scope):
            home = self._home(name, scope)
            try:
                home.values[name] = self._decode(self.nodes[name], home)
            except EEError as error:
                checkpoint()  # a computation that was stopped goes no further
                # Only a value that is used may fail the request: `If` uses one of two.
                home.values[name] = _Failure(error)
        found = self._home(key, scope).values[key]
        if isinstance(found, _Failure):
            raise found.error
        return found

    def _home(self, key: str, scope: Scope) -> Scope:
        free = self.free(key)
        at: Scope = scope
        while at.parent is not None and not free & at.arguments.keys():
            at = at.parent
        return at

    def _order(self, key: str, scope: Scope) -> list[str]:
        order: list[str] = []
        seen: set[str] = set()
        stack = [(key, False)]
        while stack:
            name, ready = stack.pop()
            if ready:
                order.append(name)
                continue
            if name in seen:
                continue
            seen.add(name)
            if name not in self.nodes:
                raise bad_request(f"Invalid expression: there is no value '{name}'.")
            if name in self._home(name, scope).values:
                continue
            stack.append((name, True))
            stack.extend((child, False) for child in references(self.nodes[name]))
        return order

    def free(self, key: str) -> frozenset[str]:
        """Return the arguments that a value needs from functions around it."""
        if key in self._free:
            return self._free[key]
        stack = [key]
        busy: set[str] = set()
        while stack:
            name = stack[-1]
            if name in self._free:
                stack.pop()
                continue
            if name not in self.nodes:
                raise bad_request(f"Invalid expression: there is no value '{name}'.")
            missing = [k for k in references(self.nodes[name], bodies=True) if k not in self._free]
            if missing and name not in busy:
                busy.add(name)
                stack.extend(missing)
                continue
            if missing:
                raise bad_request(f"Invalid expression: the value '{name}' refers to itself.")
            self._free[name] = frozenset(self._free_of(self.nodes[name]))
            stack.pop()
        return self._free[key]

    def _free_of(self, node: Any) -> set[str]:
        kind, content = kind_of(node)
        if kind == "argumentReference":
            return {content}
        if kind == "valueReference":
            return set(self._free[content])
        if kind == "functionDefinitionValue":
            return set(self._free[content["body"]]) - set(content.get("argumentNames") or [])
        found: set[str] = set()
        if kind == "functionInvocationValue" and "functionReference" in content:
            found |= self._free[content["functionReference"]]
        for child in children(kind, content):
            found |= self._free_of(child)
        return found

    def _decode(self, node: Any, scope: Scope) -> Any:
        kind, content = kind_of(node)
        if kind == "constantValue":
            return content
        if kind == "integerValue":
            return int(content)
        if kind == "valueReference":
            return self.value(content, scope)
        if kind == "argumentReference":
            return scope.argument(content)
        if kind == "arrayValue":
            return [self._decode(child, scope) for child in content.get("values") or []]
        if kind == "dictionaryValue":
            return {name: self._decode(child, scope) for name, child in (content.get("values") or {}).items()}
        if kind == "functionDefinitionValue":
            return Function(tuple(content.get("argumentNames") or []), content["body"], scope)
        if kind == "functionInvocationValue":
            return self._invoke(content, scope)
        raise bad_request(f"eelocal does not read values of kind '{kind}'.")

    def _invoke(self, content: dict[str, Any], scope: Scope) -> Any:
        given = content.get("arguments") or {}
        if "functionReference" in content:
            function = self.value(content["functionReference"], scope)
            return self._call_value(function, {k: self._decode(v, scope) for k, v in given.items()})
        name = str(content.get("functionName", ""))
        if name == "If":
            holds = truth(self._decode(given.get("condition", _NULL), scope))
            given = {k: v for k, v in given.items() if k != ("falseCase" if holds else "trueCase")}
        return self.call(name, {k: self._decode(v, scope) for k, v in given.items()})

    def call(self, name: str, given: dict[str, Any]) -> Any:
        """Call an algorithm by name, its arguments checked against its signature.

        Raises:
            EEError: for an unknown algorithm or argument, a missing one or one of the wrong type.
        """
        checkpoint()
        signature = signatures().get(name)
        if signature is None:
            raise bad_request(f"Unknown algorithm '{name}'.")
        operation = OPERATIONS.get(name)
        if operation is None:
            raise bad_request(
                f"eelocal does not implement '{name}'; the operations that it implements are listed in OPERATIONS.md."
            )
        unknown = sorted(given.keys() - {p.name for p in signature.parameters})
        if unknown:
            raise bad_request(f"{name}: Unexpected argument(s): {', '.join(unknown)}.")
        arguments = []
        for parameter in signature.parameters:
            value = given.get(parameter.name)
            if value is None:
                if parameter.required:
                    raise bad_request(f"{name}: Parameter '{parameter.name}' is required and may not be null.")
                value = parameter.default
            arguments.append(
                None if value is None else coerce(value, parameter.type, f"{name}, argument '{parameter.name}'")
            )
        try:
            return operation.function(self, *arguments) if operation.needs_context else operation.function(*arguments)
        except EEError as error:
            if not error.located:
                error.message = f"{name}: {error.message}"
                error.args = (error.message,)
                error.located = True
            raise

    def _call_value(self, function: Any, given: dict[str, Any]) -> Any:
        if isinstance(function, Function):
            return self.value(function.body, Scope(given, function.scope))
        if callable(function):
            return function(self, **given)
        raise bad_request("The value that is called is not a function.")

    def apply(self, function: Any, arguments: list[Any]) -> Any:
        """Call a function value with arguments by position."""
        if isinstance(function, Function):
            if len(arguments) < len(function.names):
                raise bad_request(f"The function takes {len(function.names)} arguments, not {len(arguments)}.")
            return self._call_value(function, dict(zip(function.names, arguments, strict=False)))
        raise bad_request("The value that is called is not a function.")

    def cast(self, value: Any, type_: str) -> Any:
        """Coerce a value to a type of the signatures."""
        return coerce(value, type_, "The value")


_NULL = {"constantValue": None}
