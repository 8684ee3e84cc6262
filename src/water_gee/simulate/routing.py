"""Where water runs: one receiver for each node, through depressions too, and what gathers on the way.

The minimum spanning tree of the grid, its edges weighed by the higher of their two ends, holds for every node the
path to an outlet whose highest point is lowest (the minimax path). On a slope that path leaves by the steepest edge,
as D8 does (O'Callaghan and Mark 1984); in a depression it leaves over the lowest sill, as priority-flood does (Barnes
et al. 2014).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Flow:
    """The drainage of a grid [y, x]; nodes are counted row by row.

    `order` lists the nodes from the outlets upstream, `parent` the position in `order` of each one's receiver (an
    outlet is its own), and `starts` cuts `order` into levels of equal distance, in nodes, from the outlets.
    """

    shape: tuple[int, int]
    order: Indices
    parent: Indices
    starts: Indices

    @property
    def receiver(self) -> Indices:
        """The node that each node drains to, itself for an outlet, [node]."""
        receiver = np.empty(self.order.size, np.int64)
        receiver[self.order] = self.order[self.parent]
        return receiver

    def _levels(self) -> list[tuple[int, int]]:
        ends = [*self.starts[1:].tolist(), self.order.size]
        return list(zip(self.starts.tolist(), ends, strict=True))

    def accumulate(self, weights: Array) -> Array:
        """Return the sum of `weights` [y, x] over each node and all that drains to it."""
        total = weights.ravel()[self.order].astype(np.float64)
        # Siblings stand together in `order`, so that each receiver's donors are one run.
        change = np.diff(self.parent, prepend=-1) != 0
        change[self.starts] = True
        runs = np.flatnonzero(change)
        cuts = np.searchsorted(runs, [*self.starts.tolist(), total.size]).tolist()
        for level in range(len(cuts) - 2, 0, -1):
            own = runs[cuts[level] : cuts[level + 1]]
            start = int(self.starts[level])
            end = int(self.starts[level + 1]) if level + 1 < self.starts.size else total.size
            total[self.parent[own]] += np.add.reduceat(total[start:end], own - start)
        return self._back(total)

    def fill(self, height: Array) -> Array:
        """Return the water level of each node, [y, x]: its height or that of the sill it drains over."""
        level = height.ravel()[self.order].astype(np.float64)
        for start, end in self._levels()[1:]:
            np.maximum(level[start:end], level[self.parent[start:end]], out=level[start:end])
        return self._back(level)

    def inherit(self, values: Array, own: NDArray[np.bool_]) -> Array:
        """Return for each node the value of the first node downstream, itself included, where `own` is true."""
        value = values.ravel()[self.order].copy()
        keep = own.ravel()[self.order]
        for start, end in self._levels()[1:]:
            value[start:end] = np.where(keep[start:end], value[start:end], value[self.parent[start:end]])
        return self._back(value)

    def erode(self, height: Array, rate: Array, steepest: Array, spacing: float) -> Array:
        """Return `height` after one implicit step of the stream-power law (Braun and Willett 2013).

        `rate` [y, x] is erodibility times the root of the drainage area times the time step; no node ends up steeper
        towards its receiver than `steepest` (a slope), where it would slide. The outlets keep their height.
        """
        rows, columns = np.divmod(self.order, self.shape[1])
        far = (rows != rows[self.parent]) & (columns != columns[self.parent])
        distance = spacing * np.where(far, np.sqrt(2.0), 1.0)
        factor = rate.ravel()[self.order] / distance
        limit = steepest.ravel()[self.order] * distance
        level = height.ravel()[self.order].astype(np.float64)
        for start, end in self._levels()[1:]:
            below = level[self.parent[start:end]]
            step = factor[start:end]
            level[start:end] = np.minimum((level[start:end] + step * below) / (1.0 + step), below + limit[start:end])
        return self._back(level)

    def downstream(self, node: int, receiver: Indices) -> Indices:
        """Return the nodes from `node` to its outlet."""
        path = [node]
        while receiver[path[-1]] != path[-1]:
            path.append(int(receiver[path[-1]]))
        return np.array(path)

    def _back(self, ordered: Array) -> Array:
        values = np.empty_like(ordered)
        values[self.order] = ordered
        return values.reshape(self.shape)


@lru_cache(maxsize=4)
def _edges(rows: int, columns: int) -> tuple[Indices, Indices, Array]:
    nodes = np.arange(rows * columns).reshape(rows, columns)
    pairs = [
        (nodes[:, :-1], nodes[:, 1:], 1.0),
        (nodes[:-1], nodes[1:], 1.0),
        (nodes[:-1, :-1], nodes[1:, 1:], np.sqrt(2.0)),
        (nodes[:-1, 1:], nodes[1:, :-1], np.sqrt(2.0)),
    ]
    one = np.concatenate([first.ravel() for first, _, _ in pairs])
    other = np.concatenate([second.ravel() for _, second, _ in pairs])
    distance = np.concatenate([np.full(first.size, length) for first, _, length in pairs])
    return one, other, distance


def route(height: Array, outlets: NDArray[np.bool_], spacing: float) -> Flow:
    """Return the drainage of the terrain `height` [y, x] (m) towards `outlets`; nodes stand `spacing` m apart."""
    flat = height.ravel()
    count = flat.size
    rank = np.empty(count, np.float64)
    rank[np.argsort(flat, kind="stable")] = np.arange(1, count + 1)
    one, other, distance = _edges(*height.shape)
    slope = np.abs(flat[one] - flat[other]) / (distance * spacing)
    # The rank decides; among the edges that lead down from one node, all of its own rank, the steepest one wins.
    weight = np.maximum(rank[one], rank[other]) + 0.999 / (1.0 + slope)
    doors = np.flatnonzero(outlets)
    rows = np.concatenate([one, doors])
    columns = np.concatenate([other, np.full(doors.size, count)])
    graph = csr_array((np.concatenate([weight, rank[doors]]), (rows, columns)), shape=(count + 1, count + 1))
    tree = minimum_spanning_tree(graph)
    order, predecessor = breadth_first_order(tree, count, directed=False)
    place = np.empty(count + 1, np.int64)
    place[order] = np.arange(count + 1)
    parent = place[predecessor[order[1:]]] - 1  # without the root; the outlets' parent is then -1
    starts = [0]
    while (ahead := int(np.searchsorted(parent, starts[-1]))) < count:
        starts.append(ahead)
    parent = np.where(parent < 0, np.arange(count), parent)
    return Flow(height.shape, order[1:].astype(np.int64), parent, np.array(starts))
