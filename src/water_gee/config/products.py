"""`export`, `predict`, `evaluate`, `sample`, `select`, `run`, `paths`: what is made of a trained network."""

from typing import Annotated, Literal

from pydantic import Field

from water_gee.config.base import Count, Group, UserFile


class PathsSettings(Group):
    """The folder below which everything is read and written."""

    root: str


class RunSettings(Group):
    """A training run's name; unset, it is made of the model, the overrides and the time."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None


class SelectSettings(Group):
    """Which run becomes `models/model.ckpt`."""

    run: str | None = None  # champion, an MLflow run id, a folder's name in runs/, or a checkpoint file


class ExportSettings(Group):
    """The form of the exported network and the size of its proof."""

    form: Literal["array", "kernel", "auto"]
    parity_pixels: Count
    logits: bool


class CostSettings(Group):
    """What `water-gee cost` compares beside the runs that there are."""

    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...]  # the selected network is pruned by each of these


class PredictSettings(Group):
    """How the maps are made."""

    engine: Literal["earth", "local"]
    runtime: Literal["auto", "torch", "onnx", "openvino"]  # local engine only: what computes the network
    area: str
    tile_size: Annotated[int, Field(ge=32, le=2048)] | None = None  # pixels a request; unset, the study's


class ServeSettings(Group):
    """Where `water-gee serve` answers."""

    port: Annotated[int, Field(ge=0, lt=65536)]  # of 127.0.0.1; 0: any that is free


class EvaluateSettings(Group):
    """The accuracy assessment."""

    area: str
    block: Annotated[int, Field(ge=16, le=4096)]  # pixels a side of the places that intervals are made over
    resamples: Annotated[int, Field(ge=100, le=100_000)]  # of the bootstrap
    points: UserFile | None = None  # a file of labelled points of the survey that `water-gee sample` drew


class SampleSettings(Group):
    """The points that `water-gee sample` draws for labelling by hand."""

    year: Annotated[int, Field(ge=1982, le=2100)] | None = None  # of the map; unset, the last
    points: Annotated[int, Field(ge=8, le=20_000)]
    allocation: Literal["optimal", "proportional", "equal"]  # to the strata
    minimum: Annotated[int, Field(ge=2)]  # points of a stratum, where it has as many pixels
    shore: Annotated[int, Field(ge=1, le=50)]  # pixels up to which the map's other class is near
    doubt: Annotated[float, Field(gt=0, le=1)]  # probability of the other class from which on a pixel is doubtful
    near: Annotated[int, Field(ge=9, le=101)]  # pixels a side of the close view
    far: Annotated[int, Field(ge=31, le=601)]  # pixels a side of the wide view
    replace: bool  # an earlier survey is put aside
