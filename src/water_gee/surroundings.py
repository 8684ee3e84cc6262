"""Failures of the surroundings, as a full disk, in one line: what, where, and what to do.

An error of the program itself is none of them, and shows its traceback. Libraries are recognised by their names, since
none of them is imported before it is needed.
"""

import errno
import os
import re
import select
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from water_gee.advice import complete
from water_gee.errors import WaterGeeError

LONGEST = 600  # characters of a line; of a longer one the middle goes
_ABOUT = "file: "  # begins the note that names the file which an error is about
_AGAIN = "then run the same command again"
_FREE = f"free some space there, {_AGAIN}"
_RIGHTS = f"make it readable and writable for you, or choose another folder by paths.root, {_AGAIN}"
_IN_THE_WAY = f"move away what is in the way, {_AGAIN}"
_DAMAGED = f"put a copy of it back, or move it away (the folders of the runs stay, what MLflow shows is lost), {_AGAIN}"
_FIXES = {
    errno.ENOENT: f"run first the stage that makes it, {_AGAIN}",
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: f"raise the limit on the size of files (ulimit -f), {_AGAIN}",
    errno.EROFS: _RIGHTS,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTEMPTY: _IN_THE_WAY,
    errno.ENAMETOOLONG: "choose a shorter name, or a shorter paths.root",
    errno.EMFILE: f"raise the limit on open files (ulimit -n), {_AGAIN}",
    errno.ENFILE: f"close other programs, {_AGAIN}",
    errno.ENOMEM: f"close other programs, {_AGAIN}",
    errno.EIO: "the disk itself fails: save what is on it",
    errno.ESTALE: f"mount the folder again, {_AGAIN}",
}
_DATABASE_FIXES = {
    sqlite3.SQLITE_FULL: _FREE,
    sqlite3.SQLITE_IOERR: _FREE,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
    sqlite3.SQLITE_BUSY: f"wait for the other command that uses it, {_AGAIN}",
    sqlite3.SQLITE_LOCKED: f"wait for the other command that uses it, {_AGAIN}",
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}
_WRAPPERS = (
    "mlflow",
    "sqlalchemy",
    "optuna",
    "alembic",
    "rasterio",
    "torch",
    "lightning",
    "pytorch_lightning",
    "hydra",
)
_TEMPORARY = re.compile(r"\.\d+\.tmp(\.|$)")  # as `files.atomic` names what is not whole yet
_CANNOT_WRITE = ("PytorchStreamWriter failed", "unexpected pos", "iostream error")  # torch's, where a disk is full
_UNREAD = 141  # the exit code where nobody reads the output any more, as of a program that a pipe's end kills
_SOMEWHERE = "standard output, a file or a connection"
_OWN = ("", "water_gee", "eelocal")
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def in_one_line(program: str, interrupted: str) -> Iterator[None]:
    """End the program with one line and exit code 1 where the block fails by a user's mistake or the surroundings.

    Args:
        program: what the line begins with.
        interrupted: the line after Ctrl-C.
    """
    try:
        yield
        _flush()
    except KeyboardInterrupt:
        sys.exit(f"{program}: {interrupted}")
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _is_unread():
            sys.exit(_UNREAD)
        if (line := one_line(error)) is None:
            raise
        sys.exit(f"{program}: {line}")


def about(error: BaseException, path: object) -> None:
    """Note the file that an error is about, where the error itself does not say; the first note holds."""
    error.add_note(f"{_ABOUT}{path}")


def one_line(error: BaseException) -> str | None:
    """Return the line that the user gets of an error, or None of one of the program itself."""
    told = str(error) if isinstance(error, WaterGeeError) else from_outside(error)
    if told is None:
        return None
    line = complete(" ".join(told.split()))
    if len(line) > LONGEST:
        half = (LONGEST - 5) // 2
        line = f"{line[:half]} ... {line[-half:]}"
    return line


