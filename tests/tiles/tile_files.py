"""The stage's command line, and what it left behind."""

import hashlib
import json
from pathlib import Path

SMALL = ("study.years=[2020]", "tiles.areas=[train]")  # a quarter of the study, where that is enough


def arguments(config_dir: Path, root: Path, *overrides: str) -> list[str]:
    """Return the arguments of `water-gee tiles` on the tiny study."""
    own = ["study=tiny", "tiles.size=64", "earth.wait=0", f"paths.root={root}"]
    return ["tiles", *own, *overrides, "--config-dir", str(config_dir)]


def contents(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below data/tiles."""
    folder = root / "data" / "tiles"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def fetched(root: Path) -> list[str]:
    """Return the tiles that were asked for, in the log's order."""
    path = root / "logs" / "tiles.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [f"{line['area']}/{line['id']}" for line in lines]
