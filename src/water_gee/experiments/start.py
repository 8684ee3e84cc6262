"""What a training is made of: the network that it starts from (`ckpt`, `prune.from`), its teacher (`distil.from`)."""

import os
from dataclasses import dataclass
from pathlib import Path

from water_gee.config.model import NetworkSettings, OwnNetworkSettings
from water_gee.config.settings import Settings
from water_gee.config.target import TARGET
from water_gee.errors import ConfigError, ModelError
from water_gee.experiments.champion import find
from water_gee.files import sha256
from water_gee.models import NETWORKS, TrainedModel, load_checkpoint
from water_gee.paths import Layout
from water_gee.runs import CHAMPION, Choice, Lineage, job_key

_TEACHER = "distil.from"
LAST = "last"  # as `ckpt`: go on with the newest unfinished run of the same configuration


@dataclass(frozen=True)
class Start:
    """A trained network to start from."""

    path: Path
    sha256: str
    run: str  # the run or file that it is of
    model: TrainedModel
    share: float = 0.0  # of its multiply-adds that is pruned; 0: none

    @property
    def params(self) -> dict[str, str]:
        """What a run that starts from it logs beside its own choices."""
        return {"started_from": self.run, **({"prune": f"{self.share:g}"} if self.share else {})}

    @property
    def text(self) -> str:
        """What names a run that starts from it."""
        return f"pruned={self.share:g}" if self.share else f"from={self.run}"


@dataclass(frozen=True)
class Teacher:
    """A trained network, or a baseline, from which another network learns."""

    path: Path
    sha256: str
    run: str  # the run or file that it is of
    model: TrainedModel
    weight: float  # of its probabilities in the loss

    @property
    def params(self) -> dict[str, str]:
        """What a run that learns from it logs beside its own choices."""
        return {"taught_by": self.run, "distil": f"{self.weight:g}"}

    @property
    def text(self) -> str:
        """What names a run that learns from it."""
        return f"distil={self.weight:g}"


def teacher_of(settings: Settings) -> Teacher | None:
    """Return the teacher that the settings name, or None.

    Raises:
        ModelError: there is no such run or file, it is not finished, or its checkpoint is broken.
        ConfigError: it reads other features, or what is trained is no network.
    """
    wanted = settings.distil.source
    if not wanted:
        return None
    choice, known, model, run = _found(settings, wanted, _TEACHER)
    return Teacher(choice.path, known, run, model, settings.distil.weight)


def start_of(settings: Settings) -> Start | None:
    """Return what the settings say that a training starts from, or None of a new network.

    Raises:
        ModelError: there is no such run or file, it is not finished, or its checkpoint is broken.
        ConfigError: `ckpt` and `prune.from` both name a network, or it does not fit the configuration.
    """
    ckpt = None if settings.ckpt == LAST else settings.ckpt
    pruned = settings.prune.source
    if ckpt and pruned:
        raise ConfigError(f"ckpt={ckpt} and prune.from={pruned} both name a network to start from; give one of them")
    key, wanted = ("prune.from", pruned) if pruned else ("ckpt", ckpt)
    if not wanted:
        return None
    choice, known, model, run = _found(settings, wanted, key)
    if model.own and pruned:
        raise ConfigError(
            f"{key}={wanted} is of {model.own.target}, a network of your own, which is not pruned since its layers "
            "need be no chain; leave out prune.from, and train it with narrower arguments"
        )
    if not (model.own or (model.kind in NETWORKS and model.widths)):
        raise ConfigError(f"{key}={wanted} is of model={model.kind}, which is no network that can be trained further")
    return Start(choice.path, known, run, model, settings.prune.share if pruned else 0.0)


def with_network_of(settings: Settings, start: Start | None) -> Settings:
    """Return the settings with kind and widths of the network that is started from, which decides them."""
    chosen, own = settings.model, start.model.own if start else None
    if start is None or not isinstance(chosen, NetworkSettings | OwnNetworkSettings):
        return settings
    shared = {"name": start.model.kind, "lr": chosen.lr, "weight_decay": chosen.weight_decay}
    network: NetworkSettings | OwnNetworkSettings
    if own:
        given = {**own.arguments, **shared, TARGET: own.target, "water_class": own.water_class}
        network = OwnNetworkSettings.model_validate(given)
    else:
        network = NetworkSettings.model_validate({**shared, "widths": list(start.model.widths)})
    return settings.model_copy(update={"model": network})


def training_key(settings: Settings, origin: Lineage) -> str:
    """Return what two trainings share that must come out the same: configuration, code, data, start and teacher.

    Raises:
        ModelError: a network that is named is not there, or is broken.
        ConfigError: it does not fit the configuration.
    """
    start, teacher = start_of(settings), teacher_of(settings)
    known = with_network_of(settings, start)
    return job_key(known, origin, start.sha256 if start else "", teacher.sha256 if teacher else "")


def _found(settings: Settings, wanted: str, key: str) -> tuple[Choice, str, TrainedModel, str]:
    """Return the checkpoint that a key names, its hash, the model in it, and the run or file that it is of."""
    if wanted == CHAMPION and "DVC_STAGE" in os.environ:
        raise ModelError(
            f"{key}={CHAMPION} may become another model without DVC's notice; write its run's id there, which "
            "water-gee promote tells"
        )
    choice = find(Layout.of(settings), wanted, key)
    known = choice.sha256 or sha256(choice.path)
    model = load_checkpoint(choice.path, known)
    told = f"{key}={wanted}"
    if not isinstance(settings.model, NetworkSettings | OwnNetworkSettings):
        does = "teaches" if key == _TEACHER else "is"
        raise ConfigError(f"{told} {does} a network; leave out model={settings.model.name}, which is none")
    if model.features != tuple(settings.features.names):
        raise ConfigError(
            f"{told} reads the features {', '.join(model.features)} and the configuration lists "
            f"{', '.join(settings.features.names)}; set features.names to the former"
        )
    return choice, known, model, choice.path.parent.name if choice.record else choice.path.name
