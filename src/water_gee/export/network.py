"""An exported network: the calls, the Earth Engine function made of them, and what it costs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from water_gee.errors import ExportError
from water_gee.export.calls import Call, Function, Name, from_expression, image, shortest, to_ee
from water_gee.export.cost import Cost, count_calls
from water_gee.export.forms import activations, array, bands, kernel
from water_gee.export.ir import Conv, Op, Program, Softmax
from water_gee.export.passes import simplify, with_head
from water_gee.export.tracing import trace

FORMS = ("array", "kernel", "auto")
OUTPUTS = ("water", "probability", "logits", "classes")
MAX_REQUEST_BYTES = 10_485_760  # a request body of the service
INPUT = Name("image")


@dataclass(frozen=True)
class ExportOptions:
    """How a network is to be exported.

    Attributes:
        threshold: water is where the probability is at least this.
        temperature: the logits are divided by it before the softmax (calibration).
        form: `array`, `kernel` or `auto`, the cheaper of both.
        outputs: of `water`, `probability`, `logits` (bands logit_0 ..) and `classes` (probability_0 ..).
        water_class: the class that means water; a network of one output gives its log-odds.
        border: `refuse` layers that pad, or take the network as it is in the `interior`.
        flip: whether the service turns a kernel by 180 degrees in `convolve`; only the form `kernel` asks.
    """

    threshold: float = 0.5
    temperature: float = 1.0
    form: str = "array"
    outputs: tuple[str, ...] = ("water", "probability")
    water_class: int = 1
    border: str = "refuse"
    flip: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ExportError(f"form {self.form!r} is not one of {', '.join(FORMS)}")
        unknown = [output for output in self.outputs if output not in OUTPUTS]
        if unknown or not self.outputs:
            raise ExportError(f"outputs {unknown or 'are empty'}; choose from {', '.join(OUTPUTS)}")
        if not 0.0 <= self.threshold <= 1.0 or not self.temperature > 0.0:
            raise ExportError("threshold must lie in 0..1 and temperature be above 0")
        if self.border not in ("refuse", "interior"):
            raise ExportError(f"border {self.border!r} is not refuse or interior")


@dataclass(frozen=True)
class ExportedNetwork:
    """A network as Earth Engine operations."""

    features: tuple[str, ...]
    options: ExportOptions
    program: Program
    result: Call
    form: str
    array_bytes: int

    def apply(self, composite: Any) -> Any:
        """Map an `ee.Image` that has the feature bands to one with the output bands."""
        import ee

        return ee.Image(to_ee(self.result, {INPUT.name: ee.Image(composite)}))

    @cached_property
    def function(self) -> Any:
        """The same as an `ee.Function` of one argument, `image`."""
        from ee import customfunction

        signature = {"name": "", "returns": "Image", "args": [{"name": INPUT.name, "type": "Image"}]}
        return customfunction.CustomFunction(signature, self.apply)

    def function_json(self) -> str:
        """The serialized function, as `expression.json` holds it: `ee.Deserializer.fromJSON` gives it back."""
        return str(self.function.serialize())

    @cached_property
    def cost(self) -> Cost:
        """What the network costs; see `cost.Cost`."""
        text = self.function_json()
        calls, size, macs = count_calls(json.loads(text)), len(text.encode()), self.program.macs
        if self.form == "array":
            return Cost(calls, size, macs, self.array_bytes)
        layers = [op for op in self.program.ordered() if isinstance(op, Conv)]
        weighted = sum(int(layer.weight.size) for layer in layers if layer.pointwise)
        return Cost(calls, size, macs, 0, convolved=macs - weighted, weighted=weighted)

    @property
    def report(self) -> dict[str, Any]:
        """What `export.json` says of the network."""
        cost = self.cost
        return {
            "features": list(self.features),
            "outputs": list(self.options.outputs),
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
            "estimated_nanoseconds_per_pixel": round(cost.nanoseconds_per_pixel),
        }


def export_network(
    network: nn.Module, features: Sequence[str], options: ExportOptions | None = None, **choices: Any
) -> ExportedNetwork:
    """Carry a network of raw features [n, feature, y, x] -> logits [n, class, y', x'] into Earth Engine.

    Args:
        network: a torch module of supported layers, in evaluation it is the same at every pixel.
        features: the band names of its input, in order.
        options: how to export it; or give the attributes of `ExportOptions` as keywords.
        **choices: attributes of `ExportOptions`.

    Raises:
        ExportError: a layer is not supported, or the graph is larger than a request may be.
    """
    options = options if options is not None else ExportOptions(**choices)
    program = trace(network, features, options.border)
    if options.form != "auto":
        return checked(compile_program(program, options, options.form))
    candidates = [compile_program(program, options, form) for form in FORMS if form != "auto"]
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


def compile_program(program: Program, options: ExportOptions, form: str) -> ExportedNetwork:
    """Write a traced program in one form, with its outputs."""
    headed, half = with_head(program, options.temperature, options.water_class)
    wants_logits = "logits" in options.outputs or ("classes" in options.outputs and half)
    # Logits that are to be given out must survive the folding of the head, so both go through as one value.
    logits: Op | None = None
    if wants_logits:
        program = simplify(program)
        headed, half = with_head(program, options.temperature, options.water_class)
        logits = program.output
    else:
        headed = simplify(headed)
    lowered = array(headed, logits, INPUT) if form == "array" else kernel(headed, logits, INPUT, flip=options.flip)
    result = _outputs(lowered, headed, program, options, half)
    return ExportedNetwork(program.input.features, options, headed, result, form, lowered.array_bytes)


def _outputs(lowered: bands.Lowered, headed: Program, program: Program, options: ExportOptions, half: bool) -> Call:
    """Put the asked-for bands together, masked where a feature is missing."""
    classes = program.output.channels
    if half:
        chosen = activations.from_half(lowered.output)
    else:
        chosen = image("select", lowered.output, [options.water_class])
    probability = image("toFloat", image("rename", chosen, ["probability"]), label="probability")
    parts: list[Call] = []
    for output in options.outputs:
        if output == "probability":
            parts.append(probability)
        elif output == "water":
            water = image("gte", probability, shortest(options.threshold))
            parts.append(image("toByte", image("rename", water, ["water"]), label="water"))
        elif output == "logits":
            assert lowered.logits is not None
            named = image("rename", lowered.logits, [f"logit_{index}" for index in range(classes)])
            parts.append(image("toFloat", named))
        else:
            parts.append(_class_probabilities(lowered, probability, classes, half, options.water_class))
    return image("updateMask", bands.join(parts), lowered.mask, label="result")


def _class_probabilities(lowered: bands.Lowered, water: Call, classes: int, half: bool, water_class: int) -> Call:
    if not half:
        named = image("rename", lowered.output, [f"probability_{index}" for index in range(classes)])
        return image("toFloat", named)
    land = image("add", image("multiply", water, -1), 1)
    pair = [land, water] if water_class == 1 else [water, land]
    return image("rename", bands.join(pair), ["probability_0", "probability_1"])


def describe(op: Op) -> dict[str, Any]:
    """One operation, for people."""
    description: dict[str, Any] = {"operation": type(op).__name__.lower(), "place": op.place, "channels": op.channels}
    for name in ("kind", "size", "dilation", "groups", "parameters"):
        value = getattr(op, name, None)
        if value is not None and value != () and value != (1, 1) and not (name == "groups" and value == 1):
            description[name] = list(value) if isinstance(value, tuple) else value
    if isinstance(op, Softmax):
        description["logarithm"] = op.logarithm
    return description


def load(path: str | Path) -> Any:
    """Load an `expression.json`: what comes back maps an `ee.Image` of the features to water and probability.

    `ee.deserializer.fromJSON` reads the same file; this one builds the same graph many times faster.

    Raises:
        ExportError: the file is absent or no exported network.
    """
    import ee

    try:
        function = from_expression(json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ExportError(f"{path} does not exist; run first: water-gee export") from error
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}); run again: water-gee export") from error
    except (ValueError, KeyError, TypeError, AttributeError, ee.EEException) as error:
        raise ExportError(f"{path} is not an exported network ({error}); run `water-gee export` again") from error
    if not isinstance(function, Function) or not isinstance(function.body, Call) or len(function.parameters) != 1:
        raise ExportError(f"{path} is an expression but no function of an image; run `water-gee export` again")
    (parameter,), body = function.parameters, function.body
    return lambda composite: ee.Image(to_ee(body, {parameter: ee.Image(composite)}))
