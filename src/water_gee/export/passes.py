"""Rewrites that make a program smaller and leave its values as they are.

All arithmetic is in float64; what is written are the float32 numbers nearest to it, so that a folded
network differs from torch by about what float32 itself loses.
"""

from dataclasses import replace

import numpy as np

from water_gee.export.building import picked
from water_gee.export.ir import Affine, Binary, Channels, Concat, Constant, Conv, Fill, Floats, Op, Program


def simplify(program: Program) -> Program:
    """Apply every rewrite. Dead code is gone by construction: a program is what its output reads."""
    for rewrite in (drop_identities, fold_constants, fold_following, fold_preceding, fold_standardisation):
        program = rewrite(program)
    return drop_identities(program)


def drop_identities(program: Program) -> Program:
    """Join affine steps that follow each other; remove those that change nothing, and concatenations of one."""

    def change(op: Op) -> Op:
        if isinstance(op, Concat) and len(op.sources) == 1:
            return op.sources[0]
        if isinstance(op, Affine) and isinstance(op.source, Affine):
            first = op.source
            shift = (first.shift - op.centre) * op.scale + op.shift
            op = Affine(op.place, first.source, first.centre, first.scale * op.scale, shift)
        if isinstance(op, Affine) and not (op.centre.any() or op.shift.any() or (op.scale != 1.0).any()):
            return op.source
        return op

    return program.rewritten(change)


def fold_constants(program: Program) -> Program:
    """Do affine steps and choices of constants here; add a constant to a value as an affine step."""

    def change(op: Op) -> Op:
        if isinstance(op, Affine) and isinstance(op.source, Constant):
            return Constant(op.place, (op.source.values - op.centre) * op.scale + op.shift)
        if isinstance(op, Channels):
            return picked(op.place, op.source, op.numbers)
        if isinstance(op, Binary) and op.kind == "add":
            constants = [source for source in op.sources if isinstance(source, Constant)]
            if len(constants) == 1:
                other = next(source for source in op.sources if source is not constants[0])
                ones = np.ones(other.channels)
                return Affine(op.place, other, 0.0 * ones, ones, constants[0].values)
        return op

    return program.rewritten(change)


def fold_following(program: Program) -> Program:
    """Take an affine step (batch norm) or a 1x1 convolution into the convolution that alone feeds it."""
    while True:
        uses = program.uses()

        def change(op: Op, uses: dict[int, int] = uses) -> Op:
            source = op.inputs[0] if op.inputs else None
            if not isinstance(source, Conv) or uses.get(id(source), 1) != 1:
                return op
            if isinstance(op, Affine):
                weight = source.weight * op.scale[:, None, None, None]
                return replace(source, weight=weight, bias=(source.bias - op.centre) * op.scale + op.shift)
            if isinstance(op, Conv) and op.pointwise and op.channels <= source.channels:
                mixing = op.dense()[:, :, 0, 0]
                weight = np.tensordot(mixing, source.dense(), axes=1)
                return replace(source, weight=weight, bias=mixing @ source.bias + op.bias, groups=1)
            return op

        # Uses are counted on the old objects: a rewritten source has one user, the one that rewrites it.
        rewritten = program.rewritten(change)
        if len(rewritten.ordered()) == len(program.ordered()):
            return rewritten
        program = rewritten


def fold_preceding(program: Program) -> Program:
    """Take an affine step into the convolutions that read it, if nothing else does.

    Exact because the step is the same at every pixel and nothing is masked any more after the fill.
    """
    readers: dict[int, list[Op]] = {}
    for op in program.ordered():
        for part in op.inputs:
            readers.setdefault(id(part), []).append(op)
    folded = {
        id(op)
        for op in program.ordered()
        if isinstance(op, Affine)
        and op is not program.output
        and not _reads_raw(op)
        and all(isinstance(reader, Conv) for reader in readers.get(id(op), []))
    }

    changed: dict[int, Op] = {}
    for op in program.ordered():
        new = op.reading([changed[id(part)] for part in op.inputs])
        source = op.source if isinstance(op, Conv) else None
        if isinstance(op, Conv) and isinstance(source, Affine) and id(source) in folded:
            offset = source.shift - source.centre * source.scale
            new = replace(
                op,
                source=changed[id(source.source)],
                weight=op.dense() * source.scale[None, :, None, None],
                bias=op.bias + op.dense().sum(axis=(2, 3)) @ offset,
                groups=1,
            )
        changed[id(op)] = new
    return replace(program, output=changed[id(program.output)])


def _reads_raw(op: Op) -> bool:
    """Whether masked pixels have not been filled yet where `op` reads."""
    while not isinstance(op, Fill):
        if not op.inputs:
            return not isinstance(op, Constant)
        op = op.inputs[0]
    return False


def fold_standardisation(program: Program) -> Program:
    """Take the division by the training deviation into the first convolutions; the mean stays a subtraction.

    Only the division can go: a masked pixel is filled with 0 *after* the mean is subtracted, and 0 divided
    by anything is 0. Every reader of the standardised features must be a convolution, through any
    concatenation, or nothing is changed.
    """
    scales: dict[int, Floats] = {}
    for op in program.ordered():
        if isinstance(op, Affine) and not op.shift.any() and _reads_raw(op):
            scales[id(op)] = op.scale
        elif isinstance(op, Fill) and id(op.source) in scales:
            if op.value != 0:
                return program
            scales[id(op)] = scales[id(op.source)]
        elif isinstance(op, Concat) and any(id(source) in scales for source in op.sources):
            scales[id(op)] = np.concatenate([scales.get(id(part), np.ones(part.channels)) for part in op.sources])
        elif any(id(source) in scales for source in op.inputs) and not isinstance(op, Conv):
            return program
    if id(program.output) in scales:
        return program

    changed: dict[int, Op] = {}
    for op in program.ordered():
        new = op.reading([changed[id(source)] for source in op.inputs])
        if isinstance(op, Affine) and id(op) in scales and isinstance(new, Affine):
            new = replace(new, scale=np.ones(op.channels))
        elif isinstance(op, Conv) and id(op.source) in scales and isinstance(new, Conv):
            new = replace(new, weight=op.dense() * scales[id(op.source)][None, :, None, None], groups=1)
        changed[id(op)] = new
    return replace(program, output=changed[id(program.output)])
