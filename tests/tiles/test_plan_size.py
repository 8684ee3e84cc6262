"""What is asked for at once: never more than the service answers, each pixel of each tile once, few requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from water_gee.earth import request_bytes
from water_gee.study import Tile, Window
from water_gee.tiles.plan import Job
from water_gee.tiles.requests import requests_of

LIMIT = 50_331_648  # bytes a request
AT_ONCE = 96 * 2**20  # bytes under way


def jobs_of(places, size, bands, margin=3, year=2020, image=None):
    names = tuple(f"b{n}" for n in range(bands))
    image = image or object()
    return [Job(Tile("train", year, *place, size, margin), names[:1], names[1:], "f", image, {}) for place in places]


places = st.sets(st.tuples(st.integers(-4, 20), st.integers(-6, 20)), min_size=1, max_size=120)


@given(places, st.sampled_from([32, 64, 256, 512, 1024]), st.integers(2, 40), st.integers(1, 40))
def test_every_tile_is_asked_for_once_and_no_request_is_too_large(where, size, bands, workers) -> None:
    jobs = jobs_of(sorted(where), size, bands)
    requests = requests_of(jobs, workers)
    asked = {job.tile.id: [] for job in jobs}
    for request in requests:
        assert request_bytes(request.window, bands) <= max(2**20, min(LIMIT, AT_ONCE // workers))
        assert max(request.window.width, request.window.height) <= 32_768
        assert request.parts == 1 or len(request.jobs) == 1
        for job in request.jobs:
            asked[job.tile.id].append(request)
    for job in jobs:
        mine, outer = asked[job.tile.id], job.tile.outer
        assert len(mine) == mine[0].parts
        covered = [request.window & outer for request in mine]
        assert sum(part.width * part.height for part in covered) == outer.width * outer.height
    one_by_one = sum(job.tile.outer.width * job.tile.outer.height for job in jobs)
    assert sum(request.window.width * request.window.height for request in requests) <= one_by_one
    assert [job.tile.id for job in jobs] == list(dict.fromkeys(j.tile.id for r in requests for j in r.jobs)) or any(
        len(request.jobs) > 1 for request in requests
    ), "the parts of a tile follow one another, so that few tiles are half there"


@pytest.mark.parametrize(
    ("side", "size", "workers", "count"),
    [
        (20, 64, 20, 100),  # four each, and five rounds
        (20, 64, 40, 400),  # all busy matters more
        (8, 64, 1, 4),
        (4, 256, 2, 16),
        (8, 256, 2, 16),  # four each
        (2, 512, 20, 64),  # sixteen requests a tile: twenty of a whole one would fill the memory
        (2, 512, 2, 4),
        (1, 2048, 1, 16),
    ],
)
def test_small_tiles_go_together_and_large_ones_in_parts(side, size, workers, count) -> None:
    square = [(column, row) for row in range(side) for column in range(side)]
    assert len(requests_of(jobs_of(square, size, 20), workers)) == count


def test_tiles_of_other_images_and_far_from_one_another_stay_apart() -> None:
    far = jobs_of([(0, 0), (7, 7)], 64, 10)
    assert [request.window for request in requests_of(far, 1)] == [job.tile.outer for job in far]
    years = [*jobs_of([(0, 0)], 64, 10), *jobs_of([(1, 0)], 64, 10, year=2021)]
    assert len(requests_of(years, 1)) == 2
    together = jobs_of([(column, row) for column in (0, 1) for row in (0, 1)], 64, 10)
    (request,) = requests_of([*together, *jobs_of([(c, 9) for c in range(20)], 64, 10)], 1)[:1]
    assert request.window == Window(-3, -131, 134, 134) and len(request.jobs) == 4
