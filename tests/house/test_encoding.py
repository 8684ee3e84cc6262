"""Text is read and written as UTF-8 on every machine, whatever its locale."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FILES = [path for part in ("src", "tests", "benchmarks") for path in (PROJECT / part).rglob("*.py")]
# Their `open` is not a text file's.
OTHERS = {"rasterio", "tarfile", "Image", "memory", "numbers", "mask", "webbrowser", "os", "direct"}


def silent(source: str) -> list[int]:
    """Return the lines that read or write text and leave the encoding to the machine."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if _is_text(call) and "encoding" not in {word.arg for word in call.keywords}]


def _is_text(call: ast.Call) -> bool:
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if method else getattr(call.func, "id", "")
    owner = getattr(call.func.value, "id", "") if method else ""
    if name == "open":
        modes = [one.value for one in call.args if isinstance(one, ast.Constant)]
        return owner not in OTHERS and not any(isinstance(mode, str) and "b" in mode for mode in modes)
    return (method and name in ("read_text", "write_text")) or any(word.arg == "text" for word in call.keywords)


@pytest.mark.parametrize("line", ["open(p)", "p.read_text()", "p.write_text(x)", "run(c, text=True)", "p.open('w')"])
def test_a_silent_line_is_found(line) -> None:
    assert silent(line) == [1]
    assert silent(f"{line[:-1]}, encoding='utf-8')".replace("(, ", "(")) == []


def test_every_text_names_its_encoding() -> None:
    lines = {path.relative_to(PROJECT).as_posix(): silent(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: found for path, found in lines.items() if found} == {}
