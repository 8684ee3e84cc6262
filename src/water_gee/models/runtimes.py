"""A trained network in PyTorch or a faster runtime, ONNX Runtime or OpenVINO, with PyTorch's own answers.

An image of any size takes the memory of a small one: it goes through the network window by window.
"""

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ConfigError, ModelError
from water_gee.files import write_bytes
from water_gee.models.nets import crop
from water_gee.models.trained import TrainedModel, predict
from water_gee.progress import say

Float = NDArray[np.float32]
Predictor = Callable[[Float], Float]  # features [band, y, x] with a margin -> probability [y, x], as `predict` gives it

TOLERANCE = 1e-5  # of probabilities that count as equal
_NEEDS: dict[str, tuple[str, ...]] = {
    "torch": (),
    "onnx": ("onnxruntime", "onnxscript"),
    "openvino": ("openvino", "onnxscript"),
}
RUNTIMES = tuple(_NEEDS)
AUTO = "auto"
_SIDE = 128  # pixels of a window, at least: what a network keeps of it lies in the processor's caches
_RADII = 16  # of the network, that a window is wide at least: neighbours' pixels are computed anew for each


def choose(model: TrainedModel, wanted: str = AUTO, keep: Path | None = None) -> tuple[str, Predictor]:
    """Return a runtime and the model's predictor in it.

    Args:
        model: a trained model.
        wanted: a runtime's name, or `auto`: ONNX Runtime where it is installed, holds this network and answers equally,
            else PyTorch; why is then told in one line.
        keep: see `predictor`.

    Raises:
        ConfigError: the runtime that is wanted is unknown, or a package is missing.
        ModelError: it cannot hold this network, or answers otherwise than PyTorch.
    """
    if wanted != AUTO:
        return wanted, predictor(model, wanted, keep)
    if missing := [name for name in _NEEDS["onnx"] if find_spec(name) is None]:
        reason = f"{missing[0]} is not installed; twice as quick with: pip install {' '.join(missing)}"
    else:
        try:
            return "onnx", predictor(model, "onnx", keep)
        except ModelError as error:
            reason = str(error).partition(";")[0]
    say(f"predict.runtime=auto: PyTorch makes the maps ({reason})")
    return "torch", predictor(model, "torch")


def require_runtime(runtime: str) -> None:
    """Check that a runtime's packages are installed, without importing them.

    Raises:
        ConfigError: the runtime is unknown, or a package is missing.
    """
    if runtime not in _NEEDS:
        raise ConfigError(f"predict.runtime: {runtime!r} is unknown; choose from {', '.join(RUNTIMES)}")
    if missing := [name for name in _NEEDS[runtime] if find_spec(name) is None]:
        raise ConfigError(
            f"predict.runtime={runtime} needs what is not installed; run: pip install {' '.join(missing)}, "
            "or set predict.runtime=torch"
        )


def predictor(model: TrainedModel, runtime: str = "torch", keep: Path | None = None) -> Predictor:
    """Return `predict` of a model in a runtime, with as many threads as PyTorch uses now; threads may share it.

    Args:
        model: a trained model.
        runtime: `torch`, `onnx` (ONNX Runtime) or `openvino`.
        keep: a file for the model's ONNX form, which takes seconds to make: read where it is there, and its answers
            are PyTorch's; else written.

    Returns:
        A function from raw features float32 [band, y, x], NaN where masked, with a margin of the network's radius r,
        to the probability of water float32 [y - 2r, x - 2r], NaN where the pixel itself is masked.

    Raises:
        ConfigError: the runtime is unknown, or a package is missing.
        ModelError: the runtime cannot hold this network, or answers otherwise than PyTorch.
    """
    require_runtime(runtime)
    if runtime == "torch":
        return _in_windows(partial(predict, model), model.network.radius)
    if keep is not None and keep.is_file():
        with suppress(ModelError):
            return _checked(model, runtime, keep.read_bytes())
    content = to_onnx(model)
    predicted = _checked(model, runtime, content)
    if keep is not None:
        write_bytes(keep, content)
    return predicted


def _checked(model: TrainedModel, runtime: str, content: bytes) -> Predictor:
    """Return the predictor of a model's ONNX form.

    Raises:
        ModelError: the runtime cannot hold it, or answers otherwise than PyTorch.
    """
    try:
        predicted = _onnx_runtime(content) if runtime == "onnx" else _openvino(content)
        difference = _difference(model, predicted)
    except Exception as error:  # each runtime raises its own for a graph that it cannot hold
        raise ModelError(f"a model of kind {model.kind} cannot run in {runtime}; set predict.runtime=torch") from error
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{runtime} differs from PyTorch by {difference:.1e} on this machine; set predict.runtime=torch"
        )
    return _in_windows(predicted, model.network.radius)


