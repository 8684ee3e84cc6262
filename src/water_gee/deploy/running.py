"""Tasks brought from the ledger to the service, and their states from the service to the ledger.

A block is started at most once: the ledger holds the request id before the call, and a start of which nobody knows how
it ended is repeated with that id. A task that only the service knows, as after a lost ledger, is found by its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from water_gee.deploy.ledger import GONE, STARTING, Attempt, Ledger
from water_gee.deploy.plan import Block
from water_gee.deploy.seasons import CLASSES
from water_gee.earth import (
    CANCELLED,
    FAILED,
    SUCCEEDED,
    Destination,
    Export,
    QueueFullError,
    Session,
    Task,
    asset_kind,
    assets_in,
    export_request,
    start,
    task,
    tasks,
)
from water_gee.study import Grid

_ENDED = (FAILED, CANCELLED, GONE)  # and without a result
_SMALLEST_SHARD = 32
_STOPPED = "server was stopped"  # eelocal's reason: it ended under the task
_VANISHED = "the service does not know the task any more"


@dataclass(frozen=True)
class Work:
    """What is to be done: the blocks, where they go, and how.

    Attributes:
        blocks: all of them.
        destination: of the results.
        grid: the lattice.
        account: the key of the account.
        shard: the side of a task's tiles in pixels.
        attempts: a block whose task has failed so often is left.
        queue: tasks that may wait or run at once, those of other work of the project included.
        keys: the properties that files keep.
        tag: under which the compute is counted.
    """

    blocks: Sequence[Block]
    destination: Destination
    grid: Grid
    account: str
    shard: int
    attempts: int
    queue: int
    keys: tuple[str, ...] = ()
    tag: str = ""


@dataclass
class Tally:
    """How many blocks are in which state.

    `left` are those that have failed too often or were cancelled meanwhile, `place` those that wait for a place in the
    service's queue.
    """

    done: int = 0
    active: list[Task] = field(default_factory=list)
    left: list[Attempt] = field(default_factory=list)
    place: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self.active and not self.place


def _counts(attempt: Attempt) -> bool:
    """Return whether a task's end counts against its block."""
    return attempt.state == FAILED and _STOPPED not in attempt.reason


