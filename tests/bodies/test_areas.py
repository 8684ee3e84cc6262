"""A body's area by pixels and by its polygons is one, on the ellipsoid, in every crs."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
from shapely.geometry import MultiPolygon, box

from bodies.arrays import SCRATCH
from bodies.mapped import landscape, write_maps
from water_gee.bodies.frames import Frame
from water_gee.bodies.labels import Numbered, number, sums
from water_gee.bodies.polygons import ground_areas, outlines, perimeters
from water_gee.bodies.series import measure
from water_gee.bodies.strips import Raster
from water_gee.classes import WATER
from water_gee.maps import read_maps
from water_gee.paths import Layout
from water_gee.study import Grid, Window

PLACES = {
    "UTM, middle of the zone": (Grid("EPSG:32648", 30.0), (16_600, -193_280)),
    "UTM, edge of the zone": (Grid("EPSG:32648", 30.0), (5_500, -193_280)),
    "degrees": (Grid("EPSG:4326", 0.00025), (420_000, -260_000)),
    "degrees, far north": (Grid("EPSG:4326", 0.00025), (420_000, -320_000)),
    "web maps": (Grid("EPSG:3857", 40.0), (290_000, -170_000)),
    "polar": (Grid("EPSG:3413", 30.0), (-40_000, 30_000)),
}


def frame_of(root: Path, probabilities, **place) -> Frame:
    write_maps(root, probabilities, **place)
    layout = Layout(root, "tiny")
    return Frame.of(layout, read_maps(layout))


def parts(frame: Frame) -> Numbered:
    return number(frame.layer(2020, "water").map(lambda classes: classes == WATER), SCRATCH)


@pytest.mark.parametrize("place", PLACES)
def test_pixels_polygons_and_the_whole_map_agree(tmp_path, place) -> None:
    grid, corner = PLACES[place]
    frame = frame_of(tmp_path, {2020: landscape()}, grid=grid, corner=corner)
    found, areas = parts(frame), frame.areas()
    labels, count = found.raster, found.count
    drawn = outlines(labels, count, frame.grid.transform(frame.window))
    by_pixels, by_polygons = sums(labels, count, areas)[1:], ground_areas(drawn, grid.scale, frame.crs)
    assert by_polygons == pytest.approx(by_pixels, rel=2e-5)
    series = measure(frame, 2020, labels, count, Raster.of(np.zeros(labels.shape, bool)), areas)
    assert series.area == pytest.approx(by_pixels, rel=1e-6)
    assert series.area.sum() == pytest.approx(
        float(areas.whole()[found.raster.whole() > 0].sum(dtype=np.float64)), rel=1e-6
    )
    across, up = frame.sides()[1], frame.sides()[0]
    assert across * up == pytest.approx(float(areas.read(64, 65)[0, 64]), rel=1e-3)


def test_a_perimeter_follows_the_pixels_edges_and_its_holes() -> None:
    outer, inner = box(500_000, 5_000_000, 500_900, 5_000_900), box(500_300, 5_000_300, 500_600, 5_000_600)
    moved = MultiPolygon([outer - inner])
    crs = pyproj.CRS("EPSG:32648")
    assert perimeters([moved], 30, crs) == pytest.approx([4 * 1200 / 0.9996], rel=1e-5)
    assert ground_areas([moved], 30, crs) == pytest.approx([(900**2 - 300**2) / 0.9996**2], rel=1e-5)


def test_outlines_are_valid_whole_and_have_their_holes() -> None:
    labels = np.zeros((8, 9), np.int32)
    labels[1:6, 1:6] = 2
    labels[3, 3] = 0
    labels[6, 6] = 2  # at a corner
    first, second = outlines(Raster.of(labels), 2, Grid("EPSG:32648", 30.0).transform(Window(0, 0, 9, 8)))
    assert first.is_empty and second.is_valid and len(second.geoms) == 2
    assert second.area == 900 * 25 and sum(len(part.interiors) for part in second.geoms) == 1


def test_the_interval_counts_each_pixel_for_one_body_and_unseen_ones_for_none(tmp_path) -> None:
    probability = np.full((40, 60), 0.001, np.float32)
    probability[10:20, 10:20] = 0.99
    probability[10:20, 24:34] = 0.9
    probability[10:20, 20:24] = 0.3  # between the two: two columns to each
    probability[30, 5:9] = 0.3  # of no body
    frame = frame_of(tmp_path, {2020: probability})
    labels, areas = parts(frame).raster, frame.areas()
    no = np.zeros(labels.shape, bool)
    found = measure(frame, 2020, labels, 2, Raster.of(no), areas)
    pixel = float(areas.read(15, 16)[0, 20])
    assert (found.area / pixel).round(2).tolist() == [100, 100] and (found.low / pixel).round(2).tolist() == [100, 0]
    assert (found.high / pixel).round(2).tolist() == [120, 120] and found.unseen.tolist() == [0, 0]
    left_out = no.copy()
    left_out[:, 20:24] = True
    assert measure(frame, 2020, labels, 2, Raster.of(left_out), areas).high / pixel == pytest.approx(
        [100, 100], rel=1e-3
    )

    probability[10:15, 10:20] = np.nan
    hidden = frame_of(tmp_path / "hidden", {2020: probability})
    found = measure(hidden, 2020, labels, 2, Raster.of(no), areas)
    assert found.unseen[0] / pixel == pytest.approx(50, rel=1e-3) and found.unseen[1] == 0
    assert found.area[0] / pixel == pytest.approx(50, rel=1e-3) and found.low[0] <= found.area[0] <= found.high[0]


def test_a_strip_more_changes_no_interval(tmp_path) -> None:
    """Rims run over the edges of the strips in which maps are read."""
    probability = np.tile(landscape(), (6, 1))
    frame = frame_of(tmp_path, {2020: probability})
    found, areas = parts(frame), frame.areas()
    labels, count = found.raster, found.count
    whole = measure(frame, 2020, labels, count, Raster.of(np.zeros(labels.shape, bool)), areas)
    for one in (whole.low, whole.area, whole.high):  # the lake and the pond of each period, in turn
        assert one[::2] == pytest.approx(one[0], rel=1e-3) and one[1::2] == pytest.approx(one[1], rel=1e-3)
    assert (whole.low <= whole.area).all() and (whole.area <= whole.high).all() and whole.low[0] < whole.high[0]
