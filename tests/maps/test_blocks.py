"""Blocks cover a map once, and those that parts touch are found without looking at every pair."""

from hypothesis import given
from hypothesis import strategies as st

from water_gee.maps.blocks import blocks, touched
from water_gee.study import Window

WINDOW = Window(-13, 7, 61, 35)
PARTS = st.builds(Window, st.integers(-40, 60), st.integers(-20, 60), st.integers(1, 50), st.integers(1, 50))


def test_blocks_cover_the_window_once() -> None:
    pixels = [(x, y) for one in blocks(WINDOW, 16) for y in range(one.top, one.bottom)
              for x in range(one.left, one.right)]  # fmt: skip
    assert len(pixels) == len(set(pixels)) == WINDOW.width * WINDOW.height
    assert all(one in WINDOW for one in blocks(WINDOW, 16))


@given(st.lists(PARTS, max_size=4))
def test_touched_blocks_are_those_that_share_a_pixel(parts) -> None:
    expected = [block for block in blocks(WINDOW, 16) if any(block.intersects(part) for part in parts)]
    assert list(touched(WINDOW, parts, 16)) == expected
