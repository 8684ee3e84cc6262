"""A network trained on labels of the ladder, judged on ground that it has not seen."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from water_gee.accuracy import Confusion
from water_gee.classes import WATER
from water_gee.config.settings import Settings
from water_gee.denoise import ABSTAIN, CleanLabel
from water_gee.errors import TileError
from water_gee.ladder.ground import Ground
from water_gee.ladder.noise import Noisy
from water_gee.progress import silence
from water_gee.tiles import TileData


def learn(
    settings: Settings,
    labels: Sequence[Noisy],
    cleaned: Sequence[Sequence[CleanLabel]],
    judges: Sequence[Ground],
    seed: int,
    folder: Path,
) -> dict[str, NDArray[np.int64]]:
    """Train a network as `train.py` does, and return its counts (tp, fp, fn, tn) by place.

    Validation, which keeps the best epoch and sets the threshold, is on the labels learned from, as in every training:
    the truth takes no part in it.

    Args:
        settings: network, feed and trainer; `ladder.training.epochs` instead of the trainer's.
        labels: the noisy labels of the ground that is learned from.
        cleaned: what a method made of them, by ground and tile.
        judges: the ground that it is judged on, against its truth.
        seed: of the network.
        folder: in which training may work; nothing stays there.

    Raises:
        TileError: fewer than two places hold labels, or the labels hold one class alone.
        ModelError: the model is none that is trained.
    """
    from water_gee.models import predict  # torch takes seconds
    from water_gee.training import TileStore, fit, radius_of, recipe_of, split_tiles

    epochs, threads = settings.ladder.training.epochs, settings.trainer.threads
    recipe = replace(recipe_of(settings), epochs=epochs, seed=seed)
    names = tuple(settings.features.names)
    tiles = [tile for one in labels for tile in one.ground.tiles]
    held = [
        (tile, clean)
        for tile, clean in zip(tiles, (clean for ground in cleaned for clean in ground), strict=True)
        if (clean.label[tile.core] != ABSTAIN).any()
    ]
    if not held:
        raise TileError("the clean labels abstain everywhere: there is nothing to train on; leave the method out")
    radius = radius_of(recipe, len(names))
    store = TileStore(
        tuple(tile.record for tile, _ in held), names,
        np.stack([_features(tile, names) for tile, _ in held]),
        np.stack([np.where(tile.seen[tile.core], clean.label[tile.core], ABSTAIN) for tile, clean in held]),
        np.stack([np.nan_to_num(clean.confidence[tile.core], nan=0.0) for tile, clean in held]),
    )  # fmt: skip
    _check_margin(tiles, radius)
    water = [store.water(number) for number in range(len(held))]
    split = split_tiles(store.records, water, settings.data.validation)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work, silence():
        _set_threads(threads)
        model = fit(store, split, recipe, Path(work), resume=False).model
    found: dict[str, NDArray[np.int64]] = {}
    for ground in judges:
        water_map = np.zeros(ground.truth.shape, dtype=bool)
        for tile in ground.tiles:
            spare = tile.record.margin - radius
            values = np.moveaxis(_features(tile, names), -1, 0)
            height, width = values.shape[1:]
            probability = predict(model, values[:, spare : height - spare, spare : width - spare])
            water_map[ground.own_cut(tile.record)] = probability >= model.threshold
        for number, place in enumerate(ground.places):
            where = ground.counted & (ground.place == number)
            if where.any():
                one = Confusion.of(water_map, ground.truth == WATER, where)
                counts = np.array([one.tp, one.fp, one.fn, one.tn], dtype=np.int64)
                found[place] = found[place] + counts if place in found else counts
    return dict(sorted(found.items()))


def _features(tile: TileData, names: Sequence[str]) -> NDArray[np.float32]:
    """Return the features [y, x, band] as training reads them: a pixel is masked as soon as one of its bands is."""
    values = np.stack([tile.band(name) for name in names], axis=-1)
    values[np.isnan(values).any(axis=-1)] = np.nan
    return values


def _check_margin(tiles: Sequence[TileData], radius: int) -> None:
    if tiles[0].record.margin < radius:
        raise TileError(
            f"the tiles have a margin of {tiles[0].record.margin} pixels and the network reads {radius} around each; "
            f"run again: water-gee tiles tiles.margin={radius}"
        )


def _set_threads(threads: int) -> None:
    if threads:
        import torch

        torch.set_num_threads(threads)
