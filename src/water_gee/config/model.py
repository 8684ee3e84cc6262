"""`denoise`, `model`, `data`, `trainer`: labels and learning."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from water_gee.config.base import Count, Group, Positive, RunOrFile
from water_gee.config.choices import METHODS, NETWORKS, files_in
from water_gee.config.target import TARGET, code_hash, name_target

if TYPE_CHECKING:
    MethodName = str
    NetworkName = str
else:  # one of the files there, found without importing them
    MethodName = Literal[files_in(METHODS)]
    NetworkName = Literal[files_in(NETWORKS)]
_Gate = Annotated[Literal["fail", "warn", "off"], BeforeValidator(lambda v: "off" if v is False else v)]  # YAML's off


class DenoiseSettings(Group):
    """How noise is taken out of the labels: what all methods share.

    What a method has beside is declared with it, in `denoise/methods`, and checked by those who build it.
    """

    model_config = ConfigDict(extra="allow")

    method: MethodName
    areas: Annotated[list[str], Field(min_length=1)]
    show: tuple[str, ...]  # tiles to draw, AREA/ID each; then nothing is cleaned
    gate: _Gate  # on labels that would do harm: fail, warn, or off, which does not look
    radius: Annotated[int, Field(ge=0, le=15)]  # a pixel with an unseen neighbour this near is not used


class _Model(Group):
    """What the groups of `model` share."""

    def choices(self) -> dict[str, str]:
        """Return each choice as short text, the kind as `model`: what a run's table of parameters shows."""
        content = {"model" if key == "name" else key: value for key, value in self}
        return {key: _short(value) for key, value in content.items()}


class NetworkSettings(_Model):
    """A network and its optimiser."""

    name: NetworkName
    lr: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    widths: list[Count]


class OwnNetworkSettings(_Model):
    """A network of the user's own: a class, named as Hydra names it, its optimiser, and the arguments of the class."""

    model_config = ConfigDict(extra="allow", serialize_by_alias=True)

    target: str = Field(alias="_target_")  # TARGET, written out for type checkers: mypackage.nets.MyNet
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]  # by which runs call it; else the class's
    lr: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    water_class: Annotated[int, Field(ge=0)] | None = None  # which of its outputs means water
    code: str = ""  # a hash of its source files, found here: an edited network is another one

    @model_validator(mode="before")
    @classmethod
    def _named(cls, content: Mapping[str, Any]) -> dict[str, Any]:
        """Name it by its class where it has no name, and check its arguments."""
        target = content.get(TARGET)
        if not isinstance(target, str):
            raise ValueError(f"{TARGET} is {target!r} where a module and class are wanted, as mypackage.nets.MyNet")
        for key, value in content.items():
            if key in ("target", "code"):
                raise ValueError(f"{key} is none of your keys; call that argument of {target} otherwise")
            if key not in {TARGET, *cls.model_fields} and (key.startswith("_") or _names_a_class(value)):
                raise ValueError(f"{key}: only plain values reach the class; let {target} build what it is made of")
        return {"name": target.rpartition(".")[2], **content}

    @model_validator(mode="after")
    def _found(self) -> Self:
        if self.name in (*files_in(NETWORKS), *_BASELINES):
            raise ValueError(f"name: {self.name!r} is the name of a model that is there already; choose another")
        object.__setattr__(self, "code", code_hash(self.target))
        name_target(self.target)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """What the class is called with, beside the number of bands."""
        return dict(self.model_extra or {})

    def choices(self) -> dict[str, str]:
        """Return each choice as short text; `model.` stands before what is the class's alone."""
        shared, found = ("model", "lr", "weight_decay"), super().choices()
        if self.water_class is None:
            del found["water_class"]
        return {key if key in shared else f"model.{key}": value for key, value in found.items()}


