"""Long-running tasks: their states, kept in the catalog's hidden folder so that they outlive the server.

A task belongs to the server that holds the lock file named in its record. When nobody holds that lock any more,
the server died, and a task that had not ended is FAILED: it can never be stuck in RUNNING.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from eelocal.catalog import HIDDEN
from eelocal.errors import EEError, bad_request, not_found
from eelocal.limits import Limits
from eelocal.workers import Job, Workers

_RPC_CODES = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "FAILED_PRECONDITION": 9}
_CANCELLED = EEError("The task was cancelled.", 400, "CANCELLED")
_ID = re.compile(r"[0-9A-Za-z]{1,64}")
Progress = Callable[[float], None]
Work = Callable[[Progress], list[str]]
"""What a task does: it reports its progress (0..1), calls `checkpoint`, and returns its destination URIs."""


class Operations:
    """The tasks of one catalog."""

    def __init__(self, root: Path, limits: Limits) -> None:
        """Use the hidden folder below `root`; nothing is written before the first task."""
        self._folder = root / HIDDEN / "operations"
        self._servers = root / HIDDEN / "servers"
        self._unfinished = root / HIDDEN / "unfinished"
        self._server = uuid.uuid4().hex
        self._held: IO[str] | None = None
        self._limits = limits
        self._workers = Workers(limits.running, "eelocal-task")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()

    @property
    def scratch(self) -> Path:
        """The folder for a task's unfinished files; what a killed server left in its own is cleared by the next."""
        return self._unfinished / self._server

    def submit(self, project: str, description: str, kind: str, request_id: str, priority: int, work: Work) -> Any:
        """Queue a task and return its operation; a `request_id` seen before returns the task it started.

        Raises:
            EEError: too many tasks wait, or the catalog cannot be written.
        """
        with self._lock:
            records = self._records()
            for record in records:
                if request_id and record["eelocal"]["requestId"] == request_id:
                    return _public(record)
            if sum(not record["done"] for record in records) >= self._limits.tasks:
                raise EEError("Too many tasks already in the queue.", 429, "RESOURCE_EXHAUSTED")
            self._hold_lock()
            id = uuid.uuid4().hex[:24].upper()
            now = _now()
            record = {
                "name": f"{project}/operations/{id}",
                "done": False,
                "metadata": {
                    "@type": "type.googleapis.com/google.earthengine.v1.OperationMetadata",
                    "state": "PENDING",
                    "description": description,
                    "priority": priority,
                    "createTime": now,
                    "updateTime": now,
                    "type": kind,
                },
                "eelocal": {"server": self._server, "requestId": request_id},
            }
            self._write(record)
            self._jobs[id] = self._workers.submit(lambda: self._run(id, work))
            return _public(record)

    def get(self, name: str) -> Any:
        """Return an operation.

        Raises:
            EEError: there is none of that name.
        """
        with self._lock:
            return _public(self._read(_id(name)))

    def of_project(self, project: str) -> list[Any]:
        """Return a project's operations, newest first."""
        with self._lock:
            mine = [record for record in self._records() if record["name"].startswith(f"{project}/")]
        return [_public(record) for record in reversed(mine)]

    def cancel(self, name: str) -> None:
        """Cancel an operation that waits or runs.

        Raises:
            EEError: there is none of that name, it has ended, or another server runs it.
        """
        with self._lock:
            id = _id(name)
            record = self._read(id)
            if record["done"]:
                state = record["metadata"]["state"]
                raise bad_request(f"Operation '{name}' cannot be cancelled: it is {state}.")
            if id not in self._jobs:
                raise bad_request(f"Operation '{name}' runs in another eelocal server; cancel it there.")
            self._jobs[id].stop(_CANCELLED)
            if record["metadata"]["state"] == "PENDING":
                self._end(id, "CANCELLED", error=_CANCELLED)
            else:
                self._update(id, state="CANCELLING")

    def close(self) -> None:
        """Give up this server's lock: what it had not finished counts as failed from now on."""
        with self._lock:
            for job in self._jobs.values():
                job.stop(EEError("The server was stopped.", 400, "CANCELLED"))
            self._workers.close()
            if self._held is not None:
                self._held.close()
                (self._servers / f"{self._server}.lock").unlink(missing_ok=True)
                self._held = None

    def _run(self, id: str, work: Work) -> None:
        last = time.monotonic()

        def progress(share: float) -> None:
            nonlocal last
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                self._update(id, progress=share)

        try:
            with self._lock:
                if self._read(id)["done"]:
                    return
                self._update(id, state="RUNNING", startTime=_now(), attempt=1, progress=0.0)
            uris = work(progress)
            self._end(id, "SUCCEEDED", destinationUris=uris, progress=1.0)
        except EEError as error:
            self._end(id, "CANCELLED" if error.status == _CANCELLED.status else "FAILED", error=error)
        except Exception as error:  # a bug must not leave the task RUNNING
            traceback.print_exc()
            self._end(id, "FAILED", error=EEError(f"eelocal internal error: {type(error).__name__}: {error}"))
        finally:
            with self._lock:
                self._jobs.pop(id, None)

    def _end(self, id: str, state: str, error: EEError | None = None, **metadata: Any) -> None:
        with self._lock:
            if self._held is None:
                return  # closed meanwhile: the record already counts as failed
            record = self._read(id)
            if record["done"]:
                return
            now = _now()
            record["metadata"] |= {"state": state, "updateTime": now, "endTime": now} | metadata
            record["done"] = True
            if error is None:
                record["response"] = {"@type": "type.googleapis.com/google.protobuf.Empty"}
            else:
                code = 1 if state == "CANCELLED" else _RPC_CODES.get(error.status, 13)
                record["error"] = {"code": code, "message": error.message}
            self._write(record)

    def _update(self, id: str, **metadata: Any) -> None:
        with self._lock:
            if self._held is None:
                return
            record = self._read(id)
            if metadata.get("state") is None and record["metadata"]["state"] != "RUNNING":
                return
            record["metadata"] |= metadata | {"updateTime": _now()}
            self._write(record)

    def _records(self) -> list[Any]:
        """Return all records, oldest first."""
        ids = [path.stem for path in self._folder.glob("*.json") if not path.name.startswith(".")]
        records = [self._read(id) for id in ids]
        return sorted(records, key=lambda record: record["metadata"]["createTime"])

    def _read(self, id: str) -> Any:
        try:
            record = json.loads((self._folder / f"{id}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise not_found(f"Operation '{id}' not found.") from None
        if not record["done"] and not self._alive(record["eelocal"]["server"]):
            record["done"] = True
            record["metadata"]["state"] = "FAILED"
            record["error"] = {"code": 13, "message": "The server was stopped while this task was running."}
        return record

    def _write(self, record: Any) -> None:
        path = self._folder / f"{_id(record['name'])}.json"
        temporary = path.with_name(f".{path.name}.{self._server}.tmp")
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        os.replace(temporary, path)

    def _hold_lock(self) -> None:
        if self._held is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._servers.mkdir(parents=True, exist_ok=True)
            held = (self._servers / f"{self._server}.lock").open("w", encoding="utf-8")
            self._clear_dead()
        except OSError as error:
            raise bad_request(f"The catalog cannot be written ({error}); serve a writable copy of it.") from error
        fcntl.flock(held, fcntl.LOCK_EX)
        self._held = held

    def _clear_dead(self) -> None:
        for folder in self._unfinished.glob("*"):
            if not self._alive(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
        for lock in self._servers.glob("*.lock"):
            if lock.stem != self._server and not self._alive(lock.stem):
                lock.unlink(missing_ok=True)

    def _alive(self, server: str) -> bool:
        if server == self._server:
            return self._held is not None
        try:
            with (self._servers / f"{server}.lock").open("r", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False


def _public(record: Any) -> Any:
    return {key: value for key, value in record.items() if key != "eelocal"}


def _id(name: str) -> str:
    id = name.rsplit("/", 1)[-1]
    if not _ID.fullmatch(id):
        raise not_found(f"Operation '{name[:200]}' not found.")
    return id


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
