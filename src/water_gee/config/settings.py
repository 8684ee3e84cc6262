"""All settings of one command, checked in one place."""

from typing import Annotated, Any, Self, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, Field, ValidationError, model_validator

from water_gee.config.base import Group
from water_gee.config.bodies import BodiesSettings
from water_gee.config.catalogue import CatalogueSettings
from water_gee.config.cluster import ClusterSettings
from water_gee.config.compose import root_config_error, without_value
from water_gee.config.deploy import DeploySettings
from water_gee.config.earth import DemSettings, EarthSettings, FeatureSettings, TilesSettings
from water_gee.config.labels import LabelsSettings
from water_gee.config.ladder import LadderSettings
from water_gee.config.model import (
    OURS,
    DataSettings,
    DenoiseSettings,
    DistilSettings,
    ModelSettings,
    Ours,
    PruneSettings,
    TrainerSettings,
)
from water_gee.config.problems import one_line
from water_gee.config.products import (
    CostSettings,
    EvaluateSettings,
    ExportSettings,
    PathsSettings,
    PredictSettings,
    RunSettings,
    SampleSettings,
    SelectSettings,
    ServeSettings,
)
from water_gee.config.search import SearchSettings
from water_gee.config.sensor import SensorSettings
from water_gee.config.simulate import SimulationSpec
from water_gee.config.study import StudySettings
from water_gee.errors import ConfigError


class Settings(Group):
    """Every group of `conf/`, typed."""

    study: StudySettings
    earth: EarthSettings
    sensor: SensorSettings
    dem: DemSettings
    features: FeatureSettings
    labels: LabelsSettings
    tiles: TilesSettings
    denoise: DenoiseSettings
    model: ModelSettings
    data: DataSettings
    trainer: TrainerSettings
    cluster: ClusterSettings
    search: SearchSettings
    prune: PruneSettings
    distil: DistilSettings
    export: ExportSettings
    predict: PredictSettings
    bodies: BodiesSettings
    evaluate: EvaluateSettings
    catalogue: CatalogueSettings
    sample: SampleSettings
    deploy: DeploySettings
    serve: ServeSettings
    paths: PathsSettings
    run: RunSettings
    select: SelectSettings
    simulate: SimulationSpec
    ladder: LadderSettings
    cost: CostSettings
    seed: Annotated[int, Field(ge=0)]
    # last: go on with the newest unfinished run of the same configuration; else a run or checkpoint file to start from
    ckpt: str | None = None
    tags: tuple[str, ...]  # words by which a run is found in MLflow

    @model_validator(mode="after")
    def _areas_known(self) -> Self:
        named = [("tiles.areas", name) for name in self.tiles.areas]
        named += [("denoise.areas", name) for name in self.denoise.areas]
        named += [("ladder.areas", name) for name in self.ladder.areas]
        named += [("predict.area", self.predict.area), ("evaluate.area", self.evaluate.area)]
        for key, name in named:
            if name not in self.study.areas:
                known = ", ".join(self.study.areas)
                raise ValueError(f"{key}: the study {self.study.name} has no area {name!r}; choose from {known}")
        return self


def load(composed: DictConfig) -> Settings:
    """Check a composed configuration.

    Raises:
        ConfigError: one line that names the first wrong key and the fix.
    """
    try:
        content = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise root_config_error(error) or ConfigError(without_value(error)) from error
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(one_line(error, known=_keys_at, written=_written)) from error


def _written(location: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a location as the user writes it: pydantic names the kind after a group that comes in several."""
    group = Settings.model_fields.get(str(location[0])) if location else None
    if group is None or not group.discriminator:
        return location
    kinds = 2 if location[1:2] == (OURS,) else 1  # a model of ours by its name, beside a user's own
    return location[:1] + location[1 + kinds :]


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    """Return the keys that the settings class at `location` knows."""
    model: type[BaseModel] = Settings
    kinds: tuple[type[BaseModel], ...] = ()  # of a model of ours, which the next part tells
    named: type[BaseModel] | None = None  # of an area or a reference, whose name is the next part
    for part in location:
        if named is not None:
            model, named = named, None
            continue
        if part == OURS:
            kinds = get_args(get_args(Ours)[0])
            continue
        if kinds:
            model = next(kind for kind in kinds if part in get_args(kind.model_fields["name"].annotation))
            kinds = ()
            continue
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if field and field.discriminator:
            continue
        of_name = get_args(annotation)[1] if get_origin(annotation) is dict else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif isinstance(of_name, type) and issubclass(of_name, BaseModel):
            named = of_name
        else:
            return []
    return sorted(field.alias or name for name, field in model.model_fields.items())
