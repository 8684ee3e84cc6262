"""An exported network: the calls, the Earth Engine function made of them, and what it costs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import nn

from water_gee.errors import ExportError
from water_gee.export.calls import Call, Name, image, shortest, to_ee
from water_gee.export.cost import Cost, count_calls
from water_gee.export.expression import function_expression
from water_gee.export.forms import activations, array, bands, kernel
from water_gee.export.head import MEANINGS, Meaning, meaning, with_head
from water_gee.export.ir import Conv, Op, Program, Softmax
from water_gee.export.masks import RULES, with_masks
from water_gee.export.memory import memory
from water_gee.export.passes import simplify
from water_gee.export.tracing import trace

FORMS = ("array", "kernel", "auto")
OUTPUTS = ("water", "probability", "logits", "classes", "own")
MAX_REQUEST_BYTES = 10_485_760  # a request body of the service
INPUT = Name("image")


@dataclass(frozen=True)
class ExportOptions:
    """How a network is to be exported.

    Attributes:
        threshold: water is where the probability is at least this.
        temperature: the logits are divided by it before the softmax (calibration).
        form: `array`, `kernel` or `auto`, the cheaper of both.
        outputs: of `water`, `probability`, `logits` (bands logit_0 ..), `classes` (probability_0 ..) and `own`, what
            the network itself returns (output_0 ..).
        output: what the network returns, `logits` or a `probability`; `auto` takes what its graph proves.
        water_class: the class that means water; None is class 1 of two. A network of one output speaks of water
            (None, 1) or of land (0).
        masked: `reach` masks every pixel whose window touches a masked one; `mean` counts a masked neighbour as the
            training mean; None does as torch does, which is `reach` where the network does not fill by itself.
        border: `refuse` layers that pad, or take the network as it is in the `interior`.
        flip: whether the service turns a kernel by 180 degrees in `convolve`; only the form `kernel` asks.
    """

    threshold: float = 0.5
    temperature: float = 1.0
    form: str = "array"
    outputs: tuple[str, ...] = ("water", "probability")
    output: str = "auto"
    water_class: int | None = None
    masked: str | None = None
    border: str = "refuse"
    flip: bool = False

    def __post_init__(self) -> None:
        _one_of("form", self.form, FORMS)
        _one_of("output", self.output, MEANINGS)
        _one_of("border", self.border, ("refuse", "interior"))
        if self.masked is not None:
            _one_of("masked", self.masked, RULES)
        unknown = [output for output in self.outputs if output not in OUTPUTS]
        if unknown or not self.outputs:
            raise ExportError(f"outputs {unknown or 'are empty'}; choose from {', '.join(OUTPUTS)}")
        if not 0.0 <= self.threshold <= 1.0 or not 0.0 < self.temperature < float("inf"):
            raise ExportError("threshold must lie in 0..1 and temperature be above 0")


def _one_of(name: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise ExportError(f"{name} {given!r} is not one of {', '.join(known)}")


@dataclass(frozen=True)
class ExportedNetwork:
    """A network as Earth Engine operations."""

    features: tuple[str, ...]
    options: ExportOptions
    meaning: Meaning
    program: Program
    result: Call
    form: str

    def image(self, features: Any) -> Any:
        """Map an `ee.Image` that has the feature bands to one with the output bands; needs an initialised `ee`."""
        import ee

        return ee.Image(to_ee(self.result, {INPUT.name: ee.Image(features)}))

    @cached_property
    def expression(self) -> dict[str, Any]:
        """The function of one argument, `image`, in the client's own format; no client is needed for it."""
        return function_expression(self.result, INPUT)

    def function_json(self) -> str:
        """The serialized function, as `expression.json` holds it: `ee.deserializer.fromJSON` gives it back."""
        return json.dumps(self.expression, separators=(",", ":"), allow_nan=False)

    @cached_property
    def cost(self) -> Cost:
        """What the network costs; see `cost.Cost`."""
        size, macs = len(self.function_json().encode()), self.program.macs
        calls = count_calls(self.expression)
        held = memory(self.result)
        if self.form == "array":
            return Cost(calls, size, macs, held.arrays, peak_bytes=held.peak, shard=held.shard)
        layers = [op for op in self.program.ordered() if isinstance(op, Conv)]
        weighted = sum(int(layer.weight.size) for layer in layers if layer.pointwise)
        kernels = Cost(calls, size, macs, held.arrays, convolved=macs - weighted, weighted=weighted)
        return replace(kernels, peak_bytes=held.peak, shard=held.shard)

    @property
    def report(self) -> dict[str, Any]:
        """What `export.json` says of the network."""
        cost = self.cost
        return {
            "features": list(self.features),
            "outputs": list(self.options.outputs),
            "reading": self.meaning.words,
            "masked": self.program.masked,
            "border": self.options.border,
            "form": self.form,
            "flip": self.options.flip if self.form == "kernel" else None,
            "threshold": self.options.threshold,
            "temperature": self.options.temperature,
            "margin": self.program.margin,
            "reach": self.program.reach,
            "notes": list(self.program.notes),
            "layers": [describe(op) for op in self.program.ordered()],
            "calls": cost.calls,
            "bytes": cost.payload_bytes,
            "macs_per_pixel": cost.macs,
            "array_bytes_per_pixel": cost.array_bytes,
            "peak_bytes_per_pixel": cost.peak_bytes,
            "shard_size": cost.shard,
            "estimated_nanoseconds_per_pixel": round(cost.nanoseconds_per_pixel),
        }


