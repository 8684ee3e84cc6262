"""`ee.Image.expression`: arithmetic written as text, by recursive descent along the levels of precedence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eelocal.errors import EEError, bad_request
from eelocal.evaluator.functions_image import rename, select
from eelocal.evaluator.functions_mask import blend, update_mask
from eelocal.evaluator.image import Image, constant
from eelocal.evaluator.operators import BINARY, CASTS, UNARY
from eelocal.evaluator.registry import OPERATIONS, Context, implements

_CONSTANTS = {"PI": math.pi, "E": math.e}
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
class _Names:
    """What names in the text mean: images, and where `free` the default image's bands."""

    images: dict[str, Image]
    default: str
    free: bool

    def image(self, name: str) -> Image:
        if name in self.images:
            return self.images[name]
        if self.free and self.default in self.images and name in self.images[self.default].names:
            return select(self.images[self.default], [name], None)
        if name in _CONSTANTS:
            return _number(_CONSTANTS[name])
        raise bad_request(f"Image.expression: unknown variable '{name}'.")


Step = Callable[[_Names], Image]


@implements("Image.parseExpression")
def parse_expression(text: str, default: str, names: list[str], free: bool) -> Callable[..., Image]:
    """A function of the named images."""
    step = _Parser(text).parse()

    def function(context: Context, **given: Any) -> Image:
        missing = [name for name in names if name not in given]
        if missing:
            raise bad_request(f"Image.expression: the argument '{missing[0]}' is missing.")
        images = {name: context.cast(value, "Image<unknown bands>") for name, value in given.items()}
        return step(_Names(images, default, free))

    return function


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, str]] = []
        at, stripped = 0, text.rstrip()
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if match is None or match.lastgroup is None:
                raise self._error(f"unexpected '{stripped[at:].strip()[:1]}'")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()

    def _error(self, what: str) -> EEError:
        return bad_request(f"Failed to parse expression '{self.text[:80]}': {what}.")

    def _peek(self, ahead: int = 0) -> str:
        """Return a token's text, empty at the end."""
        place = self.at + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def _take(self, expected: str | None = None) -> tuple[str, str]:
        """Return the next token, which must be the one expected."""
        if self.at >= len(self.tokens):
            raise self._error("unexpected end")
        token = self.tokens[self.at]
        if expected is not None and token[1] != expected:
            raise self._error(f"expected '{expected}', found '{token[1]}'")
        self.at += 1
        return token

    def _listed(self, end: str, item: Callable[[], Any]) -> list[Any]:
        """Return items between commas, up to the sign that ends them."""
        out = []
        while self._peek() != end:
            out.append(item())
            if self._peek() != end:
                self._take(",")
        self._take(end)
        return out

    def parse(self) -> Step:
        """Return the whole expression; `name = ...` names its band."""
        name = ""
        if len(self.tokens) > 1 and self.tokens[0][0] == "name" and self._peek(1) == "=":
            name = self._take()[1]
            self._take("=")
        step = self._choice()
        if self.at != len(self.tokens):
            raise self._error(f"unexpected '{self._peek()}'")
        return (lambda names: _named(step(names), name)) if name else step

    def _choice(self) -> Step:
        condition = self._level(0)
        if self._peek() != "?":
            return condition
        self._take("?")
        first = self._choice()
        self._take(":")
        second = self._choice()
        return lambda names: _chosen(condition(names), first(names), second(names))

    def _level(self, level: int) -> Step:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._peek() in _LEVELS[level] and self.tokens[self.at][0] == "sign":
            operation = _LEVELS[level][self._take()[1]]
            left = _call(operation, [left, self._level(level + 1)])
        return left

    def _unary(self) -> Step:
        sign = self._peek()
        if sign in ("-", "+", "!", "~"):
            self._take()
            inner = self._unary()
            if sign == "-":
                return _call("multiply", [inner, lambda names: _number(-1)])
            return inner if sign == "+" else _call({"!": "not", "~": "bitwiseNot"}[sign], [inner])
        base = self._postfix()
        if self._peek() == "**":
            self._take()
            return _call("pow", [base, self._unary()])
        return base

    def _postfix(self) -> Step:
        step = self._primary()
        while self._peek() in (".", "["):
            bands = [self._take()[1]] if self._take()[1] == "." else self._listed("]", self._band)
            step = _picked(step, bands)
        return step

    def _band(self) -> str | int | float:
        kind, text = self._take()
        if kind not in ("string", "number"):
            raise self._error(f"'{text}' is no band")
        return text[1:-1] if kind == "string" else _value(text)

    def _primary(self) -> Step:
        kind, text = self._take()
        if kind == "number":
            return lambda names: _number(_value(text))
        if text == "(":
            inner = self._choice()
            self._take(")")
            return inner
        if kind != "name":
            raise self._error(f"unexpected '{text}'")
        if self._peek() != "(":
            return lambda names: names.image(text)
        self._take("(")
        if text == "b":  # bands of the default image

            def whole(names: _Names) -> Image:
                return names.images[names.default]

            bands = self._listed(")", self._band)
            return _picked(whole, bands) if bands else whole
        return _call(text, self._listed(")", self._choice))


def _value(text: str) -> int | float:
    if text.lower().startswith("0x"):
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)


def _number(value: float) -> Image:
    return Image(bands=tuple(constant(value)))


def _picked(step: Step, bands: list[Any]) -> Step:
    return lambda names: select(step(names), bands, None)


def _named(image: Image, name: str) -> Image:
    if len(image.bands) != 1:
        raise bad_request("Image.expression: only a single band can be given a name.")
    return rename(image, [name])


def _chosen(test: Image, first: Image, second: Image) -> Image:
    opposite = OPERATIONS["Image.not"].function(test)
    return blend(update_mask(second, opposite), update_mask(first, test))


def _call(name: str, parts: list[Step]) -> Step:
    known = (UNARY.keys() | CASTS.keys(), BINARY.keys())
    if not 1 <= len(parts) <= 2 or name not in known[len(parts) - 1]:
        raise bad_request(
            f"Image.expression: eelocal does not implement the function '{name}' of {len(parts)} argument(s)."
        )

    def step(names: _Names) -> Image:
        out: Image = OPERATIONS[f"Image.{name}"].function(*(part(names) for part in parts))
        return out

    return step