def _in_windows(predicted: Predictor, radius: int) -> Predictor:
    """Return a predictor of images of any size, from one that is given square windows of it and their margin."""
    side = max(_SIDE, _RADII * radius)

    def whole(features: Float) -> Float:
        height, width = features.shape[1] - 2 * radius, features.shape[2] - 2 * radius
        probability = np.empty((height, width), np.float32)
        for y in range(0, height, side):
            for x in range(0, width, side):
                window = features[:, y : y + side + 2 * radius, x : x + side + 2 * radius]
                probability[y : y + side, x : x + side] = predicted(window)
        return probability

    return whole


@contextmanager
def one_thread() -> Iterator[None]:
    """Let operations of PyTorch run in the calling thread alone, and in those that begin within the block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def to_onnx(model: TrainedModel) -> bytes:
    """Return a model as ONNX: raw features [1, band, y, x] in, the probability of water [1, 1, y - 2r, x - 2r] out.

    Masks, standardisation, temperature and softmax are part of the graph; height and width are free.

    Raises:
        ModelError: an operation of the network has no ONNX form.
    """
    radius = model.network.radius
    features = torch.zeros(1, len(model.features), 2 * radius + 16, 2 * radius + 17)
    shortest = 2 * radius + 1
    sides = {2: torch.export.Dim("height", min=shortest), 3: torch.export.Dim("width", min=shortest)}
    # By torch.export, the default since PyTorch 2.9. The exporter by TorchScript is quicker (0.1 s, not 3 s) but
    # deprecated, like TorchScript itself, and is not free of extra packages either: it asks for `onnx`.
    try:
        with _quiet():
            program = torch.onnx.export(
                _Probability(model).eval(), (features,), dynamic_shapes=(sides,), dynamo=True, verbose=False
            )
    except torch.onnx.OnnxExporterError as error:
        raise ModelError(f"a model of kind {model.kind} has no ONNX form; set predict.runtime=torch") from error
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


class _Probability(nn.Module):
    """All that `predict` computes, from raw features to the probability of water."""

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.network = model.network
        self.temperature = model.temperature

    def forward(self, features: Tensor) -> Tensor:
        """Map raw features [1, band, y, x] to the probability [1, 1, y - 2r, x - 2r], both NaN where masked."""
        masked = torch.isnan(features).any(dim=1, keepdim=True)
        logits: Tensor = self.network(features.masked_fill(masked, torch.nan)) / self.temperature
        probability = torch.sigmoid(logits[:, 1:2] - logits[:, :1])  # of two classes the softmax, in less time
        return probability.masked_fill(crop(masked, self.network.radius), torch.nan)


def _onnx_runtime(content: bytes) -> Predictor:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait by spinning are no quicker here, and take the cores from the threads that fetch features.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predicted(features: Float) -> Float:
        probability: Float = session.run(None, {name: np.ascontiguousarray(features)[None]})[0][0, 0]
        return probability

    return predicted


def _openvino(content: bytes) -> Predictor:
    import openvino

    # OpenVINO would compute in bfloat16 where a processor has it, and its probabilities would then differ.
    choices = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    core: Any = openvino.Core()
    compiled = core.compile_model(core.read_model(content), "CPU", choices)

    alone = threading.Lock()  # a compiled model answers one question at a time

    def predicted(features: Float) -> Float:
        with alone:
            probability: Float = compiled(np.ascontiguousarray(features)[None])[0][0, 0]
        return probability

    return predicted


def _difference(model: TrainedModel, predicted: Predictor) -> float:
    """Return the largest difference from `predict` on features like the training's; infinite if masks differ."""
    random = np.random.default_rng(0)
    standardise, side = model.network.standardise, 2 * model.network.radius + 48
    features = random.normal(scale=2, size=(len(model.features), side, side))
    features = (features * standardise.deviation[0].numpy() + standardise.mean[0].numpy()).astype(np.float32)
    features[:, random.random((side, side)) < 0.05] = np.nan
    expected, found = predict(model, features), predicted(features)
    if not np.array_equal(np.isnan(expected), np.isnan(found)):
        return np.inf
    return float(np.nanmax(np.abs(expected - found)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from warning of packages that nothing here needs, and of calls inside PyTorch itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
