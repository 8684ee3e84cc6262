"""What a training is asked for, as the settings say it: tiles, features, model, feed, trainer, seed."""

from dataclasses import dataclass
from typing import Self

import yaml

from water_gee.config.configure import chosen
from water_gee.config.model import (
    DataSettings,
    DistilSettings,
    ModelSettings,
    NetworkSettings,
    OwnNetworkSettings,
    TrainerSettings,
)
from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.models import Own, build_body
from water_gee.paths import Layout
from water_gee.reads import STAGES
from water_gee.training.augmentation import Augmentation
from water_gee.training.fit import Recipe


@dataclass(frozen=True)
class Plan:
    """One training; processes that train together get the same."""

    layout: Layout
    features: tuple[str, ...]
    model: ModelSettings
    data: DataSettings
    trainer: TrainerSettings
    distil: DistilSettings
    seed: int
    config: str  # YAML of all that decides the outcome, which the run keeps

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the training that the settings ask for."""
        config = yaml.safe_dump(chosen(settings, STAGES["train"].keys), sort_keys=False)
        features = tuple(settings.features.names)
        return cls(
            Layout.of(settings), features, settings.model, settings.data, settings.trainer, settings.distil,
            settings.seed, config,
        )  # fmt: skip

    @property
    def is_network(self) -> bool:
        """Whether a network is trained, and no baseline fitted."""
        return isinstance(self.model, NetworkSettings | OwnNetworkSettings)

    @property
    def recipe(self) -> Recipe:
        """What decides what the network becomes, given the tiles.

        Raises:
            ModelError: the model is a baseline, which is no network.
        """
        model, data, trainer = self.model, self.data, self.trainer
        if not isinstance(model, NetworkSettings | OwnNetworkSettings):
            raise ModelError(
                f"model={model.name} is not a network that can be trained further; choose one, as model=mlp"
            )
        widths = tuple(model.widths) if isinstance(model, NetworkSettings) else ()
        own = Own(model.target, model.arguments, model.water_class) if isinstance(model, OwnNetworkSettings) else None
        return Recipe(
            kind=model.name, widths=widths, own=own, lr=model.lr, weight_decay=model.weight_decay,
            feed=data.name, batch=data.batch, crop=data.crop, crop_batch=data.crop_batch,
            other_per_water=data.other_per_water, least_other=data.least_other, use_confidence=data.confidence,
            soft=data.soft, augmentation=Augmentation(data.flips, data.jitter),
            epochs=trainer.epochs, patience=trainer.patience, accelerator=trainer.accelerator,
            precision=trainer.precision, seed=self.seed, batches=trainer.batches,
            taught=self.distil.weight if self.distil.source else 0.0,
        )  # fmt: skip


def recipe_of(settings: Settings) -> Recipe:
    """Return the recipe of the network that the settings ask for."""
    return Plan.of(settings).recipe


def radius_of(recipe: Recipe, bands: int) -> int:
    """Return how many pixels around each the recipe's network reads.

    Raises:
        ModelError: the network cannot be built.
    """
    return int(getattr(build_body(recipe.kind, bands, recipe.widths, recipe.own), "radius"))  # noqa: B009
