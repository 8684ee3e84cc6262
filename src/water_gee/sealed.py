"""Reports that carry their own hash and name the files that they speak for: what is read is what was written.

Every folder of results holds one such report (`tiles.json`, `report.json`, `run.json`, `model.json`, `export.json`,
`maps.json`, `details.json`). It names its study, the hash of each file that goes with it, and the hashes of what it was
made of. Whoever reads a file checks it against its report, and the report against itself.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from water_gee.errors import WaterGeeError
from water_gee.files import read_bytes, read_json, write_json

SEAL = "seal"  # the key that holds the hash of all others


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a report atomically, with the hash of its content; equal contents are equal bytes."""
    write_json(path, sealed(content))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with its hash under the key `seal`."""
    return {**content, SEAL: _hash(content)}


def unsealed(content: Any) -> dict[str, Any] | None:
    """Return what `sealed` was given, or None where the content is not what it then was."""
    if not isinstance(content, dict) or SEAL not in content:
        return None
    inner = {key: value for key, value in content.items() if key != SEAL}
    try:
        return inner if content[SEAL] == _hash(inner) else None
    except (ValueError, RecursionError):  # it holds what is never written: no number, or nested without end
        return None


def read_sealed(
    path: Path, advice: str, *, study: str = "", error: type[WaterGeeError] = WaterGeeError
) -> dict[str, Any]:
    """Return the content of a report that `write_sealed` wrote.

    Args:
        path: of the report.
        advice: what to do where it is not good, as in `run again: water-gee tiles`.
        study: the study that it must be of; empty, any.
        error: the class of the errors raised.

    Raises:
        WaterGeeError: it is absent, unreadable or not JSON, was changed since it was written, or is of another study.
    """
    try:
        content = unsealed(read_json(path))
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); {advice}") from problem
    except WaterGeeError as problem:
        raise error(f"{path} {'is not JSON' if path.exists() else 'does not exist'}; {advice}") from problem
    if content is None:
        raise error(f"{path} was changed since it was written, or is of another version; {advice}")
    check_study(path, content.get("study"), study, error=error)
    return content


def check_study(path: Path, found: object, wanted: str, *, error: type[WaterGeeError] = WaterGeeError) -> None:
    """Check that a result is of the study that is asked for; `wanted` empty, any is.

    Raises:
        WaterGeeError: it is of another one.
    """
    if wanted and found != wanted:
        raise error(
            f"{path} is of the study {found} and not of {wanted}; choose study={found}, or paths.root=DIR for a folder "
            "of its own"
        )


def read_checked(path: Path, known: object, advice: str, *, error: type[WaterGeeError] = WaterGeeError) -> bytes:
    """Return the bytes of a file whose SHA-256 a report knows.

    Raises:
        WaterGeeError: the file is absent, or holds other bytes.
    """
    content = read_bytes(path, advice, error=error)
    if hashlib.sha256(content).hexdigest() != known:
        raise error(f"{path} is not the file that its report names: it was changed or damaged; {advice}")
    return content


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