def from_outside(error: BaseException) -> str | None:
    """Return which failure of the surroundings is behind an error, and what to do; None where there is none.

    A WaterGeeError says that itself.
    """
    whole = list(_chain(error))
    for one in whole:
        if isinstance(one, WaterGeeError):
            return None if one is error else str(one)
        if isinstance(one, OSError) and one.errno is not None and not isinstance(one, ValueError):
            reason, fix = os.strerror(one.errno), _FIXES.get(one.errno, f"mend that, {_AGAIN}")
            place = _named(one) or _noted(whole)
            if one.strerror not in (None, reason):  # a library's own words
                return f"{place + ': ' if place else ''}{one.strerror} ({reason}); {fix}"
            return f"{place or _SOMEWHERE}: {reason}; {fix}"
        if isinstance(one, sqlite3.Error) and (told := _of_database(one, _noted(whole))):
            return told
        if isinstance(one, RuntimeError) and any(words in str(one) for words in _CANNOT_WRITE):
            return f"{_noted(whole) or 'a checkpoint'}: it cannot be written ({_first(one)}); {_FREE}"
        if _is_named(one, "rasterio", "RasterioIOError"):
            return f"{_noted(whole) or 'a raster'}: {_first(one)}; run the stage that writes it again"
        if _is_named(one, "mlflow", "MlflowException") and getattr(one, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
            return f"MLflow: {_first(one)}; it was deleted meanwhile, or is of another root"
        if _is_named(one, "mlflow", "MlflowException") and "API request to" in str(one):
            return f"MLflow's server does not answer ({_first(one)}); see that it runs and can be reached, {_AGAIN}"
        if isinstance(one, ModuleNotFoundError) and (missing := (one.name or "").partition(".")[0]) not in _OWN:
            return f"the package {missing} is not installed; run: make setup, or pip install 'water-gee[chain]'"
        if _is_memory(one):
            return (
                f"there is not enough memory ({_first(one)}); close other programs, or choose smaller numbers, as "
                "data.batch, data.crop_batch, tiles.size"
            )
    return None


def _flush() -> None:
    """Write out what was printed: at the interpreter's end it would be too late to tell."""
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
        raise


def _is_unread() -> bool:
    """Return whether nobody reads any more what is printed; the rest of it is then dropped."""
    try:
        looking = select.poll()
        looking.register(sys.stdout.fileno(), select.POLLOUT)
        gone = any(event & (select.POLLERR | select.POLLHUP) for _, event in looking.poll(0))
    except (OSError, ValueError):  # it is no file, or closed
        return False
    if gone:
        _drop_output()
    return gone


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of: as its raiser says, or of a library's error what it was handling."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        wraps = type(one).__module__.partition(".")[0] in _WRAPPERS
        one = one.__cause__ or (one.__context__ if wraps and not one.__suppress_context__ else None)


def _noted(errors: list[BaseException]) -> str:
    notes = [note for one in errors for note in getattr(one, "__notes__", [])]
    return next((note.removeprefix(_ABOUT) for note in notes if note.startswith(_ABOUT)), "")


def _named(error: OSError) -> str:
    """Return the file that an error names, of two the one written to; a temporary one says nothing to the user."""
    given = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes | os.PathLike)]
    name = os.fsdecode(given[-1]) if given else ""
    return "" if _TEMPORARY.search(name) else name


def _of_database(error: sqlite3.Error, place: str) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    fix = None if code is None else _DATABASE_FIXES.get(code & 0xFF)  # the rest of a code is detail
    return None if fix is None else f"{place or 'a database'}: {_first(error)}; {fix}"


def _is_named(error: BaseException, package: str, name: str) -> bool:
    """Return whether an error is of a class of a package, which need not be imported."""
    kinds = type(error).__mro__
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] == package for kind in kinds)


def _is_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(one in text for one in _NO_MEMORY)
    )


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
