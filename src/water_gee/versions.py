"""Which code made a result: the git commit and the versions of the packages that decide the numbers."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("water-gee", "torch", "pytorch-lightning", "earthengine-api", "rasterio", "numpy")


def commit(folder: Path) -> str:
    """Return the git commit of a folder, marked where files differ from it; empty where there is no repository."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, timeout=20, check=True, encoding="utf-8",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    known = {}
    for name in _PACKAGES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known
