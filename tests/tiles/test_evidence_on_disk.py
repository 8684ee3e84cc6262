"""The evidence in a tile's labels: read by name, checked, and asked for again when the choice changes."""

import numpy as np
import pytest
import rasterio

import scenes
from tiles.test_tiles_stage import on_tile
from tiles.tile_files import SMALL, fetched
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.tiles import TileData, label_path, load_tile, read_manifest
from water_gee.tiles.store import misfit, read_raster


@pytest.fixture(scope="module")
def tile(downloaded) -> TileData:
    """A tile with clear pixels and pixels that were never seen."""
    layout = Layout(downloaded)
    tiles = (load_tile(layout, r) for r in read_manifest(layout) if (r.area, r.year, r.status) == ("train", 2020, "ok"))
    return next(tile for tile in tiles if (tile.looks > 0).any() and (tile.looks == 0).any())


def test_evidence_is_read_by_the_sources_names(tile) -> None:
    assert set(tile.evidence) == {"qa", "mndwi", "awei", "wi2015", "ndwi", "dswe", "dswe_partial"}
    assert tile.evidence["qa"] is tile.share
    for name, share in tile.evidence.items():
        assert share.shape == tile.share.shape and share.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(share), tile.looks == 0, err_msg=name)
        np.testing.assert_allclose((share * tile.looks)[tile.looks > 0] % 1, 0, atol=1e-5)
        assert tile.share_by(name) is share


def test_bands_beside_are_found_by_name_and_are_no_features(tile, scene_catalog) -> None:
    assert tuple(tile.beside) == ("swir2", "slope", "illumination", "snow") and not set(tile.beside) & set(tile.names)
    assert len(tile.features) == len(tile.names)
    direct = scenes.direct_features(scene_catalog, scenes.STRIPS[0], 2020)
    np.testing.assert_allclose(tile.band("swir2"), on_tile(direct["swir2"], scenes.STRIPS[0], tile), atol=2e-6)
    assert (tile.band("illumination")[tile.looks > 0] == 1).all()  # the tiny world's scenes do not name the sun
    np.testing.assert_array_equal(tile.band("nir"), tile.features[tile.names.index("nir")])


def test_what_a_tile_does_not_hold_is_said_with_the_fix(tile) -> None:
    with pytest.raises(TileError, match=r"no band 'ndvi' \(it has blue, .*snow\); add it to features.names or"):
        tile.band("ndvi")
    with pytest.raises(TileError, match=r"no evidence of 'jrc' \(it has qa, .*\); add it to labels.sources and run"):
        tile.share_by("jrc")


def test_a_tile_without_evidence_has_the_raw_label_alone(tile) -> None:
    plain = TileData(tile.record, tile.features, tile.names, tile.share, tile.looks, tile.transform)
    assert set(plain.evidence) == {"qa"} and plain.evidence["qa"] is tile.share and not plain.beside


@pytest.mark.parametrize(("band", "value"), [("share_ndwi", 1.5), ("share_dswe", -0.5), ("water_share", 2.0)])
def test_a_share_that_cannot_be_is_a_misfit(downloaded, tile, band, value) -> None:
    paths = [path for path in sorted((downloaded / "data" / "tiles" / "train").glob(f"{tile.record.id}*.tif"))]
    labels, features = (read_raster(path, "") for path in paths)
    assert misfit(tile.record, features, labels) == ""
    labels.values[labels.names.index(band), 10, 10] = value
    assert misfit(tile.record, features, labels) == "has a share outside 0..1, or a negative number of looks"


def test_another_choice_of_evidence_is_fetched_and_the_same_is_not(tiles, root) -> None:
    few = (*SMALL, "labels.sources=[ndwi]", "labels.beside=[]")
    tiles(*few)
    layout, asked = Layout(root), fetched(root)
    tiles(*few)
    assert fetched(root) == asked
    record = next(r for r in read_manifest(layout) if r.status == "ok")
    with rasterio.open(label_path(layout, record.area, record.id)) as file:
        assert file.descriptions == ("water_share", "clear_looks", "share_ndwi")
    tiles(*SMALL, "labels.sources=[ndwi,cfmask]", "labels.beside=[]")
    assert len(fetched(root)) == 2 * len(asked)
    assert set(load_tile(layout, next(r for r in read_manifest(layout) if r.status == "ok")).evidence) == {
        "qa", "ndwi", "cfmask",
    }  # fmt: skip


def test_cfmasks_rule_makes_the_label_where_it_is_chosen(tiles, root) -> None:
    tiles(*SMALL, "labels.bit=cfmask", "labels.sources=[cfmask,fmask]", "sensor.water_bit=6")  # 6: clear
    layout = Layout(root)
    records = [record for record in read_manifest(layout) if record.status == "ok"]
    loaded = [load_tile(layout, record) for record in records]
    assert all(np.array_equal(one.share, one.evidence["cfmask"], equal_nan=True) for one in loaded)
    assert any(not np.array_equal(one.share, one.evidence["fmask"], equal_nan=True) for one in loaded)
    assert [r.water_pixels for r in records] == [np.count_nonzero(one.label[one.core] == 1) for one in loaded]


def test_a_history_that_is_not_in_the_folder_of_scenes_is_refused(failing, root) -> None:
    text = failing(*SMALL, "labels.sources=[mndwi,jrc]")
    assert text == (
        "water-gee: labels.sources: jrc needs JRC/GSW1_4/MonthlyHistory, which is not there; put it into the folder of "
        "scenes, use earth=cloud, or leave jrc out"
    )
    assert not fetched(root)


def test_an_unknown_source_is_refused_before_anything_is_asked(failing, root) -> None:
    assert failing("labels.sources=[mdnwi]").startswith("water-gee: labels.sources: there is no source 'mdnwi'; did")
    assert not fetched(root)
