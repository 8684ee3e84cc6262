"""What a masked pixel, NaN in torch, does to the network's output: the rule is followed, and said in the report.

torch has one rule: NaN goes wherever a window touches it, until the network itself fills it. A network that fills
(`nan_to_num` after its standardisation, as this project's do) is followed. One that does not gives NaN as far as it
reaches, and so the exported network masks every pixel whose window touches a masked one.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import ExportError
from water_gee.export.ir import Fill, Input, IsMasked, Op, Program, ordered, radius

RULES = ("reach", "mean")
Footprint = NDArray[np.bool_]  # offsets [y, x] from the pixel, centred, odd sides
_CENTRE: Footprint = np.ones((1, 1), dtype=bool)
_WORDS = {
    "network": "the network itself fills a masked neighbour",
    "mean": "a masked neighbour counts as the training mean",
    "reach": "a pixel is masked where its window touches a masked one, as torch gives NaN there",
    "alone": "no neighbour is looked at",
}


def with_masks(program: Program, rule: str | None, *, standardised: bool) -> Program:
    """Return the program with every masked pixel filled before a neighbour is looked at, and what is masked for it.

    Args:
        program: as traced; a `Fill` is where the network itself fills.
        rule: `mean`, `reach`, or None: what torch does, which is `reach` for a network that does not fill.
        standardised: whether the training mean was given, so that a `Fill` of the program is that mean.

    Raises:
        ExportError: the rule is `mean` and nothing says what the mean is; or the network fills after a layer that
            has looked at neighbours, or asks for masked pixels in another way than to fill them.
    """
    asked = next((op for op in program.ordered() if isinstance(op, IsMasked)), None)
    if asked is not None:
        raise ExportError(
            f"cannot export isnan at {asked.place}: only filling is carried over; use nan_to_num(x, nan=0.0) after the "
            "standardisation"
        )
    output, footprint = _filled(program.output)
    alone = footprint is not None and footprint.size == 1
    if rule == "mean" and footprint is not None and not alone:
        raise ExportError(
            "masked='mean' needs the training mean, and the network does not fill masked pixels itself; give "
            "standardisation=(mean, deviation), or choose masked='reach'"
        )
    touched, words = footprint, "mean" if standardised else "network"
    if rule == "reach":
        touched = _footprint(output)
    if touched is not None and touched.size > 1:
        words = "reach"
    elif _footprint(output).size == 1:
        words = "alone"
    return replace(program, output=output, touched=touched if words == "reach" else None, masked=_WORDS[words])


def _filled(output: Op) -> tuple[Op, Footprint | None]:
    """Rewrite each value twice: as it is before the network's own fill, and as it is with every masked pixel filled.

    Returns the second of the output, and the pixels that its mask depends on; None where the network fills them all.
    """
    before: dict[int, Op] = {}
    after: dict[int, Op] = {}
    touched: dict[int, Footprint | None] = {}
    for op in ordered(output):
        if isinstance(op, Input):
            before[id(op)], after[id(op)], touched[id(op)] = op, Fill(op.place, op), _CENTRE
            continue
        if isinstance(op, Fill):
            reached = touched[id(op.source)]
            if reached is not None and reached.size > 1:
                raise ExportError(
                    f"cannot export nan_to_num at {op.place}: it fills after a layer that has looked at neighbours; "
                    "fill right after the standardisation instead"
                )
            before[id(op)] = after[id(op)] = op.reading([before[id(op.source)]])
            touched[id(op)] = None
            continue
        parts = [id(source) for source in op.inputs]
        before[id(op)] = op.reading([before[part] for part in parts]) if parts else op
        after[id(op)] = op.reading([after[part] for part in parts]) if parts else op
        touched[id(op)] = _grown(_union([touched[part] for part in parts]), op)
    return after[id(output)], touched[id(output)]


def _footprint(output: Op) -> Footprint:
    """Return the pixels that the output depends on, filled or not."""
    found: dict[int, Footprint | None] = {}
    for op in ordered(output):
        inside = [found[id(source)] for source in op.inputs]
        found[id(op)] = _CENTRE if isinstance(op, Input) else _grown(_union(inside), op)
    reached = found[id(output)]
    return _CENTRE if reached is None else reached


def _union(parts: list[Footprint | None]) -> Footprint | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    height, width = (max(part.shape[axis] for part in known) for axis in (0, 1))
    whole = np.zeros((height, width), dtype=bool)
    for part in known:
        top, left = (height - part.shape[0]) // 2, (width - part.shape[1]) // 2
        whole[top : top + part.shape[0], left : left + part.shape[1]] |= part
    return whole


def _grown(footprint: Footprint | None, op: Op) -> Footprint | None:
    """Return what a value depends on whose window is laid on each pixel of `footprint`."""
    down, across = radius(op)
    if footprint is None or (down, across) == (0, 0):
        return footprint
    size, dilation = op.size, op.dilation  # type: ignore[attr-defined]  # only layers with a window have a radius
    whole = np.zeros((footprint.shape[0] + 2 * down, footprint.shape[1] + 2 * across), dtype=bool)
    for row in range(size[0]):
        for column in range(size[1]):
            top, left = row * dilation[0], column * dilation[1]
            whole[top : top + footprint.shape[0], left : left + footprint.shape[1]] |= footprint
    return whole
