"""A trained network in a faster runtime: ONNX Runtime or OpenVINO, on the processor, with PyTorch's own answers."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ConfigError, ModelError
from water_gee.models.nets import crop
from water_gee.models.trained import TrainedModel, predict

Float = NDArray[np.float32]
Predictor = Callable[[Float], Float]  # features [band, y, x] with a margin -> probability [y, x], as `predict` gives it

TOLERANCE = 1e-5  # of probabilities that count as equal
_NEEDS: dict[str, tuple[str, ...]] = {
    "torch": (),
    "onnx": ("onnxruntime", "onnxscript"),
    "openvino": ("openvino", "onnxscript"),
}
RUNTIMES = tuple(_NEEDS)


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


def predictor(model: TrainedModel, runtime: str = "torch") -> Predictor:
    """Return `predict` of a model in a runtime, with as many threads as PyTorch uses.

    Args:
        model: a trained model.
        runtime: `torch`, `onnx` (ONNX Runtime) or `openvino`.

    Returns:
        A function from raw features float32 [band, y, x], NaN where masked, with a margin of the network's radius r,
        to the probability of water float32 [y - 2r, x - 2r], NaN where the pixel itself is masked.

    Raises:
        ConfigError: the runtime is unknown, or a package is missing.
        ModelError: the runtime cannot hold this network, or answers otherwise than PyTorch.
    """
    require_runtime(runtime)
    if runtime == "torch":
        return partial(predict, model)
    content = to_onnx(model)
    try:
        predicted = _onnx_runtime(content) if runtime == "onnx" else _openvino(content)
        difference = _difference(model, predicted)
    except Exception as error:  # each runtime raises its own for a graph that it cannot hold
        raise ModelError(f"a model of kind {model.kind} cannot run in {runtime}; set predict.runtime=torch") from error
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{runtime} differs from PyTorch by {difference:.1e} on this machine; set predict.runtime=torch"
        )
    return predicted


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
        probability = torch.softmax(logits, dim=1)[:, 1:2]
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

    def predicted(features: Float) -> Float:
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


@contextlib.contextmanager
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
