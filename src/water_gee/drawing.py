"""How figures are drawn and saved: one style, and the same bytes for the same content."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image

from water_gee.files import atomic
from water_gee.panels import INK, LINE, MUTED, Code, Panel

WIDTH = 6.4  # inches: at 150 dots an inch, legible when a phone shows it 360 pixels wide
_DPI = 150
_PLACES = (1 << 16, 1 << 8, 1)  # of red, green and blue in one number
_STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 11, "axes.titlesize": 11.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlecolor": INK, "axes.edgecolor": LINE, "axes.labelcolor": MUTED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#eceff2", "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.major.size": 0, "ytick.major.size": 0, "legend.frameon": False, "figure.facecolor": "white",
}  # fmt: skip


@contextmanager
def drawing(path: Path, height: float, width: float = WIDTH, exact: Sequence[Code] = ()) -> Iterator[Figure]:
    """Give a figure of a size in inches; write it to `path` as a PNG when the block ends.

    The PNG has 256 colours, so that the page that holds it stays small; those of `exact` are kept to the byte.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=_DPI, layout=ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.06))
        canvas = FigureCanvasAgg(figure)
        yield figure
        canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib types no backend
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # nor this
        _save(pixels[..., :3], path, sorted({code.rgb for code in exact}))


def _save(picture: NDArray[np.uint8], path: Path, exact: Sequence[tuple[int, int, int]]) -> None:
    free = 256 - len(exact)
    coarse = Image.fromarray(np.ascontiguousarray(picture)).quantize(free, dither=Image.Dither.NONE)
    chosen = (coarse.getpalette() or [])[: 3 * free]
    numbers = np.array(coarse)
    packed = picture.astype(np.uint32) @ np.array(_PLACES, dtype=np.uint32)
    for offset, colour in enumerate(exact):
        numbers[packed == np.dot(colour, _PLACES)] = free + offset
    image = Image.fromarray(numbers)
    image.putpalette([*chosen, *[0] * (3 * free - len(chosen)), *(value for colour in exact for value in colour)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def sheet(path: Path, panels: Sequence[Panel], legend: Sequence[Code] = (), columns: int = 2) -> None:
    """Draw pictures side by side and below each other, and one legend for all of them."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    ratio = max(panel.picture.shape[0] / panel.picture.shape[1] for panel in panels)
    legend_rows = 1 if len(legend) <= 3 else -(-len(legend) // 2)
    height = rows * (WIDTH / columns * ratio + 0.3) + 0.27 * legend_rows + (0.1 if legend else 0.0)
    with drawing(path, min(height, 2.2 * WIDTH), exact=legend) as figure:
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, panel in zip(axes.flat, panels, strict=False):
            show(axis, panel)
        for axis in list(axes.flat)[len(panels) :]:
            axis.set_axis_off()
        if legend:
            add_legend(figure, legend)
        figure.draw_without_rendering()  # the first layout knows no picture's shape: titles of flat ones would be cut


def show(axis: Axes, panel: Panel) -> None:
    """Draw a picture without ticks, framed."""
    axis.imshow(panel.picture, interpolation="nearest")
    axis.set_title(panel.title)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(True)


def add_legend(figure: Figure, legend: Sequence[Code]) -> None:
    """Put a legend of colours below a figure, in two columns."""
    patches = [Patch(facecolor=code.colour, edgecolor="#9aa3ac", linewidth=0.6, label=code.name) for code in legend]
    figure.legend(
        handles=patches,
        loc="outside lower center",
        ncols=3 if len(legend) <= 3 else 2,
        handlelength=1.2,
        handleheight=1.0,
        columnspacing=2,
    )
