"""Commands in advice, completed by what the user gave: whoever copies one works on the same study, below the same root.

What was given on the command line is one fact of the process, kept here.
"""

import re
import shlex
from collections.abc import Sequence

_WHERE = ("study", "experiment", "earth", "earth.catalog", "earth.project", "earth.url", "paths.root")
_COMMAND = re.compile(
    r"(?:water-gee (?!STAGE|COMMAND)[a-z]+(?:-[a-z]+)*|python train\.py)\b(?P<rest>(?: [\w.]+=[^\s;,)]+)*)"
)
_given: list[str] = []


def remember(overrides: Sequence[str], config_dir: str | None) -> None:
    """Keep what of a command line says where it works: the study, the scenes, the root, the user's own groups."""
    _given.clear()
    if config_dir:
        _given.append(f"--config-dir {shlex.quote(config_dir)}")
    _given.extend(shlex.quote(one) for one in overrides if one.partition("=")[0] in _WHERE)


def complete(text: str) -> str:
    """Return a text whose commands say all that was given, each key once."""

    def completed(found: re.Match[str]) -> str:
        named = {one.partition("=")[0] for one in found["rest"].split()}
        lacking = [one for one in _given if one.strip("'\"").partition("=")[0] not in named]
        return " ".join([found[0], *lacking])

    return _COMMAND.sub(completed, text) if _given else text
