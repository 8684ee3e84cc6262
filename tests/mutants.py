"""Puts single faults into the rooms, one at a time, and shows which of them the room's own tests miss.

    make mutants MUTANTS=100 SEED=1 ROOMS=models,maps

The faults are mutmut's. Its own command can draw no sample and tries a function's faults in one process, which torch
does not survive; so each fault is a copy of the tree here, and each trial a pytest of its own, that ends at the first
failure. Left out is what says little of the tests: names of `figures.py`, strings with a space in them, which are
wording, strings in other letters, and None in the place of a value, at which nearly every test ends.
"""

import argparse
import difflib
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import libcst
from mutmut.mutation.file_mutation import Mutation, create_mutations

from water_gee.report.tables import show, write

PROJECT = Path(__file__).parents[1]
ROOMS = ("earth", "tiles", "denoise", "models", "training", "export", "maps", "evaluation")
LEAST_SECONDS, TIMES_SLOWER = 120.0, 4.0  # a trial that takes longer has noticed the fault: it made a loop endless


@dataclass(frozen=True)
class Fault:
    """One fault in a file of a room."""

    room: str
    file: str
    module: libcst.Module
    mutation: Mutation

    @property
    def faulty(self) -> str:
        """The file as it would be."""
        return self.module.deep_replace(self.mutation.original_node, self.mutation.mutated_node).code

    @property
    def diff(self) -> str:
        """What the fault changes."""
        lines = (text.splitlines(keepends=True) for text in (self.module.code, self.faulty))
        return "".join(difflib.unified_diff(*lines, self.file, self.file, n=2))


def faults(room: str, only: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Yield the faults of a room, or of some of its files, in the order of their files."""
    for path in sorted((PROJECT / "src" / "water_gee" / room).rglob("*.py")):
        if path.name == "figures.py" or (only and path.stem not in only):
            continue
        module, mutations, *_ = create_mutations(str(path), path.read_text(encoding="utf-8"))
        for mutation in filter(_telling, mutations):
            yield Fault(room, path.relative_to(PROJECT).as_posix(), module, mutation)


def _telling(mutation: Mutation) -> bool:
    old, new = mutation.original_node, mutation.mutated_node
    if isinstance(old, libcst.SimpleString):
        return " " not in old.value and "XX" in new.value
    if isinstance(old, (libcst.Assign, libcst.AnnAssign)):
        return False
    return not (isinstance(old, libcst.Call) and len(old.args) == len(new.args) and _nones(new) > _nones(old))


def _nones(call: libcst.Call) -> int:
    return sum(isinstance(one.value, libcst.Name) and one.value.value == "None" for one in call.args)


def copy_tree(folder: Path) -> Path:
    """Copy the files that git knows or would, as they are now."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.split("\0"):
        if name and (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    return folder


def tested(tree: Path, room: str, seconds: float | None, file: str = "") -> bool:
    """Return whether the room's tests, those named after a file first, pass in a tree within so many seconds."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    first = [str(path) for path in (tree / "tests" / room).glob(f"test_{Path(file).stem}*.py")] if file else []
    command = [sys.executable, "-m", "pytest", *first, f"tests/{room}", "-x", "-q", "-m", "not slow"]
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Draw the faults, try them, and print what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=100, help="how many to draw")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--rooms", default=",".join(ROOMS), help="from which rooms; room:file,... for single files")
    parser.add_argument("--jobs", type=int, default=2, help="how many trials at a time")
    options = parser.parse_args()
    files: dict[str, tuple[str, ...]] = {}
    for word in options.rooms.split(","):
        room, _, file = word.partition(":")
        files[room] = (*files.get(room, ()), *([file] if file else []))
    known = [fault for room, only in files.items() for fault in faults(room, only)]
    drawn = random.Random(options.seed).sample(known, min(options.mutants, len(known)))
    drawn.sort(key=lambda fault: fault.file)
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            trees.put(copy_tree(Path(scratch) / str(number)))
        limits = {}
        for room in sorted({fault.room for fault in drawn}):
            started = time.monotonic()
            if not tested(Path(scratch, "0"), room, None):
                sys.exit(f"mutants: the tests of {room} fail without a fault; run pytest tests/{room}")
            limits[room] = max(LEAST_SECONDS, TIMES_SLOWER * (time.monotonic() - started))

        def missed(fault: Fault) -> bool:
            tree = trees.get()
            (tree / fault.file).write_text(fault.faulty, encoding="utf-8")
            try:
                passed = tested(tree, fault.room, limits[fault.room], fault.file)
            finally:
                (tree / fault.file).write_text(fault.module.code, encoding="utf-8")
                trees.put(tree)
            if passed:
                write(f"missed\n{fault.diff}")
            return passed

        with ThreadPoolExecutor(options.jobs) as pool:
            outcomes = list(pool.map(missed, drawn))
    rows = [["room", "faults", "noticed", "missed"]]
    for room in (*limits, "all"):
        own = [passed for fault, passed in zip(drawn, outcomes, strict=True) if room in (fault.room, "all")]
        rows.append([room, str(len(own)), str(len(own) - sum(own)), str(sum(own))])
    show(f"faults of seed {options.seed}", rows)


if __name__ == "__main__":
    main()
