"""A landscape follows from its seed, holds every class, and its water runs downhill."""

from datetime import date

import numpy as np
import pytest

from simulated import small_spec
from water_gee.simulate.basins import make_basins
from water_gee.simulate.causes import circumstances
from water_gee.simulate.landscape import Landscape, elevation_model, make_landscape
from water_gee.simulate.routing import route
from water_gee.simulate.scenes import take_look
from water_gee.simulate.spectra import Cover, Material
from water_gee.simulate.terrain import SPACING, carve

_DAYS = [date(2019, 7, 29), date(2020, 7, 15)]


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    spec = small_spec(7)
    return make_landscape(spec, spec.strips[0])


@pytest.mark.parametrize("seed", range(10))
def test_every_seed_has_all_classes(seed: int) -> None:
    spec = small_spec(seed, size=320, dates=_DAYS)
    landscape = make_landscape(spec, spec.strips[0])
    materials = set(np.unique(landscape.years[2020].material)) | {Material.SNOW, Material.REEDS}
    missing = {Material(name).name for name in Material} - {Material(value).name for value in materials}
    assert not missing - {"SOIL", "MUD"}, missing
    looks = {
        day.year: [take_look(landscape, day, (103.7, 52.2), 0.08, np.random.default_rng([seed, day.toordinal()]))]
        for day in _DAYS
    }
    found = set()
    for year, seen in looks.items():
        found |= set(np.unique(circumstances(landscape.years[year], seen)[0]).tolist())
    wanted = {int(cover) for cover in Cover} - {int(Cover.GLINT)}  # glint comes with wind, not with the landscape
    assert wanted <= found, sorted(Cover(value).name for value in wanted - found)
    share = float((landscape.years[2020].fraction > 0.5).mean())
    assert 0.05 < share < 0.13


def test_water_runs_downhill_to_an_outlet_and_through_the_large_lake() -> None:
    generator = np.random.default_rng(3)
    relief = carve(256, generator)
    basins = make_basins(relief, 0.075, generator)
    path = basins.flow.downstream(int(relief.main[0]), basins.flow.receiver)
    level = basins.level.ravel()[path]
    assert np.all(np.diff(level) <= 1e-9)
    assert relief.outlets.ravel()[path[-1]]
    assert (basins.lake.ravel()[path] == basins.main_lake).any()
    assert basins.area.ravel()[path[-1]] > 0.5 * basins.area.max()


def test_routing_fills_a_pit_to_its_lowest_sill() -> None:
    height = np.array(
        [
            [9.0, 9.0, 9.0, 9.0, 9.0],
            [9.0, 2.0, 3.0, 5.0, 9.0],
            [9.0, 9.0, 9.0, 4.0, 9.0],
            [9.0, 9.0, 9.0, 9.0, 1.0],
        ]
    )
    outlets = np.zeros(height.shape, np.bool_)
    outlets[3, 4] = True
    flow = route(height, outlets, SPACING)
    level = flow.fill(height)
    assert level[1, 1] == 4.0  # over (1, 2) and (2, 3), by diagonals
    area = flow.accumulate(np.ones(height.shape))
    assert area[3, 4] == height.size


def test_the_reservoir_and_the_fire_differ_between_years(landscape: Landscape) -> None:
    low, full = landscape.years[2019], landscape.years[2020]
    assert low.waters.shore.any()
    assert np.all(full.fraction >= low.fraction - 1e-6)
    assert full.fraction.sum() > low.fraction.sum()
    assert not np.isin(low.material, (Material.CHAR, Material.SCORCHED)).any()
    assert np.isin(full.material, (Material.CHAR, Material.SCORCHED)).any()


def test_edges_and_brooks_are_mixed_pixels(landscape: Landscape) -> None:
    fraction = landscape.years[2020].fraction
    mixed = (fraction > 0.02) & (fraction < 0.98)
    water = fraction > 0.5
    assert 0.1 < mixed.sum() / water.sum() < 2.0
    assert ((fraction > 0.0) & (fraction < 0.2)).any()  # rivers below a pixel


def test_the_elevation_model_is_level_on_the_lake(landscape: Landscape) -> None:
    model = elevation_model(landscape, np.random.default_rng(0))
    lake = landscape.years[2019].waters.open_lake.reshape(256, 3, 256, 3).all(axis=(1, 3))
    assert lake.sum() > 100
    assert np.ptp(model[lake]) <= 1.0
    assert np.all(model * 2 == np.rint(model * 2))
