"""`denoise`, `model`, `data`, `trainer`: labels and learning."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from water_gee.config.base import Count, Group, Positive, Share


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name is listed twice; list each once")
    return names


_Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]
_Sources = Annotated[_Names, Field(max_length=9)]
_Gate = Annotated[Literal["fail", "warn", "off"], BeforeValidator(lambda v: "off" if v is False else v)]  # YAML's off


class DenoiseSettings(Group):
    """How noise is taken out of the labels; a method reads the keys that it has and no others."""

    method: Literal["water_gee", "none", "v1", "vote", "label_model", "confident"]
    areas: Annotated[list[str], Field(min_length=1)]
    show: tuple[str, ...] = ()  # tiles to draw, AREA/ID each; then nothing is cleaned
    gate: _Gate = "fail"  # on labels that would do harm: fail, warn, or off, which does not look
    radius: Annotated[int, Field(ge=0, le=15)] = 3  # a pixel with an unseen neighbour this near is not used
    mixture: Share = 0.6  # water_gee: near water a pixel is water from this fraction of water on,
    bit_mixture: Share = 0.25  # water_gee: and from this one where the raw label says so
    gentle: Annotated[float, Field(ge=0, le=90)] = 5.0  # water_gee: degrees; flatter ground may hold water
    steep: Annotated[float, Field(ge=0, le=90)] = 20.0  # water_gee: steeper ground far from water has none
    minimum_water: Annotated[int, Field(ge=0)] = 100  # v1: tiles with no more training water keep their labels
    maximum_elevation: float = 1400.0  # v1: metres; pixels above it are left out of the training
    confidence: Share = 0.95  # v1: water of the next round is more probable than this,
    deviations: Positive = 3.0  # v1: and within so many deviations of the mean
    bands_within: Annotated[int, Field(ge=0, le=7)] = 5  # v1: in more than so many of the 7 bands
    samples: Count = 1000  # v1: pixels of each class a tile and round at most; confident: pixels a tile at most
    epochs: tuple[Count, Count, Count] = (30, 5, 5)  # v1: one a round
    batch: Count = 128  # v1
    learning_rate: Positive = 2e-4  # v1
    sources: _Sources = ("qa", "mndwi", "awei", "wi2015", "ndwi", "dswe")  # which label sources are asked
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.1  # vote: an average share closer to 0.5 than this is no label
    confidence_at_least: Annotated[float, Field(ge=0.5, lt=1)] = 0.8  # label_model: a less probable label abstains
    prior_pixels: Count = 1000  # label_model: what an area's estimate counts for in a tile
    bands: _Names = ("mndwi", "slope")  # confident: what the trees see beside the sources
    most_samples: Count = 200_000  # confident: pixels an area at most
    folds: Annotated[int, Field(ge=3, le=20)] = 5  # confident: of blocks in space
    block: Positive = 5.0  # confident: kilometres a side
    issues: Literal["flip", "abstain"] = "flip"  # confident: what becomes of labels found wrong


class _Model(Group):
    """What the groups of `model` share."""

    def choices(self) -> dict[str, str]:
        """Return each choice as short text, the kind as `model`: what a run's table of parameters shows."""
        content = {"model" if key == "name" else key: value for key, value in self}
        return {key: _short(value) for key, value in content.items()}


class NetworkSettings(_Model):
    """A network and its optimiser."""

    name: Literal["pixelcnn", "pixelcnn_small", "mlp"]
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
