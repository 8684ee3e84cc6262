"""`to_earth_engine`: a trained PyTorch network as an Earth Engine function, and its proof, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ExportError
from water_gee.export.interpreter import evaluate
from water_gee.export.ir import Program
from water_gee.export.network import ExportedNetwork, ExportOptions, export_program
from water_gee.export.parity import TOLERANCE, Parity, compare, total
from water_gee.export.sources import as_module
from water_gee.export.tracing import evaluated, trace
from water_gee.export.trial import try_out

Standardisation = tuple[Sequence[float], Sequence[float]]  # mean and deviation of each band
Reading = Callable[[Tensor], Tensor]  # what a network returns -> probability of water [n, y, x]


@dataclass(frozen=True)
class Proof:
    """How far an exported network agrees with the module that it was made of.

    Attributes:
        probability: the two probabilities, pixel by pixel.
        outputs: the largest difference of what the network itself returns, in parts of its largest value.
        reading: how the module's output was read as a probability.
    """

    probability: Parity
    outputs: float
    reading: str

    @property
    def equal(self) -> bool:
        """Whether both agree; nothing compared is not equal."""
        return self.probability.equal and self.outputs <= TOLERANCE

    def __str__(self) -> str:
        return f"{self.probability}; outputs within {self.outputs:.1e} of their scale; read as: {self.reading}"


class _Standardised(nn.Module):
    """A network behind the standardisation that was given beside it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, deviation: Tensor, fill: bool) -> None:
        super().__init__()
        self.network, self.fill = network, fill
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Any:
        """Standardise raw features [n, band, y, x] and run the network."""
        x = (x - self.mean) / self.deviation
        return self.network(torch.nan_to_num(x, nan=0.0) if self.fill else x)


