"""A command on a machine that is set up for others: proxies, another PROJ, an old terminal, a root of any letters."""

import os
import subprocess
import sys

from water_gee.paths import Layout
from water_gee.tiles import read_manifest

FOREIGN = {
    **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:9"),
    "PYTHONIOENCODING": "latin-1",
}


def test_tiles_are_fetched_all_the_same(world, foreign_tables, tmp_path):
    root = tmp_path / "outer" / "1_2,a=b (50%25) what? é 湖 #;&'" / "root"
    root.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    environment |= FOREIGN | dict.fromkeys(("PROJ_LIB", "PROJ_DATA", "GDAL_DATA"), str(foreign_tables))
    command = [sys.executable, "-m", "water_gee", "tiles", "study=tiny", "--config-dir", str(world / "conf")]
    command += [f"paths.root={root}", f"earth.catalog={world / 'catalog'}", "tiles.size=128"]
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert {record.status for record in read_manifest(Layout(root, "tiny"))} <= {"ok", "empty"}
    outside = {path for path in tmp_path.rglob("*") if not path.is_relative_to(root)}
    assert outside == {*root.parents[:2], root.parents[0], foreign_tables, foreign_tables / "proj.db"}
