"""The table on the terminal at a sweep's end: what differs between its jobs, and how well each did."""

import shlex
from collections.abc import Callable, Sequence

from mlflow.entities import Run
from rich.console import Console
from rich.table import Table
from rich.text import Text

from water_gee.progress import say
from water_gee.runs import FAILED, FINISHED
from water_gee.tracking import FOLDER_TAG, GIVEN_UP_TAG, SHOWN, test_column

_WIDEST = 10_000  # characters, in which any table fits
_NARROWEST = 100  # characters; what is no terminal, or a narrower one, gets so many
Column = tuple[str, Callable[[Run], str]]


def print_summary(children: Sequence[Run], jobs: int, keys: Sequence[str], console: Console | None = None) -> None:
    """Print the jobs, the best first, on standard output, and what failed on standard error.

    Columns that tell least are left out until the table is as narrow as the terminal.

    Args:
        children: the run of each job, the best first.
        jobs: how many there should be.
        keys: what differs between the jobs, as on the command line.
        console: where to print.
    """
    console = console or Console(highlight=False)
    console.width = max(console.width, _NARROWEST)
    finished = sum(run.info.status == FINISHED for run in children)
    given_up = sum(GIVEN_UP_TAG in run.data.tags for run in children)
    title = f"{finished} of {jobs} jobs finished" + (f", {given_up} given up" if given_up else "") + ", the best first"
    columns = _columns(children, keys)
    while True:
        table = _table(title, children, columns, wide=len(keys) or 1)
        spare = [place for place, (name, _) in enumerate(columns) if name in _SPARE]
        if (
            not spare
            or console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum <= console.width
        ):
            break
        del columns[max(spare, key=lambda place: _SPARE.index(columns[place][0]))]
    console.print(table)
    if finished:
        say(f"best: {children[0].info.run_name}, in runs/{children[0].data.tags.get(FOLDER_TAG, '-')}")
    for run in children:
        if run.info.status == FAILED:
            say(f"failed: {run.info.run_name}: {run.data.tags.get('error', '')}")


_SPARE = ("F1", "seconds", "epochs", "recall", "precision", "threshold")  # the last goes first


def _columns(children: Sequence[Run], keys: Sequence[str]) -> list[Column]:
    short = [key.rpartition(".")[2] for key in keys]
    names = [key if short.count(name) > 1 else name for key, name in zip(keys, short, strict=True)]
    columns: list[Column] = [(name, _choice(key)) for name, key in zip(names, keys, strict=True)]
    if not keys:
        columns.append(("run", lambda run: str(run.info.run_name)))
    test = test_column(children)
    for name, key in [SHOWN[0], *([test] if test else []), *SHOWN[1:], ("threshold", "model/threshold")]:
        columns.append((name, _metric(key, 2 if name == "threshold" else 4)))
    columns.append(("epochs", _metric("model/epochs", 0)))
    columns.append(("seconds", _metric("model/training_seconds", 0)))
    columns.append(("status", _status))
    return columns


def _choice(key: str) -> Callable[[Run], str]:
    """Return what a run chose for a key."""

    def choice(run: Run) -> str:
        for override in overrides_of(run):
            name, equals, value = override.partition("=")
            if equals and name.lstrip("+") == key.lstrip("+"):
                return str(value)
        return "-"

    return choice


def overrides_of(run: Run) -> list[str]:
    """Return what a run's tag says that the user chose, each override whole, whatever spaces and quotes it has."""
    text: str = run.data.tags.get("overrides", "")
    try:
        return shlex.split(text)
    except ValueError:
        return text.split(" ")  # of an earlier version, which did not quote


def _metric(key: str, digits: int) -> Callable[[Run], str]:
    return lambda run: f"{run.data.metrics[key]:.{digits}f}" if key in run.data.metrics else "-"


def _status(run: Run) -> str:
    epoch = run.data.tags.get(GIVEN_UP_TAG)
    return f"given up, epoch {epoch}" if epoch else str(run.info.status)


def _table(title: str, children: Sequence[Run], columns: Sequence[Column], wide: int) -> Table:
    """Return the table; the first `wide` columns may be folded, numbers and status never."""
    table = Table(title=Text(title))
    for place, (name, _) in enumerate(columns):
        left = name in ("run", "status")
        table.add_column(Text(name), justify="left" if left else "right", overflow="fold", no_wrap=place >= wide)
    for run in children:
        table.add_row(*(Text(cell(run)) for _, cell in columns))
    return table
