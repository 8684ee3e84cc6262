"""A batch divided among threads has the loss and the gradient of the whole batch."""

from threading import Barrier

import pytest
import torch

from water_gee.models import PixelNetwork, Standardise, build_body, one_thread
from water_gee.training.feeds import Batch
from water_gee.training.module import batch_loss
from water_gee.training.parallel import _pool, parallel_loss


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def network():
    torch.manual_seed(0)
    body = build_body("pixelcnn", 3, [4, 5, 6, 7])
    return PixelNetwork(Standardise([0.0] * 3, [1.0] * 3), body, ["a", "b", "c"])


def batch(crops, side=50):
    random = torch.Generator().manual_seed(crops)
    features = torch.randn(crops, 3, side, side, generator=random).to(memory_format=torch.channels_last)
    features[0, :, 5, 5] = torch.nan
    inner = (crops, side - 6, side - 6)
    water = (torch.rand(inner, generator=random) < 0.3).float()
    weight = (torch.rand(inner, generator=random) < 0.7).float()
    return Batch(features, water, weight, float(weight.sum()))


def gradient(loss, net):
    net.zero_grad()
    (3 * loss).backward()  # scaled, as mixed precision or an accumulated step would
    return torch.cat([parameter.grad.ravel() for parameter in net.parameters()])


@pytest.mark.parametrize("crops", [1, 3, 8, 13])
def test_the_parts_give_the_loss_and_the_gradient_of_the_whole(four_threads, crops):
    net, content = network(), batch(crops)
    whole, parts = batch_loss(net, content), parallel_loss(net, content, batch_loss)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(gradient(parts, net), gradient(whole, net), rtol=1e-4, atol=1e-6)
    again = parallel_loss(net, content, batch_loss)
    assert torch.equal(gradient(parallel_loss(net, content, batch_loss), net), gradient(again, net))


def test_the_caller_keeps_its_threads_and_an_error_reaches_it(four_threads):
    def fails(net, part):
        assert torch.get_num_threads() == 1
        raise RuntimeError("in a thread")

    with pytest.raises(RuntimeError, match="in a thread"):
        parallel_loss(network(), batch(13), fails)
    assert torch.get_num_threads() == 4


def test_a_thread_that_comes_late_to_its_first_part_computes_as_the_others_do(four_threads):
    _pool.cache_clear()
    pool, together, counts = _pool(4, 1), Barrier(4), []
    list(pool.map(lambda _: together.wait(), range(4)))  # all have begun, and none has computed
    with one_thread():  # as the optimiser's step: it sets the count of the process, and puts it back
        pass

    def counted(net, part):
        together.wait()  # a part for each
        loss = batch_loss(net, part)
        counts.append(torch.get_num_threads())
        return loss

    parallel_loss(network(), batch(13), counted)
    assert counts == [1, 1, 1, 1]


def test_a_small_batch_stays_whole(four_threads):
    net, content = network(), batch(2, side=20)
    assert parallel_loss(net, content, batch_loss).grad_fn.name() == batch_loss(net, content).grad_fn.name()