class Deployer:
    """Starts what is missing of some work, and keeps the ledger true."""

    def __init__(self, session: Session, ledger: Ledger, work: Work) -> None:
        """Begin with a session that is open and a ledger that is written to."""
        self._session, self._ledger, self._work = session, ledger, work
        self._listed: list[Task] = []
        self._looked = False
        self._stopped: set[str] = set()  # blocks that somebody has cancelled since the first look

    def look(self) -> None:
        """Write to the ledger what the service says of the blocks' tasks, and of results that are gone.

        Raises:
            EarthError: the service refused, or went on failing.
        """
        there = self._results() if not self._looked else None
        self._listed = tasks(self._session)
        by_name = {one.name: one for one in self._listed}
        by_description: dict[str, list[Task]] = {}
        for one in self._listed:
            by_description.setdefault(one.description.rpartition("-")[0], []).append(one)
        for block in self._work.blocks:
            self._adopt(block, by_description.get(block.name, []))
            known = self._ledger.of(block.name)
            if known:
                self._update(block, known[-1], by_name, there)
                now = self._ledger.of(block.name)[-1].state
                if self._looked and now == CANCELLED != known[-1].state:
                    self._stopped.add(block.name)
            elif there is not None and self._work.destination.result(block.name) in there:
                self._note_found(block)
        self._looked = True

    def start_missing(self) -> int:
        """Start the blocks that have no task and those whose task failed, as far as there is room; return how many.

        Raises:
            EarthError: the service refused, or went on failing.
        """
        room = self._work.queue - sum(one.active for one in self._listed)
        started = 0
        for block in self._work.blocks:
            attempt = self._next(block)
            if attempt is None:
                continue
            if started >= room:
                break
            if attempt not in self._ledger.of(block.name):  # else a start of which nobody knows how it ended
                self._ledger.starting(attempt)
            try:
                name = start(self._session, self._request(block, attempt), attempt.request_id)
            except QueueFullError:
                break
            self._ledger.note(attempt, state="PENDING", operation=name)
            started += 1
        return started

    def tally(self) -> Tally:
        """Return how the blocks stand, by the ledger and the last look."""
        count = Tally()
        by_name = {one.name: one for one in self._listed}
        for block in self._work.blocks:
            known = self._ledger.of(block.name)
            last = known[-1] if known else None
            if last is not None and last.state == SUCCEEDED:
                count.done += 1
            elif self._next(block) is not None:
                count.place += 1
            elif last is not None and last.state in _ENDED:
                count.left.append(last)
            elif last is not None:
                count.active.append(by_name.get(last.operation) or Task(last.operation, last.description, last.state))
        return count

    def others(self) -> int:
        """Return how many tasks of earlier deployments from here still wait or run, by the last look."""
        ours = {block.season.mark for block in self._work.blocks}
        earlier = {one.description for one in self._ledger.latest if one.mark not in ours}
        return sum(one.active and one.description in earlier for one in self._listed)

    def _next(self, block: Block) -> Attempt | None:
        """Return the task that is to be started for a block; None where none is."""
        known = self._ledger.of(block.name)
        if known and known[-1].state == STARTING:
            return known[-1]
        if known and (known[-1].state not in _ENDED or block.name in self._stopped):
            return None
        if sum(_counts(one) for one in known) >= self._work.attempts:
            return None
        return self._attempt(block, known[-1].number + 1 if known else 1)

    def _attempt(self, block: Block, number: int) -> Attempt:
        return Attempt(
            block.name,
            number,
            block.request_id(number),
            block.description(number),
            block.season.mark,
            self._work.account,
        )

    def _request(self, block: Block, attempt: Attempt) -> Mapping[str, Any]:
        work = self._work
        shard = work.shard
        for earlier in self._ledger.of(block.name)[: attempt.number - 1]:
            if "memory" in earlier.reason.lower():
                shard = max(_SMALLEST_SHARD, shard // 2)  # a smaller tile takes less
        image = block.season.image.set({"block": block.id})
        export = Export(
            attempt.description, block.name, work.grid, block.window, shard, (CLASSES,), work.keys, work.tag
        )
        return export_request(image, export, work.destination)

    def _results(self) -> set[str] | None:
        """Return what lies at the destination; None where only its owner can look."""
        if self._work.destination.kind != "asset":
            return None
        return assets_in(self._session, self._work.destination.place)

    def _adopt(self, block: Block, found: Sequence[Task]) -> None:
        """Take up tasks of a block that the ledger lacks, oldest first."""
        known = {one.number for one in self._ledger.of(block.name)}
        numbered = sorted((number, one) for one in found if (number := block.number_of(one.description)) is not None)
        for number, one in numbered:
            if number not in known and number > max(known, default=0):
                attempt = self._attempt(block, number)
                self._ledger.starting(attempt)
                self._ledger.note(attempt, state=one.state, operation=one.name)
                known.add(number)

    def _update(self, block: Block, last: Attempt, by_name: Mapping[str, Task], there: set[str] | None) -> None:
        result = self._work.destination.result(block.name)
        if last.state == SUCCEEDED:
            if there is not None and result not in there and not asset_kind(self._session, result):
                self._ledger.note(last, state=GONE)
            return
        now = by_name.get(last.operation)
        if now is None and last.operation and last.state not in _ENDED:
            now = task(self._session, last.operation)
        if now is None:
            now = next((one for one in self._listed if one.description == last.description), None)
        if now is not None:
            self._ledger.note(last, state=now.state, operation=now.name, reason=now.reason, eecu=now.eecu_seconds)
        elif last.operation and last.state not in _ENDED:
            lies = self._work.destination.kind == "asset" and bool(asset_kind(self._session, result))
            self._ledger.note(last, state=SUCCEEDED if lies else FAILED, reason="" if lies else _VANISHED)

    def _note_found(self, block: Block) -> None:
        """Note a result that is there though neither the ledger nor the service knows its task any more."""
        attempt = self._attempt(block, 1)
        self._ledger.starting(attempt)
        self._ledger.note(attempt, state=SUCCEEDED)
