"""`denoise`, `model`, `data`, `trainer`: labels and learning."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from water_gee.config.base import Count, Group, Positive
from water_gee.config.choices import METHODS, NETWORKS, files_in

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


ModelSettings = Annotated[
    NetworkSettings | RuleSettings | LogisticSettings | BoostedSettings, Field(discriminator="name")
]


def _short(value: object) -> str:
    """Return a choice as a table shows it."""
    if isinstance(value, list):
        return "-".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


class PruneSettings(Group):
    """A network that is pruned and trained further, instead of a new one."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: str | None = Field(None, alias="from")  # champion, a run's id or folder, or a checkpoint file
    share: Annotated[float, Field(gt=0, lt=1)]  # of its multiply-adds a pixel that goes


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
