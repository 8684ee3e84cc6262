"""Rows of text as CSV, as Markdown and on the terminal; the first row is the heading."""

import csv
import io
import os
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDEST = 10_000  # characters, in which any table fits


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def show(title: str, rows: Sequence[Sequence[str]], *, texts: int = 1, best: int | None = None) -> None:
    """Print the rows on standard output, with nothing folded or cut.

    Where a table is wider than the terminal, each row is printed as a list instead, a value a line. What is no
    terminal gets the table, unless COLUMNS says how wide it is.

    Args:
        title: what stands above.
        rows: the heading, then the rows.
        texts: how many columns, from the left, are text and stand left; the others are numbers.
        best: which row after the heading is printed bold.
    """
    console = Console(highlight=False)
    bounded = console.is_terminal or "COLUMNS" in os.environ
    table = Table(box=box.SIMPLE_HEAD)
    for column, name in enumerate(rows[0]):
        table.add_column(Text(name), justify="left" if column < texts else "right", no_wrap=True)
    for place, row in enumerate(rows[1:]):
        table.add_row(*map(Text, row), style="bold" if place == best else "")
    width = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    write(Text(title, style="bold"))
    if bounded and width > console.width:
        for place, row in enumerate(rows[1:]):
            write(_listed(rows[0], row, "bold" if place == best else ""))
    else:
        console.width = width
        console.print(table)


def write(text: Text | str = "") -> None:
    """Print a line on standard output: whole, however narrow the terminal is, so that a path in it can be copied."""
    Console(highlight=False).print(text, soft_wrap=True, markup=False, emoji=False)


def _listed(heading: Sequence[str], row: Sequence[str], style: str) -> Text:
    """Return a row as lines: its first value, then the others below with their names."""
    room = max(map(len, heading[1:]), default=0)
    lines = [row[0], *(f"  {name:<{room}}  {value}" for name, value in zip(heading[1:], row[1:], strict=True))]
    return Text("\n".join([*lines, ""]), style=style)
