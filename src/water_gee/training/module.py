"""The network as Lightning trains it."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed
from torch.nn import functional
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from water_gee.errors import ModelError
from water_gee.models import PixelNetwork, one_thread
from water_gee.training.feeds import Batch
from water_gee.training.parallel import parallel_loss
from water_gee.training.scores import Scores

_DIVERGED = 1e4  # loss a pixel; a network that knows nothing has ln 2
_WARM_UP = 0.1  # share of the steps in which the learning rate rises


def margin(network: PixelNetwork, features: Tensor) -> Tensor:
    """Return the water logit less the land logit [n, y, x]; its sigmoid is the probability of water."""
    logits: Tensor = network(features)
    return logits[:, 1] - logits[:, 0]


def batch_loss(network: PixelNetwork, batch: Batch) -> Tensor:
    """Return the loss of a step: the weighted cross-entropy of the labelled pixels, by the batch's scale.

    Of two classes it is a function of the margin alone; so written it is deterministic on every device.
    """
    losses = functional.binary_cross_entropy_with_logits(
        margin(network, batch.features), batch.water, weight=batch.weight, reduction="sum"
    )
    return losses / batch.scale


class QuickAdam(Adam):
    """Adam (Kingma and Ba, 2015) for few parameters: in one call for all of them and in one thread."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay, fused=True)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; the closure, which computes the gradient, runs in all threads."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with one_thread():
            super().step()
        return loss


class WaterModule(lightning.LightningModule):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Trains a network with Adam, the learning rate warmed up and then lowered along a cosine.

    Each validation leaves `scores` (of all labelled validation pixels) and logs `valid_iou`, at the threshold
    that is best in that epoch: the balanced draw shifts probabilities, and an epoch is not judged by that.
    """

    def __init__(self, network: PixelNetwork, *, lr: float, weight_decay: float, steps: int) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch omits it
        self.lr = lr
        self.weight_decay = weight_decay
        self.steps = steps
        self.scores = Scores.none()
        self.epoch_metrics: dict[str, float] = {}
        self._loss = 0.0
        self._scale = 0.0

    def on_train_epoch_start(self) -> None:
        """Begin the epoch's mean loss."""
        self._loss = self._scale = 0.0

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            ModelError: the training has diverged.
        """
        if batch.water.numel() == 1:  # of one pixel BatchNorm has no statistics to train with
            self.network.eval()
        loss = parallel_loss(self.network, batch, batch_loss)
        self.network.train()
        value = float(loss.detach())
        if not value < _DIVERGED:  # neither is what is no number
            epoch, chosen = self.trainer.current_epoch + 1, f"model.lr={self.lr:g}"
            raise ModelError(f"the training diverged in epoch {epoch} (loss {value:.3g}); choose less than {chosen}")
        self._loss += value * batch.scale
        self._scale += batch.scale
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin to count; with what the first process' layers keep of the batches, as BatchNorm does."""
        self.scores = Scores.none()
        if self.trainer.world_size > 1:
            for kept in self.network.buffers():
                distributed.broadcast(kept, 0)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Count the labelled pixels of a batch by their margin."""
        labelled = batch.weight > 0
        margins = margin(self.network, batch.features)[labelled].float().cpu().numpy()
        self.scores += Scores.of(margins, batch.water[labelled].cpu().numpy().astype(np.bool_))

    def on_validation_epoch_end(self) -> None:
        """Log the validation of this epoch, of all processes together: each logs the same."""
        water, land = self._of_all(np.stack([self.scores.water, self.scores.land]))
        loss, scale = self._of_all(np.array([self._loss, self._scale]))
        self.scores = Scores(water, land)
        best = self.scores.best()
        self.epoch_metrics = {
            "train_loss": float(loss) / max(float(scale), 1.0),
            "valid_loss": self.scores.loss(),
            "valid_iou": best.iou,
            "valid_f1": best.f1,
            "valid_precision": best.precision,
            "valid_recall": best.recall,
        }
        self.log("valid_iou", best.iou)

    def _of_all(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum of `values` over the processes that train together."""
        if self.trainer.world_size == 1:
            return values
        summed = torch.from_numpy(values).to(self.device)
        distributed.all_reduce(summed)
        return summed.cpu().numpy()

    def configure_optimizers(self) -> Mapping[str, Any]:
        """Return the optimiser and its schedule, which moves every step."""
        optimizer: Optimizer = QuickAdam(self.network.parameters(), self.lr, self.weight_decay)
        schedule = LambdaLR(optimizer, lambda step: learning_rate_factor(step, self.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the share of the full learning rate at a step: up in the first tenth, then a cosine down to 0."""
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))
