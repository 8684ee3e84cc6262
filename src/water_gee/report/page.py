"""The page: sections of texts, tables and figures, and their rendering as one file."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from markupsafe import Markup

from water_gee.report.atlas import Explorer
from water_gee.report.library import Library, source

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cell:
    """A table's cell: a text, and a smaller note behind it."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A table's row; `best` stands out."""

    cells: tuple[Cell, ...]
    best: bool = False

    @classmethod
    def of(cls, *cells: str | Cell, best: bool = False) -> "Row":
        """Return a row of texts or cells."""
        return cls(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells), best)


@dataclass(frozen=True)
class Table:
    """A table of numbers, or with `hashes` of long marks."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    title: str = ""
    note: str = ""
    hashes: bool = False
    wrap: bool = False


@dataclass(frozen=True)
class Figure:
    """A PNG file, with a title and a caption that says what to see in it."""

    path: Path
    title: str
    caption: str

    @property
    def data(self) -> str:
        """The file in base 64."""
        return base64.b64encode(self.path.read_bytes()).decode("ascii")

    @property
    def width(self) -> int:
        """Its width in pixels, from the PNG header."""
        return int(struct.unpack(">I", self.path.read_bytes()[16:20])[0])

    @property
    def height(self) -> int:
        """Its height in pixels, from the PNG header."""
        return int(struct.unpack(">I", self.path.read_bytes()[20:24])[0])


@dataclass
class Section:
    """A titled part of the page."""

    id: str
    title: str
    texts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


@dataclass(frozen=True)
class Card:
    """A number at the top of the page, and what it is."""

    value: str
    text: str


@dataclass(frozen=True)
class StudyLine:
    """The head of the page."""

    name: str
    line: str
    simulated: bool


def render(
    study: StudyLine,
    cards: Sequence[Card],
    sections: Sequence[Section],
    explored: tuple[Explorer, Library] | None = None,
) -> str:
    """Return the page: one file that needs no network; sections without content are left out.

    Its policy lets a browser run the scripts that stand in it and no others, and load nothing but the pictures in it
    and, where `water-gee serve` shows it, those of that server.

    Args:
        study: the head.
        cards: the numbers at the top.
        sections: in their order.
        explored: the map to move about in and the library that draws it, where there are both.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    full = [section for section in sections if section.tables or section.figures or section.texts]
    style = _static("*.css")
    texts = {}
    if explored is not None:
        known, library = explored
        style = library.style + style
        texts = {"data": known.data, "library_script": library.script, "script": _static("*.js")}
    scripts = [source(texts[name]) for name in ("library_script", "script") if name in texts] or ["'none'"]
    policy = (
        f"default-src 'none'; script-src {' '.join(scripts)}; style-src {source(style)}; img-src data: 'self'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("page.html.j2").render(
        study=study,
        cards=cards,
        sections=full,
        style=Markup(style),
        policy=Markup(policy),
        explorer=explored[0] if explored else None,
        library=explored[1] if explored else None,
        **{name: Markup(text) for name, text in texts.items()},
    )


def _static(pattern: str) -> str:
    """Return our own files of a kind, one after the other."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted((_HERE / "static").glob(pattern)))
