"""geemap shows what was deployed, by the lines of docs/tools.md."""

import ee
import numpy as np
import pytest
import rasterio

from documents import snippet
from water_gee.deploy.stage import run
from water_gee.earth import connect, fetch
from water_gee.maps.stage import run as predict
from water_gee.study import Grid


def test_geemap_shows_the_deployed_map(verified, choose, monkeypatch) -> None:
    pytest.importorskip("geemap", reason="needs geemap: pip install geemap")
    choice = choose("deploy.watch=true", "deploy.block=1024")
    run(choice)
    predict(choice)
    asked = []

    def map_id(params):  # drawing is the service's alone: eelocal has no tiles of maps
        asked.append(params["image"])
        return {"mapid": "m", "token": "", "tile_fetcher": ee.data.TileFetcher("http://127.0.0.1/{z}/{x}/{y}")}

    monkeypatch.setattr(ee.data, "getMapId", map_id)
    code = snippet("docs/tools.md", "the map of a year, from Earth Engine")
    found: dict = {}
    with connect(choice.earth, verified) as session:
        monkeypatch.setattr(ee, "Initialize", lambda **_: None)  # it is done, for eelocal
        exec(code.replace('"ID", "sample"', '"local", "tiny"'), found)
        layers = {layer.name: layer for layer in found["view"].layers}
        assert {"probability", "water"} <= set(layers) and len(asked) == 2
        assert layers["water"].url == "http://127.0.0.1/{z}/{x}/{y}"
        with rasterio.open(verified.maps / "2020" / "water.tif") as file:
            grid, water = Grid(str(file.crs), file.res[0]), file.read(1, masked=True)
            window = grid.window(file.bounds)
        (values,) = fetch(found["maps"].select("water"), grid, window, ["water"], session.retry)
    seen = ~water.mask
    assert seen.sum() > 1000 and set(np.unique(water[seen])) == {0, 1}
    np.testing.assert_array_equal(np.isnan(values), ~seen)
    np.testing.assert_array_equal(values[seen], water[seen])
