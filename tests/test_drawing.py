"""Figures show all of what is drawn in them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from water_gee.drawing import sheet
from water_gee.panels import LAND, WATER, Panel


@pytest.mark.parametrize("shape", [(100, 1000), (222, 1000), (300, 300), (900, 300)])
@pytest.mark.parametrize("panels", [1, 3])
def test_the_title_of_a_picture_of_any_shape_is_whole(tmp_path: Path, shape: tuple[int, int], panels: int) -> None:
    picture = np.full((*shape, 3), 120, np.uint8)
    sheet(tmp_path / "sheet.png", [Panel("2019: 159 km² of water", picture)] * panels, [LAND, WATER])
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("L"))
    inked = np.flatnonzero((pixels < 60).any(axis=1))  # the rows of the first title's letters: darker than the picture
    assert inked[0] >= 3 and (pixels[:3] > 250).all()
