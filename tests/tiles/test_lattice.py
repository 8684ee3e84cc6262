"""`tiles.origin=auto`: the scenes' own lattice, which all stages after the tiles read from these."""

import pytest

from tiles.tile_files import SMALL, contents
from water_gee.config.configure import narrowed
from water_gee.earth import composite_spec
from water_gee.errors import ConfigError, TileError
from water_gee.paths import Layout
from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord, on_tiles_lattice, read_manifest, write_manifest
from water_gee.tiles.lattice import origin_of

AUTO = "tiles.origin=auto"


def test_the_scenes_lattice_gives_the_tiles_that_its_numbers_give(tiles, root, downloaded, capsys):
    tiles(AUTO, *SMALL)  # the tiny study's scenes lie at [0, 0], its default
    assert "the scenes' own lattice, [0,0]" in capsys.readouterr().err
    made, known = contents(root), contents(downloaded)
    files = [name for name in made if name.endswith(".tif")]
    assert len(files) > 5 and {name: made[name] for name in files} == {name: known[name] for name in files}


def test_all_other_stages_take_it_from_the_tiles(downloaded, settings):
    auto = settings(AUTO, f"paths.root={downloaded}")
    assert composite_spec(on_tiles_lattice(auto)) == composite_spec(settings())
    for stage in ("export", "predict"):
        assert composite_spec(on_tiles_lattice(narrowed(auto, stage))).grid == composite_spec(settings()).grid
    by_numbers = settings("tiles.origin=[15,25]", f"paths.root={downloaded}")
    assert on_tiles_lattice(by_numbers) is by_numbers


@pytest.mark.parametrize(
    "grid",
    [
        Grid("EPSG:32648", 30.0, (15.0, 25.0)), Grid("EPSG:4326", 0.00025, (0.0001, 0.0002)),
        Grid("EPSG:32648", 30.0, (477_585.0, 5_628_015.0)),
    ],
)  # fmt: skip
def test_the_origin_is_what_the_tiles_were_made_with(grid, tmp_path, settings):
    tile = Tile("train", 2020, 1234, -77, 64, 3)
    record = TileRecord.of(tile, grid, "empty")
    assert origin_of(record) == grid.origin
    write_manifest(Layout(tmp_path, "tiny"), [record])
    assert origin_of(read_manifest(Layout(tmp_path, "tiny"))[0]) == grid.origin
    here = settings(AUTO)
    if grid.crs == here.study.crs:
        assert composite_spec(on_tiles_lattice(here)).grid == grid
    else:
        with pytest.raises(TileError, match="no tiles of this study's crs and scale; run: water-gee tiles"):
            on_tiles_lattice(here)


def test_without_tiles_it_is_not_known(settings):
    with pytest.raises(TileError, match=r"there are no tiles yet .*; run first: water-gee tiles"):
        on_tiles_lattice(settings(AUTO))
    with pytest.raises(ConfigError, match=r"give it in numbers, tiles\.origin=\[x,y\]"):
        composite_spec(settings(AUTO))


def test_scenes_of_another_pixel_end_the_command(failing):
    line = failing(AUTO, "study.scale=60")
    assert "tiles.origin=auto: no scene has pixels of 60 in EPSG:32648 (" in line and "tiles.origin=[x,y]" in line


def test_a_word_that_is_none_is_refused(settings):
    with pytest.raises(ConfigError, match=r"tiles\.origin"):
        settings("tiles.origin=automatic")