def _names_a_class(value: object) -> bool:
    """Return whether a value holds Hydra's name of a class somewhere."""
    if isinstance(value, dict):
        return TARGET in value or any(_names_a_class(one) for one in value.values())
    return isinstance(value, list) and any(_names_a_class(one) for one in value)


class RuleSettings(_Model):
    """A rule of the literature, with nothing to choose."""

    name: Literal["otsu", "cfmask"]


class LogisticSettings(_Model):
    """Logistic regression on the pixel itself."""

    name: Literal["logistic"]
    l2: Positive  # weight of half the squared coefficients beside the summed loss
    samples: Count  # labelled pixels at most


class BoostedSettings(_Model):
    """Gradient-boosted trees on the pixel itself."""

    name: Literal["boosted"]
    trees: Count
    leaves: Annotated[int, Field(ge=2, le=31)]  # of a tree, at most
    lr: Positive  # what each tree's answer is multiplied by
    l2: Positive  # holds back the values of leaves that are sure of their class, which would grow without end
    samples: Count  # labelled pixels at most


_BASELINES = ("otsu", "cfmask", "logistic", "boosted")
OURS, OWN = "ours", "own"  # by which pydantic tells whose model it is
Ours = Annotated[NetworkSettings | RuleSettings | LogisticSettings | BoostedSettings, Field(discriminator="name")]
ModelSettings = Annotated[
    Annotated[Ours, Tag(OURS)] | Annotated[OwnNetworkSettings, Tag(OWN)],
    Field(
        discriminator=Discriminator(lambda content: OWN if isinstance(content, dict) and TARGET in content else OURS)
    ),
]


def _short(value: object) -> str:
    """Return a choice as a table shows it."""
    if isinstance(value, list):
        return "-".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


class PruneSettings(Group):
    """A network that is pruned and trained further, instead of a new one."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: RunOrFile | None = Field(None, alias="from")  # champion, a run's id or folder, or a checkpoint file
    share: Annotated[float, Field(gt=0, lt=1)]  # of its multiply-adds a pixel that goes


class DistilSettings(Group):
    """A trained network, or a baseline, from which another network learns beside the labels."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: RunOrFile | None = Field(None, alias="from")  # champion, a run's id or folder, or a checkpoint file
    weight: Annotated[float, Field(gt=0, le=1)]  # of its probabilities in a pixel's loss; the label has the rest


class DataSettings(Group):
    """How labelled pixels reach the network."""

    name: Literal["auto", "pixels", "crops"]
    batch: Count  # pixels: labelled pixels a step
    crop: Annotated[int, Field(ge=8, le=512)]  # crops: pixels a side
    crop_batch: Count  # crops a step
    other_per_water: Positive  # at most so many other pixels for each water pixel of a tile
    least_other: Annotated[int, Field(ge=0)]  # but at least so many, so that a tile without water teaches too
    confidence: bool  # weigh a pixel's loss by its label's confidence
    soft: bool  # train networks on the probability of water that the confidence gives, not on the label
    flips: bool  # show each window from one of the square's eight sides, another one each epoch
    jitter: Annotated[float, Field(ge=0, le=1)]  # standard deviation of the log gain of a window's reflectance
    validation: Annotated[float, Field(gt=0, lt=1)]  # share of the training tiles, chosen as blocks in space


class TrainerSettings(Group):
    """How long and on what to train."""

    epochs: Count
    patience: Count  # epochs without a better validation IoU before training stops
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"]
    devices: Count  # processes on a machine, each with its share of every batch and, where there are GPUs, its GPU
    nodes: Count  # machines; on more than one, torchrun starts the processes
    precision: Literal["auto", "32", "bf16"]  # auto: bf16 mixed on a GPU that has it, else 32 bits
    batches: Annotated[int, Field(ge=0)]  # of each epoch, to train and to validate; 0: all
    log_model: bool  # keep the trained model in MLflow
    threads: Annotated[int, Field(ge=0)]  # of each process; 0: as many as torch chooses, divided among processes
