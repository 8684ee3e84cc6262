"""Comparisons at the very edge: a float32 value that equals the constant falls on the side on which torch puts it."""

import numpy as np
import pytest
import torch
from torch import nn

from water_gee.export import to_earth_engine

CONSTANTS = [0.1, -0.3, 0.7, 1e-3, 0.5, 2.0, 0.0]
COMPARED = {
    "gt": lambda x, c: x > c, "ge": lambda x, c: x >= c, "lt": lambda x, c: x < c, "le": lambda x, c: x <= c,
    "eq": lambda x, c: x == c, "ne": lambda x, c: x != c,
    "turned": lambda x, c: c > x, "turned ge": lambda x, c: c >= x,
}  # fmt: skip


class Compared(nn.Module):
    def __init__(self, compare):
        super().__init__()
        self.compare = compare
        self.register_buffer("constants", torch.tensor(CONSTANTS)[None, :, None, None])

    def forward(self, x):
        holds = [self.compare(x, self.constants), self.compare(x, 0.1)]
        return torch.cat([torch.where(one, 1.0, 0.0) for one in holds], dim=1)


@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize("how", COMPARED)
def test_a_value_on_the_edge_falls_as_in_torch(how, form):
    edges = np.array(CONSTANTS, dtype=np.float32)
    near = [edges, *(np.nextafter(edges, np.float32(way * np.inf)) for way in (-1, 1))]
    values = np.concatenate(near)[None, None, None]
    exported = to_earth_engine(Compared(COMPARED[how]), ["value"], output="logits", water_class=0, form=form)
    proof = exported.check(values)
    assert proof.equal and proof.outputs == 0.0 and proof.probability.pixels == values.size
