"""Files of a catalog: by themselves, or in an uncompressed tar archive, where they are read in place."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from eelocal.errors import EEError

_MEGABYTE = 1 << 20
_READ_WHOLE = 16 * _MEGABYTE  # files up to here are read whole to tell their version
_ARCHIVES = 1024  # whose contents are remembered


@dataclass(frozen=True)
class File:
    """A file: where its bytes lie, and its own name."""

    path: Path  # of the file on disk
    name: str
    span: tuple[int, int] | None = None  # first byte and length in an archive; None: the file on disk, all of it

    @property
    def label(self) -> Path:
        """What an error names it by; of a file in an archive: the archive, and the file's name as if in a folder."""
        return self.path / self.name if self.span else self.path

    @property
    def for_gdal(self) -> str | Path:
        """What GDAL opens."""
        if self.span is None:
            return self.path
        start, length = self.span
        return f"/vsisubfile/{start}_{length},{self.path}"

    def text(self) -> str:
        """Return the content of a text file in UTF-8.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not UTF-8.
        """
        start, length = self.span or (0, -1)
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length).decode("utf-8")


def stamp(path: Path) -> tuple[int, int]:
    """Return what tells one version of a file from another: modification time [ns] and size [bytes]."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def content_version(paths: Sequence[Path]) -> int:
    """Return a number that changes with the content of an image's files, as the service's `system:version` does.

    Of a file larger than 16 MB the first and the last megabyte and 256 places between are read, not all of it.
    """
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            whole.update(f"{path.name} {size} ".encode())
            if size <= _READ_WHOLE:
                whole.update(file.read())
                continue
            whole.update(file.read(_MEGABYTE))
            for place in range(256):
                file.seek(_MEGABYTE + place * (size - 2 * _MEGABYTE) // 256)
                whole.update(file.read(4096))
            file.seek(size - _MEGABYTE)
            whole.update(file.read())
    return int.from_bytes(whole.digest()[:6], "big")  # below 2 ** 53: exact as a JSON number


def unreadable(path: Path, reason: object) -> EEError:
    """Return the error that names a broken file."""
    text = " ".join(str(reason).split())
    return EEError(f"Cannot read {path}: {text}. Replace the file.", 400, "FAILED_PRECONDITION")


def archived(path: Path) -> tuple[File, ...]:
    """Return the plain files in a tar archive, by name.

    Raises:
        EEError: it is no archive, it is compressed, or its end is missing.
    """
    return _archived(path, stamp(path))


@lru_cache(_ARCHIVES)
def _archived(path: Path, version: tuple[int, int]) -> tuple[File, ...]:
    try:
        with tarfile.open(path, "r:") as archive:
            every = archive.getmembers()
    except (tarfile.TarError, OSError) as error:
        raise unreadable(path, f"it is no uncompressed tar archive, or only a part of one ({error})") from error
    # Python takes a header that is cut off for the end: so the empty block that ends an archive must be there.
    last = every[-1] if every else None
    end = last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE if last else 0
    if end + tarfile.BLOCKSIZE > version[1]:
        raise unreadable(path, "its end is missing, as if it had not been copied whole")
    members = [member for member in every if member.isreg() and not member.issparse()]
    files = [File(path, member.name.rsplit("/", 1)[-1], (member.offset_data, member.size)) for member in members]
    return tuple(sorted(files, key=lambda file: file.name))
