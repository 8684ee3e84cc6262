"""The course of a training run: its curves, kept through a kill and told while it happens."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning

from water_gee.files import write_text
from water_gee.progress import say
from water_gee.training.module import WaterModule

OnEpoch = Callable[[int, Mapping[str, float]], None]


class History(lightning.Callback):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Collects the metrics of each epoch, writes them to `curves.csv` and passes them on.

    Its state is part of Lightning's checkpoint, so the curves of a resumed run are whole.
    """

    def __init__(self, folder: Path, on_epoch: OnEpoch | None = None) -> None:
        self.path = folder / "curves.csv"
        self.on_epoch = on_epoch
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Add the epoch that ended."""
        assert isinstance(pl_module, WaterModule)
        epoch = trainer.current_epoch
        metrics = pl_module.epoch_metrics
        self.rows = [*self.rows[:epoch], {"epoch": epoch, **metrics}]
        if not trainer.is_global_zero:
            return
        write_text(self.path, as_csv(self.rows))
        say(
            f"epoch {epoch + 1} of {trainer.max_epochs}: training loss {metrics['train_loss']:.4f}, "
            f"validation loss {metrics['valid_loss']:.4f}, validation IoU {metrics['valid_iou']:.4f}"
        )
        if self.on_epoch:
            self.on_epoch(epoch, metrics)

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows of the run that is resumed."""
        self.rows = list(state_dict["rows"])


def as_csv(rows: list[dict[str, float]]) -> str:
    """Return the rows as CSV with a header."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
    return text.getvalue()