@dataclass(frozen=True)
class EarthEngineNetwork:
    """A network that Earth Engine can run.

    Attributes:
        bands: of the image that it reads, in order.
        exported: its operations.
        module: the network it was made of.
        traced: the network in the intermediate form.
        standardisation: mean and deviation that its input is standardised by, if they were given.
    """

    bands: tuple[str, ...]
    exported: ExportedNetwork
    module: nn.Module
    traced: Program
    standardisation: tuple[NDArray[np.float32], NDArray[np.float32]] | None

    def image(self, features: Any) -> Any:
        """Map an `ee.Image` with the bands to one of `water` and `probability`; needs an initialised `ee`."""
        return self.exported.image(features)

    def function_json(self) -> str:
        """Return the network as a serialized Earth Engine function: `ee.deserializer.fromJSON` gives it back."""
        return self.exported.function_json()

    def code_editor(self) -> str:
        """Return the network as a script for the Code Editor."""
        from water_gee.export.script import network_script

        return network_script(self.exported)

    @property
    def report(self) -> dict[str, Any]:
        """What it is, which rules hold, and what it costs: plain values."""
        return self.exported.report

    def check(self, samples: Any, reading: Reading | None = None) -> Proof:
        """Compare the exported function with the module, called as you call it.

        The function is evaluated by a second reading of Earth Engine's documentation on numpy arrays, which shares no
        code with the exporter. Run on the service, `image` is proven there.

        Args:
            samples: raw features [n, band, y, x] or [band, y, x], NaN where masked; a pixel that lacks one band counts
                as masked altogether.
            reading: your own reading of the module's output as the probability of water [n, y, x], for instance
                `lambda y: y.softmax(1)[:, 1]`. Without it the probability is read as `report["reading"]` says.

        Raises:
            ExportError: the samples are too small to hold one whole window, or of another number of bands.
        """
        batch = np.asarray(samples, dtype=np.float32)
        batch = batch[None] if batch.ndim == 3 else batch
        reach = max(self.exported.program.reach, self.exported.program.margin)
        if batch.ndim != 4 or batch.shape[1] != len(self.bands) or min(batch.shape[2:]) <= 2 * reach:
            raise ExportError(
                f"samples must be [n, {len(self.bands)}, y, x] with at least {2 * reach + 1} rows and columns; "
                f"these are {list(batch.shape)}"
            )
        unknown: Any = np.isnan(batch).any(axis=1)
        batch = np.where(unknown[:, None], np.float32(np.nan), batch)
        own, expected = self._expected(batch, reading)
        read = "probability" in self.exported.options.outputs
        text = self.function_json() if read else self._with(("water", "probability")).function_json()
        outputs = self._with(("own",)).function_json()
        options, names = self.exported.options, self.exported.features
        proofs, worst, scale = [], 0.0, 1.0
        for number, sample in enumerate(batch):
            inside = (slice(reach, sample.shape[1] - reach), slice(reach, sample.shape[2] - reach))
            # A network that pads returns the border as well.
            down, across = (reach - (sample.shape[axis] - own.shape[axis + 1]) // 2 for axis in (1, 2))
            within = (slice(down, own.shape[2] - down), slice(across, own.shape[3] - across))
            masked = self._masked(unknown[number])[inside]
            found = evaluate(text, sample, names, options.flip)
            proofs.append(
                compare(
                    np.where(masked, np.float32(np.nan), expected[number][within]),
                    found["probability"][inside].astype(np.float32),
                    options.threshold,
                    found["water"][inside] if "water" in found else None,
                )
            )
            values = np.stack([band[inside] for band in evaluate(outputs, sample, names, options.flip).values()])
            wanted = np.where(masked, np.nan, own[number][:, *within])
            worst = max(worst, float(np.nanmax(np.abs(values - wanted), initial=0.0)))
            scale = max(scale, float(np.nanmax(np.abs(wanted), initial=0.0)))
        how = "your own reading" if reading is not None else self.exported.meaning.words
        return Proof(total(proofs), worst / scale, how)

    def _expected(self, batch: NDArray[np.float32], reading: Reading | None, calls: int = 1) -> tuple[Any, Any]:
        """What the module returns [n, class, y, x] at the last call, and the probability of water read from it."""
        x = torch.from_numpy(batch)
        if self.standardisation is not None:
            mean, deviation = (torch.from_numpy(one)[None, :, None, None] for one in self.standardisation)
            x = (x - mean) / deviation
            if self.exported.options.masked == "mean":
                x = torch.where(torch.isnan(x), torch.zeros_like(x), x)
        with evaluated(self.module) as module, torch.no_grad():
            for _ in range(calls):
                try:
                    returned = module(x)
                except RuntimeError:  # a module in double precision
                    returned = module(x.double())
            own = _only(returned)
            probability = self._read(own) if reading is None else reading(returned)
        own = own[:, None] if own.ndim == 3 else own
        return own.double().numpy(), probability.float().numpy()

    def _read(self, returned: Tensor) -> Tensor:
        found = self.exported.meaning
        returned = returned[:, None] if returned.ndim == 3 else returned
        if found.output == "logits":
            scaled = returned / self.exported.options.temperature
            if found.classes > 1:
                return torch.softmax(scaled, dim=1)[:, found.water_class]
            returned = torch.sigmoid(scaled)
        if found.classes == 1:
            return returned[:, 0] if found.water_class == 1 else 1 - returned[:, 0]
        return returned[:, found.water_class]

    def _masked(self, unknown: Any) -> Any:
        """Which pixels the rule masks: the masked ones and, under `reach`, those whose window touches one."""
        touched = self.exported.program.touched
        if touched is None:
            return unknown
        from scipy.ndimage import binary_dilation

        return binary_dilation(unknown, structure=touched)

    def _with(self, outputs: tuple[str, ...]) -> ExportedNetwork:
        options = replace(self.exported.options, outputs=outputs, form=self.exported.form)
        return export_program(self.traced, options, standardised=self.standardisation is not None)


def to_earth_engine(
    network: Any,
    bands: Sequence[str],
    *,
    standardisation: Standardisation | None = None,
    output: str = "auto",
    water_class: int | str | None = None,
    masked: str | None = None,
    border: str = "refuse",
    form: str = "array",
    threshold: float = 0.5,
    temperature: float = 1.0,
    outputs: Sequence[str] = ("water", "probability"),
    flip: bool = False,
) -> EarthEngineNetwork:
    """Carry a trained network into Earth Engine. No `ee.Initialize` is needed for it, and no account.

    Args:
        network: a torch module that maps features [n, band, y, x] to scores [n, class, y', x'], the same at every
            pixel; it is taken in evaluation, and stays as it is. Or a fitted estimator of scikit-learn (see
            `sources.as_module`).
        bands: the names of the bands of the image that it will read, in order.
        standardisation: (mean, deviation) by band, if the network expects standardised features; the exported function
            reads raw ones.
        output: what the network returns: `logits`, a `probability`, or `auto` where its graph proves which.
        water_class: which class is water; needed for more than two. By default class 1 of two; of one output, whether
            it speaks of water (1, the default) or of land (0). Of an estimator, one of its own `classes_`.
        masked: `reach` masks every pixel whose window touches a masked one; `mean` counts a masked neighbour as the
            mean of `standardisation`. By default what torch does with NaN: `reach`, unless the network fills by itself.
        border: `refuse` layers that pad, or take the network as it is in the `interior`, away from any border.
        form: `array`, `kernel` or `auto`, the cheaper one; the first sends less and is mostly quicker.
        threshold: water is where the probability is at least this.
        temperature: the logits are divided by it before the softmax (calibration).
        outputs: of `water`, `probability`, `logits`, `classes` and `own`, what the network itself returns.
        flip: whether the service turns the kernels of `convolve`; only the form `kernel` asks.

    Raises:
        ExportError: a layer cannot be carried over, with its place and what to write instead; or what the output means,
            which class is water, or what a masked pixel counts as is neither shown by the network nor given.
    """
    names = tuple(bands)
    if isinstance(bands, str) or not names or not all(isinstance(name, str) and name for name in names):
        raise ExportError("bands must be the names of the network's input bands, in order: ['green', 'nir', ..]")
    if len(set(names)) != len(names):
        raise ExportError(f"bands name a band twice: {', '.join(names)}")
    source = as_module(network, names, output, water_class)
    if source.raw and standardisation is not None:
        raise ExportError(
            "standardisation is for networks; an estimator reads the features that it was fitted on: leave it out, or "
            "fit a Pipeline of StandardScaler and the estimator"
        )
    network = source.module
    options = ExportOptions(
        threshold=threshold, temperature=temperature, form=form, outputs=tuple(outputs), output=source.output,
        water_class=source.water_class, masked=masked, border=border, flip=flip,
    )  # fmt: skip
    whole, scales = network, None
    if standardisation is not None:
        scales = _standardisation(standardisation, len(names))
        mean, deviation = (torch.from_numpy(one)[None, :, None, None] for one in scales)
        whole = _Standardised(network, mean, deviation, masked == "mean") if isinstance(network, nn.Module) else network
    program = trace(whole, names, border)
    exported = export_program(program, options, standardised=standardisation is not None)
    made = EarthEngineNetwork(names, exported, network, program, scales)
    try_out(made.module, lambda batch, calls: made._expected(batch, None, calls)[0], made._with(("own",)), scales)
    return made


def _only(returned: Any) -> Tensor:
    """The one tensor that a module returns, out of the tuple or dictionary that may hold it."""
    while not isinstance(returned, Tensor):
        returned = next(iter(returned.values() if isinstance(returned, dict) else returned))
    return returned


def _standardisation(given: Standardisation, bands: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    try:
        mean, deviation = (np.asarray(one, dtype=np.float32).ravel() for one in given)
    except (TypeError, ValueError) as error:
        raise ExportError("standardisation must be (mean, deviation), each a number a band") from error
    if len(mean) != bands or len(deviation) != bands:
        raise ExportError(f"standardisation has {len(mean)} means and {len(deviation)} deviations for {bands} bands")
    if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all()):
        raise ExportError("standardisation must be of finite means, and deviations above 0")
    return mean, deviation
