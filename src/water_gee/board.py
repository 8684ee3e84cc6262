"""One picture of many panels: large ones in columns, each with its legend, and small ones in the room that is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from water_gee.drawing import WIDTH, drawing, show
from water_gee.panels import INK, MUTED, UNSEEN, Code, Panel

# Inches.
_GAP = 0.14
_TITLE, _SMALL_TITLE = 0.3, 0.25
_LINE = 0.21  # of a legend
_HEADING = 0.3  # a line of it
_SMALLEST_TEXT = 9.0  # points


@dataclass(frozen=True)
class _Spot:
    """A panel and where its picture goes: inches from the left and from the top, and its side."""

    panel: Panel
    left: float
    top: float
    side: float


@dataclass(frozen=True)
class _Legend:
    """A legend and where it goes: inches from the left and from the top, the width, and how many columns."""

    codes: Sequence[Code]
    left: float
    top: float
    width: float
    columns: int

    @property
    def height(self) -> float:
        """Its height in inches."""
        return _LINE * -(-len(self.codes) // self.columns)


def board(path: Path, panels: Sequence[Panel], columns: int = 2, width: float = WIDTH, heading: str = "") -> None:
    """Draw square panels, and write the picture as a PNG.

    Args:
        path: the PNG to write.
        panels: large ones in their order, with a legend each; the small ones share one.
        columns: large panels side by side; two small ones take the width of a large one.
        width: of the picture in inches.
        heading: lines above all, the first of them bold.
    """
    lines = heading.splitlines()
    side = (width - _GAP * (columns + 1)) / columns
    spots, legends, bottom = _arranged(panels, columns, side, _GAP / 2 + _HEADING * len(lines))
    exact = [code for panel in panels for code in panel.legend]
    with drawing(path, bottom, width, exact) as figure:
        figure.set_layout_engine(None)
        for number, line in enumerate(lines):
            _write(figure, _GAP, _GAP / 2 + _HEADING * (number + 0.5), line, 12.5 if number == 0 else 11, number == 0)
        for spot in spots:
            _draw(figure, spot)
        for legend in legends:
            _explain(figure, legend)


def _arranged(
    panels: Sequence[Panel], columns: int, side: float, top: float
) -> tuple[list[_Spot], list[_Legend], float]:
    """Return where everything goes, and the height of it all."""
    large, small = ([panel for panel in panels if panel.small is kind] for kind in (False, True))
    spots: list[_Spot] = []
    legends: list[_Legend] = []
    step = side + _GAP
    begun = top
    for first in range(0, len(large), columns):
        begun = top
        for column, panel in enumerate(large[first : first + columns]):
            spots.append(_Spot(panel, _GAP + column * step, top + _TITLE, side))
            legends.append(_Legend(panel.legend, _GAP + column * step, top + _TITLE + side + 0.06, side, 2))
        top = max(legend.top + legend.height for legend in legends[-columns:]) + _GAP
    if not small:
        return spots, legends, top
    half = (_TITLE + side) / 2 - _SMALL_TITLE  # two small ones are as high as a large one with its title
    used = len(large) % columns if len(small) <= 4 * (-len(large) % columns) else 0  # columns left of the small ones
    begun = begun if used else top
    across = 2 * (columns - used)
    left = _GAP + used * step
    for number, panel in enumerate(small):
        row, column = divmod(number, across)
        spots.append(_Spot(panel, left + column * step / 2, begun + _SMALL_TITLE + row * (_SMALL_TITLE + half), half))
    end = begun + -(-len(small) // across) * (_SMALL_TITLE + half)
    codes = sorted(dict.fromkeys(code for panel in small for code in panel.legend), key=lambda code: code == UNSEEN)
    legends.append(_Legend(codes, left, end + 0.06, (columns - used) * step - _GAP, 2 * (columns - used)))
    return spots, legends, max(top, legends[-1].top + legends[-1].height + _GAP)


def _draw(figure: Figure, spot: _Spot) -> None:
    width, height = figure.get_size_inches()
    place = (spot.left / width, 1 - (spot.top + spot.side) / height, spot.side / width, spot.side / height)
    axes = figure.add_axes(place)
    show(axes, spot.panel)
    axes.set_title("")
    title = _SMALL_TITLE if spot.panel.small else _TITLE
    size = _SMALLEST_TEXT if spot.panel.small else 11.5
    _write(figure, spot.left, spot.top - title / 2, spot.panel.title, size, not spot.panel.small)


def _explain(figure: Figure, legend: _Legend) -> None:
    """Draw a legend, row by row."""
    width, height = figure.get_size_inches()
    for number, code in enumerate(legend.codes):
        row, column = divmod(number, legend.columns)
        left, middle = legend.left + column * legend.width / legend.columns, legend.top + _LINE * (row + 0.5)
        box = Rectangle(
            (left / width, 1 - (middle + 0.06) / height), 0.16 / width, 0.12 / height, transform=figure.transFigure,
            facecolor=code.colour, edgecolor="#9aa3ac", linewidth=0.6,
        )  # fmt: skip
        figure.add_artist(box)
        _write(figure, left + 0.22, middle, code.name, _SMALLEST_TEXT, bold=False, colour=MUTED)


def _write(
    figure: Figure, left: float, middle: float, text: str, size: float, bold: bool, colour: str = INK
) -> None:  # fmt: skip
    width, height = figure.get_size_inches()
    weight = "bold" if bold else "normal"
    figure.text(left / width, 1 - middle / height, text, size=size, weight=weight, color=colour, va="center")
