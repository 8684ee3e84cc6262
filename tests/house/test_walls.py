"""A room imports only from rooms before it, and only what they offer at their door."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
HOUSE = (SOURCE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## The house\n")[1].split("\n## ")[0]
ROOMS = re.findall(r"^\d+\. `(\w+)`:", HOUSE, re.MULTILINE)  # in order
COMMON = set(re.findall(r"`(\w+)`", re.search(r"^- Common to all rooms: (.*?)\.$", HOUSE, re.MULTILINE | re.DOTALL)[1]))
ALLOWED = {"simulate": {"study"}, "report": {*ROOMS[: ROOMS.index("report")], "simulate"}}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, as dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", [*ROOMS, "simulate"])
def test_a_room_knows_only_the_rooms_before_it(room) -> None:
    before = ALLOWED.get(room) or set(ROOMS[: ROOMS.index(room)])
    for path in sorted((SOURCE / "water_gee" / room).rglob("*.py")):
        for name in imports(path):
            parts = name.split(".")
            assert parts[0] != "eelocal", f"{path.name} imports eelocal, which is a server to connect to"
            if parts[0] != "water_gee" or len(parts) < 2 or parts[1] in COMMON | {room, "__version__"}:
                continue
            assert parts[1] in before, f"{room}/{path.name} imports {name}, of a room that comes later"
            inside = SOURCE / "water_gee" / parts[1] / parts[2] if len(parts) > 3 else None
            is_part = inside and (inside.with_suffix(".py").is_file() or inside.is_dir())
            assert not is_part, f"{room}/{path.name} reaches inside {name}"


def test_every_room_and_common_module_has_its_place_in_the_document() -> None:
    package = SOURCE / "water_gee"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    assert rooms == {*ROOMS, "simulate", "commands", "config"}
    assert modules | {"config"} == COMMON


def test_eelocal_knows_nothing_of_water_gee() -> None:
    for path in (SOURCE / "eelocal").rglob("*.py"):
        assert not any(name.split(".")[0] == "water_gee" for name in imports(path)), path


LONG: dict[str, str] = {}  # files over 300 lines, each with its reason


def test_no_file_is_long_without_a_reason() -> None:
    long = {path.name for path in SOURCE.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 300}
    assert long - LONG.keys() == set()
