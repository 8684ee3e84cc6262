"""The ground that noise is put on: every tile where it lies."""

import numpy as np

from water_gee.ladder.ground import Ground


def test_a_canvas_holds_every_tile_where_it_lies(ground) -> None:
    one: Ground = ground[0]
    for tile in one.tiles:
        cut = one.cut(tile)
        np.testing.assert_array_equal(one.looks[cut], tile.looks)
        np.testing.assert_array_equal(one.band("nir")[cut][tile.core], tile.band("nir")[tile.core])

    water, land = one.counted & (one.truth == 1), one.counted & (one.truth == 0)
    assert one.band("nir")[water].mean() < 0.05 < 0.2 < one.band("nir")[land].mean()
