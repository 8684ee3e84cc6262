"""Areas with an outline: what lies outside is masked, and a new outline makes only the tiles that it changes stale."""

import json
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import Polygon

import scenes
from memory_catalog import client
from water_gee.earth import composite_spec, expression_hash, feature_image
from water_gee.paths import Layout
from water_gee.study import Area, Grid, from_region
from water_gee.tiles import load_tile, read_manifest

GRID = Grid(scenes.CRS, 30.0)
CORNERS = ((10.2, 10), (190, 12), (188, 150), (8, 148))  # pixels of the first strip, from its upper left
CHOICE = ("~study.areas.train.strips", "tiles.areas=[train]", "study.years=[2020]")


def region(folder: Path, *corners: tuple[float, float]) -> tuple[str, ...]:
    """The choice of a polygon as the area train."""
    strip = scenes.STRIPS[0]
    ring = [[strip.left + x * 30, strip.top - y * 30] for x, y in [*corners, corners[0]]]
    crs = {"type": "name", "properties": {"name": scenes.CRS}}
    path = folder / "region.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring], "crs": crs}), encoding="utf-8")
    return (*CHOICE, f"+study.areas.train.region={path}")


@pytest.fixture
def stale(tiles, capsys):
    """A function from overrides to how many tiles a run would fetch."""

    def count(*overrides: str) -> int:
        capsys.readouterr()
        tiles("tiles.dry_run=true", *overrides)
        return int(capsys.readouterr().out.splitlines()[-1].split()[2])

    return count


def test_a_changed_outline_makes_only_the_tiles_that_it_changes_stale(tiles, stale, root, tmp_path):
    tiles(*region(tmp_path, *CORNERS))
    layout, area = Layout(root), from_region("train", tmp_path / "region.geojson", GRID)
    records, seen = read_manifest(layout), 0
    for record in records:
        tile = load_tile(layout, record)
        inside = area.inside(GRID, record.tile.outer)
        assert np.isnan(tile.features[:, ~inside]).all() and np.isnan(tile.share[~inside]).all()
        assert (tile.looks[~inside] == 0).all()
        seen += np.count_nonzero(tile.seen)
    assert seen > 0.5 * area.geometry.area / 900
    assert stale(*region(tmp_path, *CORNERS)) == 0
    assert stale(*region(tmp_path, (10.201, 10), *CORNERS[1:])) == 0  # no pixel's centre lies between the two
    shorter = region(tmp_path, CORNERS[0], CORNERS[1], (180, 150), CORNERS[3])
    assert 0 < stale(*shorter) < len(records)


def test_a_request_does_not_grow_with_the_outline(settings):
    spec, image = composite_spec(settings()), feature_image
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    radius = 40_000 * (1 + 0.2 * np.sin(7 * angle) + 0.01 * np.sin(997 * angle))
    ring = np.column_stack([600_000 + radius * np.cos(angle), 5_800_000 + radius * np.sin(angle)])
    area = Area("map", Polygon(ring))
    with client():
        sizes = [len(image(spec, one, 2020).serialize()) for one in (area, area.anywhere)]
        forms = {expression_hash(image(spec, Area("map", Polygon(one)).anywhere, 2020)) for one in (ring, ring + 30)}
    assert sizes[0] < 2 * sizes[1] and len(forms) == 1
