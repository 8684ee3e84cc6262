"""What a network's output means: logits or a probability. Known where the graph proves it, asked for elsewhere."""

from dataclasses import dataclass, replace

import numpy as np

from water_gee.errors import ExportError
from water_gee.export.bounds import no_probability
from water_gee.export.building import affine
from water_gee.export.equality import alike
from water_gee.export.ir import Activation, Affine, Binary, Channels, Concat, Conv, Op, Program, Softmax

MEANINGS = ("auto", "logits", "probability")


@dataclass(frozen=True)
class Meaning:
    """How the output is read.

    Attributes:
        output: `logits` or `probability`.
        proven: whether the graph shows it; else it was given.
        classes: channels of the output.
        water_class: which class is water; of one output, whether it speaks of water (1) or of land (0).
    """

    output: str
    proven: bool
    classes: int
    water_class: int

    @property
    def words(self) -> str:
        """For people."""
        how = "as the graph shows" if self.proven else "as it was given"
        if self.classes == 1:
            return f"one output, the {'log-odds' if self.output == 'logits' else 'probability'} of " + (
                f"{'water' if self.water_class == 1 else 'land'}, {how}"
            )
        reading = "softmax of the outputs" if self.output == "logits" else "the outputs"
        return f"{reading}, class {self.water_class} of {self.classes} is water, {how}"


def meaning(program: Program, output: str, water_class: int | None) -> Meaning:
    """Find out what a traced network's output means.

    Args:
        program: as traced.
        output: `logits`, `probability`, or `auto` for what the graph proves.
        water_class: None where it is not given: 1 of two classes or of one output.

    Raises:
        ExportError: the graph shows another meaning than the one given, or none is given and it shows none; or the
            class is not there, or must be given and is not.
    """
    count = program.output.channels
    if water_class is None and count > 2:
        raise ExportError(f"the network has {count} classes; give water_class, from 0 to {count - 1}")
    chosen = 1 if water_class is None else water_class
    if not 0 <= chosen < max(count, 2):
        raise ExportError(f"class {chosen} is not among the network's {count}; set water_class")
    shown = proven(program.output)
    end = f"the network ends in {_words(program.output)}"
    if shown == "log-probability":
        raise ExportError(f"{end}, the logarithm of a probability; return the logits before it, or exp() of it")
    if output == "auto":
        if shown is None:
            raise ExportError(
                f"{end}, and the graph does not show whether that is a probability; give output='logits' or "
                "output='probability'"
            )
        return Meaning(shown, True, count, chosen)
    if shown is not None and shown != output:
        raise ExportError(
            f"{end}, which is {'a probability' if shown == 'probability' else 'no probability'}; "
            f"give output='{shown}'" + ("" if shown == "probability" else ", or end it in Sigmoid or Softmax")
        )
    return Meaning(output, False, count, chosen)


def proven(output: Op) -> str | None:
    """Return `logits`, `probability` or `log-probability` where the graph shows it, else None."""
    op = output
    if isinstance(op, Softmax):
        # A log-softmax of all classes is as good as the logits: softmax takes no notice of what is common to all.
        return ("logits" if op.channels > 1 else None) if op.logarithm else "probability"
    if op.channels == 1 and _single_probability(op):
        return "probability"
    if op.channels == 1 and isinstance(op, Affine) and isinstance(op.source, Activation):
        if op.source.kind == "softplus" and (op.scale < 0).all() and not op.shift.any() and not op.centre.any():
            return "log-probability"
    if isinstance(op, Channels) and isinstance(op.source, Softmax) and op.channels < op.source.channels:
        return "log-probability" if op.source.logarithm and op.channels == 1 else None
    if op.channels == 2 and _complements(op):
        return "probability"
    return "logits" if _last_linear(op) and no_probability(op) else None


def _single_probability(op: Op) -> bool:
    """Whether one channel is a sigmoid, one of a softmax, or 1 less such a one."""
    if isinstance(op, Affine) and (op.shift - op.centre * op.scale == 1).all() and (op.scale == -1).all():
        return _single_probability(op.source)
    if isinstance(op, Channels):
        return isinstance(op.source, Softmax) and not op.source.logarithm
    return isinstance(op, Activation) and op.kind == "sigmoid"


def _complements(op: Op) -> bool:
    """Whether two channels are p and 1 - p, in either order, of one p that is proven to be a probability."""
    if isinstance(op, Channels) and isinstance(op.source, Concat):
        return sorted(op.numbers) == [0, 1] and op.source.channels == 2 and _complements(op.source)
    if not isinstance(op, Concat) or [part.channels for part in op.sources] != [1, 1]:
        return False
    for one, other in (op.sources, op.sources[::-1]):
        turned = isinstance(other, Affine) and bool((other.scale == -1).all())
        if isinstance(other, Affine) and turned and alike(other.source, one):
            offset = other.shift - other.centre * other.scale
            return bool((offset == 1).all()) and _single_probability(one)
    return False


def _last_linear(op: Op) -> bool:
    """Whether the network ends in a layer that computes sums: a convolution, a norm, a residual sum."""
    if isinstance(op, Channels | Concat):
        return all(_last_linear(part) for part in op.inputs)
    return isinstance(op, Conv | Affine) or (isinstance(op, Binary) and op.kind == "add")


def _words(op: Op) -> str:
    name = {"hardtanh": "a clamp", "relu": "ReLU"}.get(getattr(op, "kind", ""), getattr(op, "kind", ""))
    return f"{name or type(op).__name__.lower()} at {op.place}"


def with_head(program: Program, found: Meaning, temperature: float) -> tuple[Program, bool]:
    """Reduce the output to what the probability of water needs: one number a pixel, where that is exact.

    Returns:
        The program, and whether its output is half the log-odds of water (to be taken through `0.5 tanh(h) + 0.5`,
        which is the sigmoid of the log-odds and cannot overflow), or the probabilities [class].

    Raises:
        ExportError: a temperature is given for a probability.
    """
    output, place = program.output, "head"
    if found.output == "probability":
        if temperature != 1.0:
            raise ExportError("temperature divides logits, and the network gives a probability; leave it at 1")
        if found.classes == 1 and found.water_class == 0:
            output = affine(place, output, scale=-1.0, shift=1.0)
        return replace(program, output=output), False
    if isinstance(output, Softmax) and output.logarithm:
        output = output.source  # log-softmax subtracts one number from all classes, which softmax ignores
    if found.classes > 2:
        return replace(program, output=Softmax(place, affine(place, output, scale=1.0 / temperature))), False
    sign = 1.0 if found.water_class == 1 else -1.0
    row = np.array([[0.5 * sign]]) if found.classes == 1 else np.array([[-0.5 * sign, 0.5 * sign]])
    head = Conv(place, output, (row / temperature)[:, :, None, None], np.zeros(1))
    return replace(program, output=head), True
