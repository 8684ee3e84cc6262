"""The manifest is the same bytes for the same tiles, and reads back as what was written."""

import pytest

from water_gee.errors import TileError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.sealed import write_sealed
from water_gee.study import Grid, Tile
from water_gee.tiles import read_manifest, write_manifest
from water_gee.tiles.manifest import TileRecord

GRID = Grid("EPSG:32648", 30.0, (15.0, 15.0))
RECORDS = [
    TileRecord.of(Tile(area, year, 1, -2, 64, 4), GRID, "failed", reason='a "comma", and a line', bytes=7)
    for area, year in (("test", 2019), ("test", 2020), ("train", 2019))
]


def test_the_order_of_the_tiles_does_not_matter_and_lines_end_as_git_keeps_them(tmp_path) -> None:
    path = Layout(tmp_path).tiles / "tiles.csv"
    write_manifest(Layout(tmp_path), RECORDS)
    first = path.read_bytes()
    write_manifest(Layout(tmp_path), RECORDS[::-1])
    assert path.read_bytes() == first and b"\r" not in first and first.endswith(b"\n")
    assert first.splitlines()[0].startswith(
        b"id,area,year,column,row,size,margin,left,bottom,right,top,crs,scale,status"
    )
    assert read_manifest(Layout(tmp_path)) == RECORDS
    assert RECORDS[0].tile == Tile("test", 2019, 1, -2, 64, 4)


@pytest.mark.parametrize("content", [b"id,area\n1,2\n", b"\xff\xfe", b"id,colour\n1,red\n"])
def test_what_is_no_manifest_is_refused_with_the_remedy(tmp_path, content) -> None:
    path = Layout(tmp_path).tiles / "tiles.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    write_sealed(path.with_name("tiles.json"), {"study": "", "tiles_csv_sha256": sha256(path)})
    with pytest.raises(TileError, match=r"not a manifest of this version .*water-gee tiles"):
        read_manifest(Layout(tmp_path))
