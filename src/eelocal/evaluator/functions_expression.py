"""`ee.Image.expression`: arithmetic written as text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator.expressions import Parser, Tree
from eelocal.evaluator.functions_image import rename, select
from eelocal.evaluator.functions_mask import blend, update_mask
from eelocal.evaluator.image import Image, constant
from eelocal.evaluator.operators import BINARY, CASTS, UNARY
from eelocal.evaluator.registry import OPERATIONS, Context, implements

_CONSTANTS = {"PI": math.pi, "E": math.e}


@implements("Image.parseExpression")
def parse_expression(text: str, default: str, names: list[str], free: bool) -> Callable[..., Image]:
    """A function of the named images."""
    tree = Parser(text).parse()

    def function(context: Context, **given: Any) -> Image:
        missing = [name for name in names if name not in given]
        if missing:
            raise bad_request(f"Image.expression: the argument '{missing[0]}' is missing.")
        images = {name: context.cast(value, "Image<unknown bands>") for name, value in given.items()}
        return _evaluate(tree, images, default, free)

    return function


def _evaluate(tree: Tree, images: dict[str, Image], default: str, free: bool) -> Image:
    if tree.kind == "number":
        return Image(bands=tuple(constant(tree.value)))
    if tree.kind == "variable":
        if tree.value in images:
            return images[tree.value]
        if free and default in images and tree.value in images[default].names:
            return select(images[default], [tree.value], None)
        if tree.value in _CONSTANTS:
            return Image(bands=tuple(constant(_CONSTANTS[tree.value])))
        raise bad_request(f"Image.expression: unknown variable '{tree.value}'.")
    if tree.kind == "bands":
        return select(images[default], tree.value, None) if tree.value else images[default]
    parts = [_evaluate(part, images, default, free) for part in tree.parts]
    if tree.kind == "pick":
        return select(parts[0], tree.value, None)
    if tree.kind == "name":
        if len(parts[0].bands) != 1:
            raise bad_request("Image.expression: only a single band can be given a name.")
        return rename(parts[0], [tree.value])
    if tree.kind == "choice":
        test, first, second = parts
        opposite = OPERATIONS["Image.not"].function(test)
        out: Image = blend(update_mask(second, opposite), update_mask(first, test))
        return out
    return _call(tree.value, parts)


def _call(name: str, parts: list[Image]) -> Image:
    known = UNARY if len(parts) == 1 else BINARY
    if name not in known and not (len(parts) == 1 and name in CASTS):
        raise bad_request(
            f"Image.expression: eelocal does not implement the function '{name}' of {len(parts)} argument(s)."
        )
    out: Image = OPERATIONS[f"Image.{name}"].function(*parts)
    return out
