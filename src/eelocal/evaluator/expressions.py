"""The arithmetic expressions of `ee.Image.expression`, parsed to a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from eelocal.errors import bad_request

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>'[^']*'|\"[^\"]*\")|(?P<sign>\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>!~&|^?:()\[\].,=]))"
)
_LEVELS: list[dict[str, str]] = [
    {"||": "or"},
    {"&&": "and"},
    {"|": "bitwiseOr"},
    {"^": "bitwiseXor"},
    {"&": "bitwiseAnd"},
    {"==": "eq", "!=": "neq"},
    {"<": "lt", ">": "gt", "<=": "lte", ">=": "gte"},
    {"<<": "leftShift", ">>": "rightShift"},
    {"+": "add", "-": "subtract"},
    {"*": "multiply", "/": "divide", "%": "mod"},
]


@dataclass(frozen=True)
class Tree:
    """One step: an operation with its operands.

    `kind` is one of number, variable, bands (of the default image), pick (bands of an operand), call, choice, name.
    """

    kind: str
    value: Any = None
    parts: tuple[Tree, ...] = ()


class Parser:
    """A parser of one expression, by recursive descent along the levels of precedence."""

    def __init__(self, text: str) -> None:
        """Cut the text into tokens.

        Raises:
            EEError: for a character that belongs to none.
        """
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if match is None or match.lastgroup is None:
                raise self._error(f"unexpected '{stripped[at:].strip()[:1]}'")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        self.at = 0

    def _error(self, what: str) -> Exception:
        return bad_request(f"Failed to parse expression '{self.text[:80]}': {what}.")

    def peek(self, ahead: int = 0) -> str:
        """Return a token's text, empty at the end."""
        place = self.at + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> tuple[str, str]:
        """Return the next token.

        Raises:
            EEError: where it is not the one expected.
        """
        if self.at >= len(self.tokens):
            raise self._error("unexpected end")
        token = self.tokens[self.at]
        if expected is not None and token[1] != expected:
            raise self._error(f"expected '{expected}', found '{token[1]}'")
        self.at += 1
        return token

    def parse(self) -> Tree:
        """Return the whole expression.

        Raises:
            EEError: where it is malformed.
        """
        name = None
        if len(self.tokens) > 1 and self.tokens[0][0] == "name" and self.peek(1) == "=":
            name = self.take()[1]
            self.take("=")
        tree = self._choice()
        if self.at != len(self.tokens):
            raise self._error(f"unexpected '{self.peek()}'")
        return tree if name is None else Tree("name", name, (tree,))

    def _choice(self) -> Tree:
        condition = self._level(0)
        if self.peek() != "?":
            return condition
        self.take("?")
        first = self._choice()
        self.take(":")
        return Tree("choice", None, (condition, first, self._choice()))

    def _level(self, level: int) -> Tree:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self.peek() in _LEVELS[level] and self.tokens[self.at][0] == "sign":
            operation = _LEVELS[level][self.take()[1]]
            left = Tree("call", operation, (left, self._level(level + 1)))
        return left

    def _unary(self) -> Tree:
        sign = self.peek()
        if sign in ("-", "+", "!", "~"):
            self.take()
            inner = self._unary()
            if sign == "-":
                if inner.kind == "number":
                    return Tree("number", -inner.value)
                return Tree("call", "multiply", (inner, Tree("number", -1)))
            return inner if sign == "+" else Tree("call", {"!": "not", "~": "bitwiseNot"}[sign], (inner,))
        base = self._postfix()
        if self.peek() == "**":
            self.take()
            return Tree("call", "pow", (base, self._unary()))
        return base

    def _postfix(self) -> Tree:
        tree = self._primary()
        while self.peek() in (".", "["):
            if self.take()[1] == ".":
                tree = Tree("pick", [self.take()[1]], (tree,))
            else:
                tree = Tree("pick", self._selectors("]"), (tree,))
        return tree

    def _selectors(self, end: str) -> list[Any]:
        out: list[Any] = []
        while self.peek() != end:
            kind, text = self.take()
            if kind == "string":
                out.append(text[1:-1])
            elif kind == "number":
                out.append(_number(text))
            else:
                raise self._error(f"'{text}' is no band")
            if self.peek() != end:
                self.take(",")
        self.take(end)
        return out

    def _primary(self) -> Tree:
        kind, text = self.take()
        if kind == "number":
            return Tree("number", _number(text))
        if text == "(":
            inner = self._choice()
            self.take(")")
            return inner
        if kind != "name":
            raise self._error(f"unexpected '{text}'")
        if self.peek() != "(":
            return Tree("variable", text)
        self.take("(")
        if text == "b":
            return Tree("bands", self._selectors(")"))
        parts = []
        while self.peek() != ")":
            parts.append(self._choice())
            if self.peek() != ")":
                self.take(",")
        self.take(")")
        return Tree("call", text, tuple(parts))


def _number(text: str) -> int | float:
    if text.lower().startswith("0x"):
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)
