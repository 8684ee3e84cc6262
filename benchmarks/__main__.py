"""`make bench`: every benchmark, or those named on the command line."""

import importlib
import os
import sys
from pathlib import Path

HARNESS = {"__init__", "__main__", "timing"}


def main() -> None:
    """Run the benchmarks."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HARNESS)
    wanted = sys.argv[1:] or known
    if unknown := set(wanted) - set(known):
        sys.exit(f"benchmarks: {', '.join(sorted(unknown))} is unknown; choose from {', '.join(known)}")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as train.py does, before torch is imported
    for name in wanted:
        importlib.import_module(f"benchmarks.{name}").run()


if __name__ == "__main__":
    main()
