"""The ledger of tasks: a line an event, on disk before and after each call to the service.

A line is JSON with its own hash. It is written to the end and through to the disk, so that a killed command leaves all
lines but perhaps the last one whole; a last line that is not whole is dropped, for the call that it was to announce was
never made, or the task that it was to name is found again by the task's own name.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from water_gee.errors import EarthError
from water_gee.files import is_there
from water_gee.sealed import check_study, sealed, unsealed
from water_gee.surroundings import about

STARTING = "STARTING"  # the call that starts the task may have been made
GONE = "GONE"  # the task succeeded, and its result was deleted afterwards
_NAME = "ledger.jsonl"


@dataclass(frozen=True)
class Attempt:
    """One task of one block.

    Attributes:
        block: the block's name, which names its result too.
        number: 1 for the block's first task.
        request_id: by which the service knows a start that is repeated.
        description: the task's name.
        mark: of the deployment that the block belongs to.
        account: on which it runs; see `Account.key`.
        state: `STARTING`, the service's own states, or `GONE`.
        operation: the service's name for the task; empty until it is known.
        reason: why it failed.
        eecu_seconds: the compute that it used, where the service told it.
    """

    block: str
    number: int
    request_id: str
    description: str
    mark: str
    account: str
    state: str = STARTING
    operation: str = ""
    reason: str = ""
    eecu_seconds: float | None = None


class Ledger:
    """The tasks of a root: read whole, and written to while the lock is held."""

    def __init__(self, folder: Path, study: str) -> None:
        """Read the ledger of a folder, which may be absent.

        Raises:
            EarthError: a line was changed since it was written, or it is another study's.
        """
        self.path, self.study = folder / _NAME, study
        self._attempts: dict[str, list[Attempt]] = {}
        self.deployments: dict[str, Mapping[str, Any]] = {}  # by mark: what the tasks are made of
        self._whole = 0  # bytes that are whole lines
        self._writable = False
        for event in self._read():
            self._take(event)

    @classmethod
    @contextmanager
    def writing(cls, folder: Path, study: str) -> Iterator[Self]:
        """Open the ledger of a folder for one command at a time.

        Raises:
            EarthError: another command writes to it, or as on reading.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EarthError(
                    f"another command works on the tasks of {folder}; wait for it, or follow it by: water-gee status"
                ) from None
            ledger = cls(folder, study)
            ledger._writable = True
            yield ledger

    @property
    def attempts(self) -> dict[str, list[Attempt]]:
        """The tasks of each block, in the order in which they were started."""
        return {block: list(tasks) for block, tasks in self._attempts.items()}

    @property
    def latest(self) -> list[Attempt]:
        """The last task of each block."""
        return [tasks[-1] for tasks in self._attempts.values()]

    def of(self, block: str) -> list[Attempt]:
        """Return the tasks of a block, in the order in which they were started."""
        return list(self._attempts.get(block, ()))

    def deployment(self, mark: str, content: Mapping[str, Any]) -> None:
        """Note what the tasks of a mark are made of."""
        self._append({"event": "deployment", "mark": mark, **content})

    def starting(self, attempt: Attempt) -> None:
        """Note that a task is about to be started; to be called before the service is."""
        known = {"block": attempt.block, "number": attempt.number, "request_id": attempt.request_id}
        known |= {"description": attempt.description, "mark": attempt.mark, "account": attempt.account}
        self._append({"event": "starting", **known})

    def note(
        self, attempt: Attempt, *, state: str, operation: str = "", reason: str = "", eecu: float | None = None
    ) -> None:
        """Note what is known of a task now; nothing is written where nothing is new."""
        now = replace(
            attempt,
            state=state,
            operation=operation or attempt.operation,
            reason=reason or attempt.reason,
            eecu_seconds=attempt.eecu_seconds if eecu is None else eecu,
        )
        if now == attempt:
            return
        told = {"operation": now.operation, "reason": now.reason, "eecu_seconds": now.eecu_seconds}
        kept = {key: value for key, value in told.items() if value not in ("", None)}
        self._append({"event": "is", "block": now.block, "number": now.number, "state": state, **kept})

    def _append(self, event: Mapping[str, Any]) -> None:
        assert self._writable, "the ledger is open for reading"
        at = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"study": self.study, "at": at, **event}
        line = json.dumps(sealed(content), sort_keys=True).encode() + b"\n"
        new = not self.path.exists()
        try:
            self.path.touch()
            with self.path.open("r+b") as file:
                file.truncate(self._whole)
                file.seek(self._whole)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync(self.path.parent)
        except OSError as error:
            about(error, self.path)
            raise
        self._whole += len(line)
        self._take(content)

    def _read(self) -> Iterator[dict[str, Any]]:
        if not is_there(self.path):
            return
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except OSError as error:
            raise EarthError(f"{self.path} cannot be read ({error.strerror}); {_MOVE}") from error
        for number, line in enumerate(lines, 1):
            event = _event(line)
            if event is None:
                if number == len(lines) and not line.endswith(b"\n"):
                    return  # cut off when its writer was killed
                raise EarthError(f"{self.path}: line {number} is not the one that was written; {_MOVE}")
            check_study(self.path, event.get("study"), self.study, error=EarthError)
            self._whole += len(line)
            yield event

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "starting":
            names = ("block", "number", "request_id", "description", "mark", "account")
            attempt = Attempt(**{name: event[name] for name in names})
            self._attempts.setdefault(attempt.block, []).append(attempt)
        elif event["event"] == "deployment":
            self.deployments[event["mark"]] = event
        elif event["event"] == "is":
            tasks = self._attempts[event["block"]]
            index = next(index for index, task in enumerate(tasks) if task.number == event["number"])
            known = {key: event[key] for key in ("state", "operation", "reason", "eecu_seconds") if key in event}
            tasks[index] = replace(tasks[index], **known)


_MOVE = "move it away and run again: water-gee deploy, which finds the tasks that the service still lists"


def _event(line: bytes) -> dict[str, Any] | None:
    """Return a line's event; None where it is not a line that was written."""
    if not line.endswith(b"\n"):
        return None
    try:
        return unsealed(json.loads(line))
    except ValueError:
        return None


def _sync(folder: Path) -> None:
    """Write a folder's entries through to the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
