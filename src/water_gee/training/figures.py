"""Pictures of a training run, each a PNG in the run's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from water_gee.accuracy import Confusion
from water_gee.denoise import ABSTAIN
from water_gee.files import atomic
from water_gee.training.fit import Fitted, probability
from water_gee.training.store import TileStore

_LAND, _WATER, _UNKNOWN = "#d9cfb0", "#2b6cb0", "#ececec"
_COMMISSION, _OMISSION = "#d1495b", "#edae49"
_QUICKLOOKS = 3  # tiles shown


def draw_all(folder: Path, fitted: Fitted, store: TileStore, validation: Sequence[int]) -> None:
    """Write every figure of a run into `folder`."""
    _save(folder / "confusion_matrix.png", confusion_matrix(fitted.confusion))
    _save(folder / "precision_recall.png", precision_recall(fitted))
    _save(folder / "calibration.png", calibration(fitted))
    if fitted.history:  # a baseline has no epochs
        _save(folder / "training_curves.png", training_curves(fitted.history, fitted.best_epoch))
    _save(folder / "quicklook.png", quicklook(fitted, store, validation))


def confusion_matrix(confusion: Confusion) -> Figure:
    """Draw the confusion of validation, as shares of the true class."""
    counts = np.array([[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}\n{shares[row, column]:.1%}", ha="center", va="center", color=colour)
    axes.set(xticks=[0, 1], yticks=[0, 1], xticklabels=["land", "water"], yticklabels=["land", "water"])
    axes.set(xlabel="predicted", ylabel="label", title=f"Validation: IoU {confusion.iou:.3f}, F1 {confusion.f1:.3f}")
    return figure


def precision_recall(fitted: Fitted) -> Figure:
    """Draw precision against recall, and the chosen threshold on it."""
    precision, recall = fitted.scores.precision_recall()
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(recall, precision, color=_WATER)
    chosen = fitted.confusion
    label = f"threshold {fitted.model.threshold:.2f}"
    axes.plot(chosen.recall, chosen.precision, "o", color=_COMMISSION, label=label)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="recall", ylabel="precision")
    axes.set_title(f"Validation: average precision {fitted.scores.average_precision():.3f}")
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    return figure


def calibration(fitted: Fitted) -> Figure:
    """Draw the share of water against the probability, before and after the temperature."""
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    temperature = fitted.model.temperature
    for value, name, style in ((1.0, "as trained", ":"), (temperature, f"temperature {temperature:.2f}", "-")):
        probability_mean, water, pixels = fitted.scores.reliability(value)
        used = pixels > 0
        axes.plot(probability_mean[used], water[used], style, marker=".", color=_WATER, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of water", ylabel="share labelled water")
    axes.set_title("Validation: calibration")
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    return figure


def training_curves(history: Sequence[dict[str, float]], best_epoch: int) -> Figure:
    """Draw loss and validation IoU by epoch."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    losses, ious = figure.subplots(1, 2)
    epochs = [row["epoch"] + 1 for row in history]
    for name, label in (("train_loss", "training, balanced"), ("valid_loss", "validation")):
        losses.plot(epochs, [row[name] for row in history], marker=".", label=label)
    losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    losses.legend()
    ious.plot(epochs, [row["valid_iou"] for row in history], marker=".", color=_WATER)
    ious.axvline(best_epoch + 1, color="grey", linewidth=1)
    ious.set(xlabel="epoch", ylabel="validation IoU", title=f"best in epoch {best_epoch + 1}")
    for axes in (losses, ious):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def quicklook(fitted: Fitted, store: TileStore, validation: Sequence[int]) -> Figure:
    """Draw validation tiles of most water: image, clean label, probability, and where they disagree."""
    shown = sorted(validation, key=store.water, reverse=True)[:_QUICKLOOKS]
    figure = Figure(figsize=(13, 3.4 * len(shown)), layout="constrained")
    rows = figure.subplots(len(shown), 4, squeeze=False)
    own = slice(store.margin, store.margin + store.size)
    labels_map = ListedColormap([_LAND, _WATER, _UNKNOWN])
    agreement_map = ListedColormap([_LAND, _WATER, _COMMISSION, _OMISSION, _UNKNOWN])
    for row, tile in zip(rows, shown, strict=True):
        label, chance = store.labels[tile], probability(fitted.model, store, tile)
        water, known = chance >= fitted.model.threshold, label != ABSTAIN
        agreement = np.select([~known, water & (label == 1), water, label == 1], [4, 1, 2, 3], default=0)
        row[0].imshow(_false_colour(store.features[tile, own, own], store.names), interpolation="nearest")
        row[1].imshow(np.where(known, label, 2), cmap=labels_map, vmin=0, vmax=2, interpolation="nearest")
        picture = row[2].imshow(chance, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        figure.colorbar(picture, ax=row[2], shrink=0.8)
        row[3].imshow(agreement, cmap=agreement_map, vmin=0, vmax=4, interpolation="nearest")
        row[0].set_ylabel(store.records[tile].id)
        for axes in row:
            axes.set(xticks=[], yticks=[])
    titles = ("SWIR1, NIR, red", "clean label", "probability of water", "agreement")
    for axes, title in zip(rows[0], titles, strict=True):
        axes.set_title(title)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    entries = {
        "land": _LAND, "water": _WATER, "commission": _COMMISSION, "omission": _OMISSION, "no label": _UNKNOWN
    }  # fmt: skip
    figure.legend(
        handles=[Patch(facecolor=colour, edgecolor="grey", label=name) for name, colour in entries.items()],
        loc="outside lower center", ncols=len(entries), frameon=False,
    )  # fmt: skip


def _false_colour(features: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """Return [y, x, 3] from 0 to 1: SWIR1, NIR, red where they are, else the first bands; masked is white."""
    wanted = [name for name in ("swir1", "nir", "red") if name in names]
    chosen = wanted if len(wanted) == 3 else [names[number % len(names)] for number in range(3)]
    picture = features[..., [names.index(name) for name in chosen]].astype(np.float32)
    seen = ~np.isnan(picture[..., 0])  # a masked pixel is masked in every band
    if seen.any():
        low, high = np.percentile(picture[seen], (2, 98), axis=0)
        picture = (picture - low) / np.maximum(high - low, 1e-6)
    clipped: NDArray[np.float32] = np.clip(np.where(seen[..., None], picture, 1.0), 0.0, 1.0)
    return clipped


def _save(path: Path, figure: Any) -> None:
    FigureCanvasAgg(figure)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})
