"""Choices that are files: a file put into one of these folders is a choice of its name, and nothing else lists it.

The files are found and not imported, so that the configuration does not wait for torch or Earth Engine.
"""

from pathlib import Path

METHODS = "denoise/methods"  # denoise.method
NETWORKS = "models/networks"  # model.name, beside the baselines


def files_in(folder: str) -> tuple[str, ...]:
    """Return the names of the Python files in a folder of the package, as `denoise/methods`, in order."""
    found = (Path(__file__).parents[1] / folder).glob("*.py")
    return tuple(sorted(path.stem for path in found if path.stem != "__init__"))
