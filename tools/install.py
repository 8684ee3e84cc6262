"""Make `.venv` with the exact versions of constraints.txt, through uv where it can be had, else through pip.

`python tools/install.py chain,dev` installs the project with its extras `chain` and `dev`; the Makefile calls it. It
needs nothing but the standard library. uv does not read pip's configuration: what is configured there (an index, a
folder of wheels, a certificate) is handed to it, and where pip is configured with something that has no counterpart
here, pip installs.
"""

import ast
import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LISTS = {  # pip's setting: uv's option, once for each value
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "trusted-host": "--allow-insecure-host",
}
VARIABLES = {  # pip's setting: the environment variable that uv reads
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
WITHOUT_EFFECT = {  # on what is installed into a virtual environment
    "break-system-packages",
    "cache-dir",
    "disable-pip-version-check",
    "no-cache-dir",
    "no-color",
    "no-input",
    "no-warn-script-location",
    "progress-bar",
    "quiet",
    "require-virtualenv",
    "retries",
    "root-user-action",
    "verbose",
}
IMPORTS = """
import contextlib, importlib, pkgutil
import dvc.cli.parser, eelocal, water_gee
for package in water_gee, eelocal:
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        with contextlib.suppress(Exception):
            module.name.endswith("__main__") or importlib.import_module(module.name)
"""


class UvError(Exception):
    """uv cannot install here; the text says why."""


def pip_settings(listing: str) -> dict[str, str]:
    """Return pip's settings that hold for `pip install`, by name, from what `pip config list` prints."""
    settings: dict[str, str] = {}
    lines = [line.partition("=") for line in listing.splitlines()]
    for section in ("global.", "install.", ":env:."):  # the later ones win, as they do in pip
        for key, _, value in lines:
            if key.startswith(section):
                settings[key.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def uv_settings(settings: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the options and the environment variables with which uv looks where pip would.

    Raises:
        UvError: pip has a setting that has no counterpart here.
    """
    # pip takes the best version of all places; without this, uv stops at the first that has the package.
    options = ["--index-strategy", "unsafe-best-match"]
    variables: dict[str, str] = {}
    for name, value in settings.items():
        if name == "index-url":
            options += ["--default-index", value]
        elif name == "no-index":
            options += ["--no-index"] if value.lower() in ("1", "true", "yes", "on") else []
        elif name in LISTS:
            options += [part for one in value.split() for part in (LISTS[name], one)]
        elif name in VARIABLES:
            variables[VARIABLES[name]] = value
        elif name not in WITHOUT_EFFECT:
            raise UvError(f"pip's setting {name} is not one that it is given")
    return options, variables


def run(*command: str, variables: Mapping[str, str] = {}) -> str:
    """Run a command in the project and return what it printed.

    Raises:
        UvError: it failed, with what it wrote as the error.
    """
    environment = {**variables, **os.environ}  # what a user has set for uv itself wins
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith(("error", "×"))]
        raise UvError((errors or lines or [f"{command[2]} ended with {done.returncode}"])[0])
    return done.stdout


def install_by_uv(python: Path, wanted: Sequence[str]) -> None:
    """Install the project by the uv that constraints.txt names, put into the environment by pip.

    Raises:
        UvError: there is no uv for this machine, or it failed.
    """
    pip = [str(python), "-m", "pip"]
    options, variables = uv_settings(pip_settings(run(*pip, "config", "list")))
    run(*pip, "install", "--quiet", "--disable-pip-version-check", "--only-binary=uv", "-c", "constraints.txt", "uv")
    uv = [str(python), "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    run(*uv, *options, *wanted, variables=variables)


def compile_imported(python: Path) -> None:
    """Write the bytecode of all that the project imports.

    Needed only where Python is set to write none by itself: each command would then compile anew, for seconds. pip
    compiles all that it installs, which takes longer than all the rest of uv's work, and a third of which is imported.
    """
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([str(python), "-c", IMPORTS], cwd=PROJECT, env=surroundings, capture_output=True)


def make_environment(folder: Path) -> None:
    """Make an empty virtual environment with pip, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / ".unfinished").touch()
    venv.create(folder, with_pip=True, symlinks=True)


def install(folder: Path, extra: str) -> int:
    """Install the project with an extra into the environment in a folder, and return the exit code.

    An environment that a killed installation left half made is made anew; one that is whole is brought up to date.
    """
    python, unfinished = folder / "bin" / "python", folder / ".unfinished"
    new = unfinished.exists() or not python.exists()
    if new:
        make_environment(folder)
    unfinished.touch()
    wanted = ["-c", "constraints.txt", "-e", f".[{extra}]"]
    try:
        install_by_uv(python, wanted)
        if sys.dont_write_bytecode:
            compile_imported(python)
    except UvError as error:
        print(f"setup: without uv, by pip, which takes some minutes ({error})", file=sys.stderr)
        if new:
            make_environment(folder)  # uv may have left packages of which only a part is there
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        code = subprocess.run([*pip, *wanted], cwd=PROJECT).returncode
        if code:
            if not new:
                unfinished.unlink()  # pip has put back what was there
            return code
    unfinished.unlink()
    return 0


def main() -> int:
    """Install into `.venv` with the extra that is named, one installation at a time; then fetch the page's library."""
    with Path(__file__).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = install(PROJECT / ".venv", sys.argv[1])
    if not code:  # without the page's library everything works but the page's map, and a line says so
        subprocess.run([str(PROJECT / ".venv" / "bin" / "python"), "tools/vendor.py"], cwd=PROJECT)
    return code


if __name__ == "__main__":
    sys.exit(main())
