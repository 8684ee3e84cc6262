"""Commands in advice, completed by what the user gave: whoever copies one works on the same study, below the same root.

What was given on the command line is kept here while the command runs.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_WHERE = ("study", "experiment", "earth", "earth.catalog", "earth.project", "earth.url", "paths.root")
_COMMAND = re.compile(
    r"(?:water-gee (?!STAGE|COMMAND)[a-z]+(?:-[a-z]+)*|python train\.py)\b(?P<rest>(?: [\w.]+=[^\s;,)]+)*)"
)
_given: list[str] = []


@contextmanager
def given(overrides: Sequence[str], config_dir: str | None) -> Iterator[None]:
    """Keep of a command line, while the block runs, where it works: study, scenes, root, the user's own groups."""
    before = [*_given]
    folder = [f"--config-dir {shlex.quote(config_dir)}"] if config_dir else []
    _given[:] = [*folder, *(shlex.quote(one) for one in overrides if one.partition("=")[0] in _WHERE)]
    try:
        yield
    finally:
        _given[:] = before


def complete(text: str) -> str:
    """Return a text whose commands say all that was given, each key once."""

    def completed(found: re.Match[str]) -> str:
        named = {one.partition("=")[0] for one in found["rest"].split()}
        lacking = [one for one in _given if one.strip("'\"").partition("=")[0] not in named]
        return " ".join([found[0], *lacking])

    return _COMMAND.sub(completed, text) if _given else text
