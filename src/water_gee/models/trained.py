"""A trained network with all that its use depends on, in one checkpoint file."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from water_gee.config.target import TARGET, is_named
from water_gee.errors import ModelError
from water_gee.files import read_bytes, write_bytes
from water_gee.models.baselines import BoostedTrees, CFMaskRule, PixelLinear
from water_gee.models.nets import PixelNetwork, Standardise
from water_gee.models.networks import NETWORKS
from water_gee.models.own import Own, OwnBody, answers, build_own, check_answers, load_weights
from water_gee.sealed import read_checked

_FORMAT = "water_gee model 1"
_BODIES: dict[str, Callable[[int, Sequence[int]], nn.Module]] = {
    **NETWORKS,
    "otsu": PixelLinear,
    "cfmask": CFMaskRule,
    "logistic": PixelLinear,
    "boosted": BoostedTrees,
}


@dataclass(frozen=True)
class TrainedModel:
    """A network, the features it reads in order, and the probability from which a pixel counts as water."""

    network: PixelNetwork
    kind: str
    widths: tuple[int, ...]
    threshold: float = 0.5
    temperature: float = 1.0  # logits are divided by it before the softmax
    metadata: Mapping[str, Any] = field(default_factory=dict)  # plain types only
    own: Own | None = None  # of a network of the user's own: its class; it then has no widths

    @property
    def features(self) -> tuple[str, ...]:
        """The feature bands that the network reads, in order."""
        return self.network.features

    @property
    def text(self) -> str:
        """The kind and what sizes it, as a table shows it."""
        return f"{self.kind} {self.own.text if self.own else '-'.join(map(str, self.widths))}".strip()


def build_body(kind: str, bands: int, widths: Sequence[int], own: Own | None = None) -> nn.Module:
    """Return a new network or baseline of a kind for so many bands; `widths` are what sizes its kind.

    Hidden channels of a network's layers; nothing for `otsu`, `cfmask` and `logistic`; trees, leaves and edges for
    `boosted`. A network of the user's own is built of its class, `own`.

    Raises:
        ModelError: the kind is unknown or the widths do not fit it, or the user's class is not there or does not fit.
    """
    if own is not None:
        return build_own(own, bands)
    if kind not in _BODIES:
        raise ModelError(f"model.name: {kind!r} is unknown; choose from {', '.join(_BODIES)}")
    try:
        return _BODIES[kind](bands, widths)
    except ValueError as error:
        raise ModelError(f"model.widths: {list(widths)} does not fit {kind} ({error})") from error


def learned_numbers(model: TrainedModel) -> int:
    """Return how many numbers of a model were found on data; of a network that is its parameters."""
    body = model.network.body
    if isinstance(body, BoostedTrees):
        return body.learned
    if isinstance(body, PixelLinear):
        return 1 if model.kind == "otsu" else len(model.features) + 1  # the land logit is 0 and not learned
    return sum(parameter.numel() for parameter in body.parameters())


def save_checkpoint(path: Path, model: TrainedModel) -> None:
    """Write `model` to `path` atomically, as tensors and plain types."""
    standardise = model.network.standardise
    content = {
        "format": _FORMAT,
        "kind": model.kind,
        "widths": list(model.widths),
        "features": list(model.features),
        "mean": standardise.mean.flatten().tolist(),
        "deviation": standardise.deviation.flatten().tolist(),
        "body": {name: value.detach().cpu() for name, value in model.network.body.state_dict().items()},
        "threshold": model.threshold,
        "temperature": model.temperature,
        "metadata": dict(model.metadata),
    }
    body = model.network.body
    if isinstance(body, OwnBody):
        content["own"] = {
            "target": body.own.target, "arguments": dict(body.own.arguments), "water_class": body.own.water_class,
            "answers": answers(body, len(model.features)),
        }  # fmt: skip
    whole = io.BytesIO()  # torch itself says little of a full disk
    torch.save(content, whole)
    write_bytes(path, whole.getbuffer())


def load_checkpoint(path: Path, sha256: str = "", own: str = "") -> TrainedModel:
    """Read a checkpoint that `save_checkpoint` wrote.

    The class of a network of the user's own is imported only where the configuration names it, or `own`.

    Args:
        path: of the file.
        sha256: what its report knows of its bytes; empty where no report speaks for it.
        own: a class that may be imported, whatever the configuration names.

    Raises:
        ModelError: the file is absent or broken, not the one that is known, or not a checkpoint of this project; or it
            is of a class that nothing names, that is not there, or whose code was changed since.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; run first: python train.py, then water-gee select")
    advice = "run its training or selection again"
    if sha256:
        file = read_checked(path, sha256, advice, error=ModelError)
    else:
        file = read_bytes(path, advice, error=ModelError)
    try:
        content = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise KeyError(content["format"])
        features = tuple(content["features"])
        of = _own(content.get("own"), own)
        body = build_body(content["kind"], len(features), content["widths"], of)
        if isinstance(body, OwnBody):
            load_weights(body, content["body"])
            check_answers(body, len(features), content["own"]["answers"])
        else:
            body.load_state_dict(content["body"])
        network = PixelNetwork(Standardise(content["mean"], content["deviation"]), body, features).eval()
        return TrainedModel(
            network, content["kind"], tuple(content["widths"]), content["threshold"], content["temperature"],
            content["metadata"], of,
        )  # fmt: skip
    except ModelError as error:
        if content.get("own") is None:
            raise
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:  # torch raises its own, pickle's, zipfile's and many more for a broken file
        raise ModelError(f"{path} is not a Water_gee checkpoint or is broken; {advice}") from error


def _own(content: Mapping[str, Any] | None, allowed: str) -> Own | None:
    """Return the class that a checkpoint names, if it names one that may be imported.

    Raises:
        ModelError: it may not.
    """
    if content is None:
        return None
    target = content["target"]
    if target != allowed and not is_named(target):
        raise ModelError(
            f"it is of the class {target}, which is not imported since the configuration does not name it; give "
            f"--config-dir with the folder whose model/NAME.yaml has {TARGET}: {target}"
        )
    return Own(target, content["arguments"], content["water_class"])


@torch.inference_mode()
def predict(model: TrainedModel, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of water, fully convolutional.

    Args:
        model: a trained model of radius r.
        features: raw features [band, y, x] with a margin of r pixels, NaN where masked.

    Returns:
        Probability float32 [y - 2r, x - 2r], NaN where the pixel itself is masked.
    """
    radius = model.network.radius
    batch = torch.from_numpy(np.ascontiguousarray(features))[None]
    # A pixel counts as masked as soon as one of its bands is, here as in Earth Engine.
    masked = torch.isnan(batch).any(dim=1, keepdim=True)
    # Channels-last only now: masked_fill does not keep that layout, without which the network takes half as long again.
    batch = batch.masked_fill(masked, torch.nan).contiguous(memory_format=torch.channels_last)
    logits = model.network(batch) / model.temperature
    probability: NDArray[np.float32] = torch.softmax(logits, dim=1)[0, 1].numpy()
    centre = masked[0, 0].numpy()[radius : masked.shape[2] - radius, radius : masked.shape[3] - radius]
    return np.where(centre, np.float32(np.nan), probability)
