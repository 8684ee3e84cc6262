"""The loss of a batch by several threads, each with a part of it.

PyTorch divides every operation of a step among the threads, which wait for one another after each, and this network's
operations are short. So the batch is divided instead, as data-parallel processes would, and each thread computes loss
and gradient of its part alone. The sums are taken in one order: equal thread counts give equal bytes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from water_gee.training.feeds import Batch

Loss = Callable[[Any, Batch], Tensor]  # of a network and a batch: a sum over the batch's pixels, by its scale
_LEAST = 7_000  # input pixels of a part: below, starting it costs more than it saves


def parallel_loss(network: nn.Module, batch: Batch, loss: Loss) -> Tensor:
    """Return `loss(network, batch)`, whose backward gives the network's parameters their gradient.

    On a GPU, under autocast, of a network that is not divisible, or where one thread is all there is, it is computed in
    one piece.
    """
    parts = _parts(batch.features) if getattr(network, "divisible", True) else 1
    if parts == 1:
        return loss(network, batch)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    total: Tensor = _Parts.apply(network, batch, loss, parts, *parameters)  # type: ignore[no-untyped-call]
    return total


def _parts(features: Tensor) -> int:
    if features.device.type != "cpu" or torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled():
        return 1
    pixels = features.shape[0] * features.shape[2] * features.shape[3]
    return max(1, min(torch.get_num_threads(), features.shape[0], pixels // _LEAST))


class _Parts(torch.autograd.Function):
    """Loss and gradient at once, part by part; backward only hands the gradient on."""

    @staticmethod
    def forward(ctx: Any, network: nn.Module, batch: Batch, loss: Loss, parts: int, *parameters: Tensor) -> Tensor:
        """Compute the parts, each in a thread."""
        side = -(-len(batch.features) // parts)
        slices = [slice(start, start + side) for start in range(0, len(batch.features), side)]

        def one(part: slice) -> tuple[Tensor, tuple[Tensor, ...]]:
            own = Batch(batch.features[part], batch.water[part], batch.weight[part], batch.scale)
            with torch.enable_grad():  # the mode is each thread's own
                value = loss(network, own)
                return value.detach(), torch.autograd.grad(value, parameters)

        pool = _pool(parts, max(1, torch.get_num_threads() // parts))
        values, gradients = zip(*pool.map(one, slices), strict=True)
        summed = [gradient.clone() for gradient in gradients[0]]
        for others in gradients[1:]:
            for total, other in zip(summed, others, strict=True):
                total += other
        ctx.gradients = summed
        return torch.stack(values).sum()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Hand on the gradient of each parameter."""
        return None, None, None, None, *(gradient * upstream[0] for gradient in ctx.gradients)


@cache
def _pool(parts: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for parts, each with so many threads of its own for an operation."""
    return ThreadPoolExecutor(parts, "part", initializer=_keep_to, initargs=(threads,))


def _keep_to(threads: int) -> None:
    """Let operations of the calling thread run in so many threads, from now on.

    PyTorch gives a thread the count that the process was last set to when the thread first asks for it, whatever the
    thread had set before. A thread that began its first part after another had set that count would thus divide its
    sums differently. So it asks here, and then sets its own.
    """
    torch.get_num_threads()
    torch.set_num_threads(threads)
