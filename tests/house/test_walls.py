"""A room imports only from rooms before it, and only what they offer at their door."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
ROOMS = [
    "study", "earth", "pool", "tiles", "denoise", "models", "training", "runs", "tracking", "export",
    "maps", "evaluation", "ladder", "report", "experiments",
]  # fmt: skip
COMMON = {
    "errors", "files", "paths", "progress", "config", "accuracy", "bootstrap", "cli", "sealed", "claims", "dvc_hashes",
    "reads", "output", "advice", "pipeline", "rasters", "surroundings", "panels", "drawing", "board",
}  # fmt: skip
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
            inside = SOURCE / "water_gee" / parts[1] / f"{parts[2]}.py" if len(parts) > 3 else None
            assert inside is None or not inside.is_file(), f"{room}/{path.name} reaches inside {name}"


def test_eelocal_knows_nothing_of_water_gee() -> None:
    for path in (SOURCE / "eelocal").rglob("*.py"):
        assert not any(name.split(".")[0] == "water_gee" for name in imports(path)), path


LONG: dict[str, str] = {}  # files over 300 lines, each with its reason


def test_no_file_is_long_without_a_reason() -> None:
    long = {path.name for path in SOURCE.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 300}
    assert long - LONG.keys() == set()
