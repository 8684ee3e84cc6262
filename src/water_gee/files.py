"""Files that are whole or absent: written under a temporary name, then renamed."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from water_gee.errors import WaterGeeError
from water_gee.surroundings import about


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends without an error.

    The suffix of `path` is kept, since GDAL and torch choose a format by it. A random number keeps machines apart that
    share a file system, where two processes may have one number.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{secrets.randbelow(10**6):06}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        about(error, path)
        raise
    finally:
        with suppress(OSError):  # where nothing can be removed, what went wrong before is what is told
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path` atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` atomically, keys sorted, so that equal contents are equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of the JSON file `path`.

    Raises:
        WaterGeeError: the file is absent or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WaterGeeError(f"{path} does not exist; run the stage that writes it first") from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, nested without end
        raise WaterGeeError(f"{path} is not valid JSON ({error}); delete it and run its stage again") from error


def read_bytes(path: Path, advice: str, *, error: type[WaterGeeError] = WaterGeeError) -> bytes:
    """Return the bytes of a file.

    Raises:
        WaterGeeError: it is absent or cannot be read; `advice` says what to do.
    """
    try:
        return path.read_bytes()
    except OSError as problem:
        state = "cannot be read" if path.exists() else "does not exist"
        raise error(f"{path} {state}; {advice}") from problem


def is_there(path: Path) -> bool:
    """Return whether anything lies at a path: a folder or a link to nothing, too, is not what was never written."""
    return os.path.lexists(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(paths: Iterable[Path]) -> str:
    """Return one MD5 of the names and bytes of several files, in hexadecimal."""
    whole = hashlib.md5(usedforsecurity=False)
    for path in paths:
        whole.update(f"{path.name} {sha256(path)}\n".encode())
    return whole.hexdigest()
