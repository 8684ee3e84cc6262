"""Progress for people: a bar on a terminal, plain lines elsewhere."""

import os
import sys
import time
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

T = TypeVar("T")
_PLAIN_SECONDS = 15.0  # a plain log gets a line this often, not one an item

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def say(text: str) -> None:
    """Tell the user `text`, on standard error: whole, as it is, so that a path in it can be copied."""
    console.print(text)


def show_page(address: str) -> None:
    """Tell the user the address of a page, and open it where there is a desktop."""
    say(address)
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


@contextmanager
def silence() -> Iterator[None]:
    """Tell the user nothing within the block: for work of which there is so much that its course says nothing."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


class Bar:
    """A bar on a terminal that starts anew with each part of a long work; elsewhere it shows nothing."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def begin(self, description: str, total: int) -> None:
        """Show a part of the work, of which nothing is done yet."""
        if not console.is_terminal:
            return
        if self._progress is None:
            self._progress = Progress(*_columns(), console=console, transient=True)
            self._progress.start()
            self._progress.add_task(description, total=total)
        self._progress.reset(self._progress.task_ids[0], description=description, total=total)

    def advance(self) -> None:
        """Count one more as done."""
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])

    def end(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )


def track(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done."""
    if console.is_terminal:
        with Progress(*_columns(), console=console, transient=True) as progress:
            yield from progress.track(items, description=description, total=total)
        return
    told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - told > _PLAIN_SECONDS:
            told = time.monotonic()
            print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)
