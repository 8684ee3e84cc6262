"""Pictures of labels: all that a tile holds is shown, legends name what occurs, and equal labels give equal bytes."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from denoise.conftest import cleaned
from denoise.evident import disc, evident
from denoise.synthetic import bytes_below, lakes, make_tile
from denoise.synthetic import cleaned as clean_by
from water_gee.board import board
from water_gee.config.settings import Settings
from water_gee.denoise import CleanLabel, Joined, Raw, Reason, figures
from water_gee.denoise.figures import draw_tile
from water_gee.denoise.panels import CHANGES, REASONS, SHARES, SLOPES, SURE, WHY, tile_panels
from water_gee.denoise.stage import run
from water_gee.errors import TileError
from water_gee.panels import UNSEEN, Code, Panel
from water_gee.paths import Layout
from water_gee.tiles import TileData, write_manifest

NONE = ["denoise=none", "trainer.threads=1"]


def by_title(tile: TileData, clean: CleanLabel) -> dict[str, Panel]:
    return {panel.title: panel for panel in tile_panels(tile, clean)}


def colours(panel: Panel) -> set[tuple[int, ...]]:
    return {tuple(int(value) for value in colour) for colour in panel.picture.reshape(-1, 3)}


def test_every_source_that_a_tile_holds_is_shown_with_snow_and_slope() -> None:
    tile = evident(disc(46, 12), slope=7.0)
    shown = by_title(tile, clean_by(Joined(), tile))
    assert [title for title, panel in shown.items() if panel.small] == [
        "mndwi", "ndwi", "awei", "wi2015", "dswe", "dswe_partial", "snow", "slope",
    ]  # fmt: skip
    assert [title for title, panel in shown.items() if not panel.small] == [
        "Composite: SWIR1, NIR, red", "Raw label", "Clean label", "What changed", "Why", "How sure",
    ]  # fmt: skip
    assert shown["slope"].legend == (SLOPES[1],) and colours(shown["slope"]) == {SLOPES[1].rgb}
    assert shown["mndwi"].picture.shape == (40, 40, 3)  # the tile's own pixels


def test_a_tile_without_evidence_is_drawn_too(tmp_path: Path) -> None:
    truth = lakes(70, 1)
    tile = replace(make_tile(truth, evidence={}), beside={})
    clean = Raw(3)(tile)
    assert not [panel for panel in tile_panels(tile, clean) if panel.small]
    draw_tile(tmp_path / "bare.png", tile, clean, "none")
    draw_tile(tmp_path / "slope.png", make_tile(truth, evidence={}), clean, "none")
    with Image.open(tmp_path / "bare.png") as bare, Image.open(tmp_path / "slope.png") as slope:
        assert bare.size[0] == slope.size[0] == 2190


def test_changes_are_shown_with_their_direction_their_reason_and_their_number() -> None:
    truth = np.zeros((46, 46), dtype=bool)
    truth[:, :20] = True
    tile = make_tile(truth)
    label = tile.label.copy()
    reason = np.zeros(label.shape, np.uint8)
    label[10, 10:15], reason[10, 10:15] = 0, Reason.TERRAIN
    label[11, 30:32], reason[11, 30:32] = 1, Reason.SHORE
    label[12, 30:33], reason[12, 30:33] = 255, Reason.UNSURE
    label[:6], reason[:6] = 255, Reason.NEIGHBOUR
    sure = np.where(label == 255, np.nan, 0.95).astype(np.float32)
    shown = by_title(tile, CleanLabel(label, sure, reason))
    assert [code.name for code in shown["Why"].legend] == [
        "land, kept 846", "water, kept 624", "shore 2", "terrain 5", "too unsure 3", "near unseen 120",
    ]  # fmt: skip
    assert [code.name for code in shown["What changed"].legend] == [
        "land 846", "water 624", "to land 5", "to water 2", "left open 123",
    ]  # fmt: skip
    assert tuple(shown["What changed"].picture[7, 7]) == CHANGES[2].rgb  # 10 and 10, less the margin
    assert tuple(shown["Why"].picture[7, 7]) == REASONS[Reason.TERRAIN].rgb
    assert tuple(shown["Why"].picture[9, 27]) == REASONS[Reason.UNSURE].rgb
    assert [code.name for code in shown["How sure"].legend] == ["0.9 to 0.97", "left open"]
    assert [code.name for code in shown["Clean label"].legend] == ["land", "water", "left open"]


def test_what_was_not_seen_is_white_in_every_panel() -> None:
    hidden = np.zeros((46, 46), dtype=bool)
    hidden[20:25, 20:25] = True
    tile = evident(disc(46, 12), masked=hidden)
    for title, panel in by_title(tile, clean_by(Joined(), tile)).items():
        assert (panel.picture[17:22, 17:22] == 255).all(), title
        assert not panel.legend or panel.legend[-1].colour == UNSEEN.colour, title


def test_every_reason_has_a_colour() -> None:
    assert set(REASONS) == set(Reason) - {Reason.KEPT}


LEGENDS = {"changes": CHANGES, "why": WHY, "sure": SURE, "shares": SHARES, "slopes": SLOPES}
# What people without one kind of cones see, in linear light (Machado, Oliveira and Fernandes 2009, severity 1).
VISIONS = {
    "usual": np.eye(3),
    "without red": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "without green": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "without blue": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def seen_as(code: Code, vision: np.ndarray) -> np.ndarray:
    """Return a colour in CIELAB as someone sees it."""
    value = np.array(code.rgb) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(vision @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / (0.9505, 1.0, 1.089), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("legend", LEGENDS)
def test_colours_stay_apart_for_every_kind_of_colour_vision(legend: str, vision: str) -> None:
    """Two colours of a legend differ by several times what the eye can just tell apart (2.3 in CIELAB)."""
    seen = {code.name: seen_as(code, VISIONS[vision]) for code in LEGENDS[legend]}
    apart = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(seen, 2)}
    assert {pair: round(distance, 1) for pair, distance in apart.items() if distance < 9} == {}


def test_a_board_finds_room_for_any_number_of_small_panels(tmp_path: Path) -> None:
    """Small panels fill the columns that the large ones leave; where they do not fit there, they go below."""
    picture = np.full((8, 8, 3), 120, dtype=np.uint8)
    large = [Panel(str(number), picture, (UNSEEN,)) for number in range(6)]
    heights = {}
    for small in (0, 3, 8, 9):
        board(tmp_path / f"{small}.png", [*large, *[Panel("s", picture, (UNSEEN,), small=True)] * small], 4, 9.0)
        with Image.open(tmp_path / f"{small}.png") as image:
            heights[small] = image.size[1]
    assert heights[0] == heights[3] == heights[8] < heights[9]


def test_the_summary_marks_the_tiles_that_are_drawn() -> None:
    counts = {"water_to_land": 0, "land_to_water": 0}
    rows = [
        {"area": "train", "id": str(n), "counts": {**counts, "water_to_land": n}, "sureness": 1 - n / 10}
        for n in (1, 2, 3)
    ]
    axes = Figure().subplots()
    figures._draw_tiles(axes, {"tiles": rows, "shown": {"most_changed": ["train/3"], "least_sure": ["train/2"]}})
    drawn = {line.get_label(): [(float(x), float(y)) for x, y in line.get_xydata()] for line in axes.lines}
    assert drawn == {"tiles": [(1, 0.9)], "most changed, drawn": [(3, 0.7)], "least sure, drawn": [(2, 0.8)]}


class TestShow:
    """`denoise.show` draws what the user names and leaves the labels alone."""

    @pytest.fixture
    def labelled(self, layout: Layout, settings: Callable[..., Settings], no_drawing: None) -> Layout:
        run(settings(*NONE))
        return layout

    def test_any_tile_is_drawn_and_nothing_else_changes(
        self, labelled: Layout, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, capsys
    ) -> None:
        monkeypatch.undo()  # the stand-in of the figures
        before = bytes_below(labelled.root / "data")
        wanted = cleaned(labelled)[-1]
        choice = f"denoise.show=[{wanted.area}/{wanted.id}]"
        run(settings("denoise=v1", choice))
        path = labelled.reports / "denoise" / f"{wanted.area}_{wanted.id}.png"
        assert str(path) in capsys.readouterr().err.replace("\n", "")
        assert bytes_below(labelled.root / "data") == before
        first = path.read_bytes()
        path.unlink()
        run(settings(*NONE, choice))
        assert path.read_bytes() == first  # it says which method the labels are by, not which one is chosen now

    def test_an_unknown_tile_ends_in_one_line(self, labelled: Layout, settings: Callable[..., Settings]) -> None:
        known = f"{cleaned(labelled)[0].area}/{cleaned(labelled)[0].id}"
        with pytest.raises(TileError, match=rf"denoise\.show: there is no tile '{known}0'; did you mean {known}\?"):
            run(settings(*NONE, f"denoise.show=[{known}0]"))
        with pytest.raises(TileError, match=r"no tile 'x'; data/tiles/tiles.csv lists them, as AREA/ID"):
            run(settings(*NONE, "denoise.show=[x]"))
        with pytest.raises(TileError, match=r"the tile train/2020_c0004_r0007 has nothing to see, it is empty"):
            run(settings(*NONE, "denoise.show=[train/2020_c0004_r0007]"))
        assert not (labelled.reports / "denoise").exists()

    def test_labels_that_are_not_of_the_tile_are_not_shown(
        self, labelled: Layout, settings: Callable[..., Settings]
    ) -> None:
        first, *rest = cleaned(labelled)
        write_manifest(labelled, [replace(first, sha256="0" * 64), *rest])
        with pytest.raises(TileError, match=r"were made of another tile .* run again: water-gee denoise"):
            run(settings(*NONE, f"denoise.show=[{first.area}/{first.id}]"))

    def test_without_labels_it_says_what_to_run(self, layout: Layout, settings: Callable[..., Settings]) -> None:
        first = cleaned(layout)[0]
        with pytest.raises(TileError, match="run first: water-gee denoise"):
            run(settings(*NONE, f"denoise.show=[{first.area}/{first.id}]"))
