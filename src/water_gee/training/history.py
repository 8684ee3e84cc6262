"""The course of a training run: its curves, kept through a kill and told while it happens."""

import csv
import io
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import EarlyStopping

from water_gee.files import write_text
from water_gee.progress import Bar, say
from water_gee.training.module import WaterModule

OnEpoch = Callable[[int, Mapping[str, float]], None]


class OwnSignals(lightning.Callback):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Leaves the signal to end to whoever handled it before: this program.

    Lightning's own handler talks to the other processes from wherever it interrupts this one, and may so wait for
    them for ever.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Put back the handler that Lightning has replaced."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Put back the handler that Lightning has replaced."""
        self.on_train_start(trainer, pl_module)


class Stopping(EarlyStopping):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Ends training after `patience` epochs without a better validation IoU.

    A run that was killed when it had just ended so does not train on when it is resumed, as Lightning's own would.
    """

    def __init__(self, patience: int) -> None:
        super().__init__("valid_iou", mode="max", patience=patience)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Stop at once where the resumed run had stopped."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class Batches(lightning.Callback):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Shows on a terminal how many batches of an epoch are done, from the first one on."""

    def __init__(self) -> None:
        self._bar = Bar()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Begin anew with each epoch."""
        if trainer.is_global_zero:
            self._bar.begin(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}", trainer.num_training_batches)

    def on_train_batch_end(self, *arguments: Any) -> None:
        """Count a batch."""
        self._bar.advance()

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take the bar away."""
        self._bar.end()

    def on_exception(self, *arguments: Any) -> None:
        """Take the bar away before the error is shown."""
        self._bar.end()


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
