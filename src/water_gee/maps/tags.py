"""What a set of maps says of itself: in its report, and in the metadata of every file."""

from collections.abc import Mapping
from typing import Any

from water_gee import __version__

_OF_MODEL = ("model", "run", "threshold", "temperature")


def map_tags(
    *,
    study: str,
    area: str,
    months: tuple[int, int],
    sensor: str,
    engine: str,
    marks: Mapping[str, str],
    model: Mapping[str, Any],
    exported: Mapping[str, Any],
    code: str,
) -> dict[str, str]:
    """Return what the maps are made of, by key; what is not known is left out.

    Args:
        study: its name.
        area: that is mapped.
        months: the first and the last of each year's season.
        sensor: its name.
        engine: `earth` or `local`.
        marks: hashes of what they were made of, and the runtime of the local engine.
        model: the selected model's report, `model.json`.
        exported: the export's report, `export.json`; empty for the local engine.
        code: the git commit, see `versions.commit`.
    """
    tags = {
        "study": study, "area": area, "months": "{}-{}".format(*months), "sensor": sensor, "engine": engine, **marks,
        "commit": code, "water_gee": __version__, "parity": _parity(marks.get("runtime", ""), exported),
    }  # fmt: skip
    tags |= {key: str(model.get(key, "")) for key in _OF_MODEL}
    return {key: value for key, value in tags.items() if value}


def _parity(runtime: str, exported: Mapping[str, Any]) -> str:
    """Return how far what was computed is known to be what PyTorch computes."""
    if runtime:  # any other than torch is refused unless it answers as PyTorch does: see `models.predictor`
        return "PyTorch itself" if runtime == "torch" else f"{runtime} answers within 1e-05 of PyTorch"
    found = exported.get("parity", {})
    if not {"pixels", "max_abs", "flips"} <= found.keys():
        return ""
    by = exported.get("proved_by", "nobody")
    return "{pixels} pixels by {by}, largest difference {max_abs:.1e}, {flips} classes differ".format(by=by, **found)