def export_network(
    network: nn.Module, features: Sequence[str], options: ExportOptions | None = None, **choices: Any
) -> ExportedNetwork:
    """Carry a network of raw features [n, feature, y, x] -> [n, class, y', x'] into Earth Engine.

    Args:
        network: a torch module of supported layers, in evaluation it is the same at every pixel.
        features: the band names of its input, in order.
        options: how to export it; or give the attributes of `ExportOptions` as keywords.
        **choices: attributes of `ExportOptions`.

    Raises:
        ExportError: a layer is not supported, what the output means is neither shown nor given, or the graph is
            larger than a request may be.
    """
    options = options if options is not None else ExportOptions(**choices)
    return export_program(trace(network, features, options.border), options, standardised=False)


def export_program(program: Program, options: ExportOptions, *, standardised: bool) -> ExportedNetwork:
    """Write a traced program by the options.

    Args:
        program: as `trace` gives it.
        options: how to export it.
        standardised: whether its first step is a standardisation that was given beside the network.
    """
    found = meaning(program, options.output, options.water_class)
    program = with_masks(program, options.masked, standardised=standardised)
    if options.form != "auto":
        return checked(compile_program(program, found, options, options.form))
    candidates = [compile_program(program, found, options, form) for form in FORMS if form != "auto"]
    fitting = [candidate for candidate in candidates if candidate.cost.payload_bytes <= MAX_REQUEST_BYTES]
    return checked(min(fitting or candidates, key=lambda candidate: candidate.cost.nanoseconds_per_pixel))


def checked(exported: ExportedNetwork) -> ExportedNetwork:
    """Return the network, or refuse one that no request could hold."""
    size = exported.cost.payload_bytes
    if size > MAX_REQUEST_BYTES:
        raise ExportError(
            f"the exported network is {size:,} bytes and a request may hold {MAX_REQUEST_BYTES:,}; "
            "use fewer channels, or form=array"
        )
    return exported


def compile_program(program: Program, found: Meaning, options: ExportOptions, form: str) -> ExportedNetwork:
    """Write a traced program in one form, with its outputs."""
    headed, half = with_head(program, found, options.temperature)
    wanted = set(options.outputs)
    if "logits" in wanted and found.output == "probability":
        raise ExportError("outputs=logits: the network gives a probability and no logits; use outputs=own")
    # What is to be given out must survive the folding of the head, so both go through as one value.
    own: Op | None = None
    if wanted & {"logits", "own"} or ("classes" in wanted and half):
        program = simplify(program)
        headed, half = with_head(program, found, options.temperature)
        own = program.output
    else:
        headed = simplify(headed)
    lowered = array(headed, own, INPUT) if form == "array" else kernel(headed, own, INPUT, flip=options.flip)
    result = _outputs(lowered, found, options, half)
    return ExportedNetwork(program.input.features, options, found, headed, result, form)


def _outputs(lowered: bands.Lowered, found: Meaning, options: ExportOptions, half: bool) -> Call:
    """Put the asked-for bands together, masked where a feature is missing."""
    if half:
        chosen = activations.from_half(lowered.output)
    else:
        chosen = image("select", lowered.output, [0 if found.classes == 1 else found.water_class])
    probability = image("toFloat", image("rename", chosen, ["probability"]), label="probability")
    parts: list[Call] = []
    for output in options.outputs:
        if output == "probability":
            parts.append(probability)
        elif output == "water":
            water = image("gte", probability, shortest(options.threshold))
            parts.append(image("toByte", image("rename", water, ["water"]), label="water"))
        elif output in ("logits", "own"):
            assert lowered.logits is not None
            word = "logit" if output == "logits" else "output"
            named = image("rename", lowered.logits, [f"{word}_{index}" for index in range(found.classes)])
            parts.append(image("toFloat", named))
        else:
            parts.append(_class_probabilities(lowered, probability, found, half))
    return image("updateMask", bands.join(parts), lowered.mask, label="result")


def _class_probabilities(lowered: bands.Lowered, water: Call, found: Meaning, half: bool) -> Call:
    if not half and found.classes > 1:
        named = image("rename", lowered.output, [f"probability_{index}" for index in range(found.classes)])
        return image("toFloat", named)
    land = image("add", image("multiply", water, -1), 1)
    pair = [land, water] if found.water_class == 1 else [water, land]
    return image("rename", bands.join(pair), ["probability_0", "probability_1"])


def describe(op: Op) -> dict[str, Any]:
    """One operation, for people."""
    description: dict[str, Any] = {"operation": type(op).__name__.lower(), "place": op.place, "channels": op.channels}
    for name in ("kind", "size", "dilation", "groups", "parameters"):
        value = getattr(op, name, None)
        if value is not None and value != () and value != (1, 1) and not (name == "groups" and value == 1):
            # An open bound is None: JSON has no infinity.
            plain = [one if abs(one) < float("inf") else None for one in value] if isinstance(value, tuple) else value
            description[name] = plain
    if isinstance(op, Softmax):
        description["logarithm"] = op.logarithm
    return description
