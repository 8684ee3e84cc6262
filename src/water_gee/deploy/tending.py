"""`water-gee status` and `water-gee cancel`: the tasks of this root, as the service and the ledger know them."""

from collections import Counter
from collections.abc import Sequence

from water_gee.config.settings import Settings
from water_gee.deploy.account import Account
from water_gee.deploy.eecu import TIERS, UNKNOWN
from water_gee.deploy.ledger import STARTING, Attempt, Ledger
from water_gee.earth import FAILED, SUCCEEDED, Session, Task, cancel, connect, tasks
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.progress import say

_SHOWN = 5  # tasks of a kind that are named


def status(settings: Settings) -> None:
    """Say how the blocks of this root's deployments stand, and what their tasks have used.

    Raises:
        EarthError: nothing was deployed on this account, or the service refused.
    """
    layout, account = Layout.of(settings), Account.of(settings.earth)
    ledger = Ledger(layout.deploy, layout.study)
    latest = _latest(ledger, account)
    with connect(settings.earth, layout) as session:
        shown = [_now(one, known) for known in [_by_name(session)] for one in latest]
    for mark in dict.fromkeys(one.mark for one in latest):
        ours = [now for one, now in zip(latest, shown, strict=True) if one.mark == mark]
        states = Counter(now.state for now in ours)
        counts = ", ".join(f"{count} {state.lower()}" for state, count in states.most_common())
        year = ledger.deployments.get(mark, {}).get("properties", {}).get("year", "of an unknown year")
        say(f"{year} (deployment {mark[:8]}): {len(ours)} blocks, {counts}")
    for state in ("RUNNING", FAILED):
        _name([now for now in shown if now.state == state])
    say(_used(shown, account))


def cancel_all(settings: Settings) -> None:
    """Cancel every task of this root that waits or runs.

    Raises:
        EarthError: nothing was deployed on this account, another command works on the tasks, or the service refused.
    """
    layout, account = Layout.of(settings), Account.of(settings.earth)
    with Ledger.writing(layout.deploy, layout.study) as ledger, connect(settings.earth, layout) as session:
        latest, known = _latest(ledger, account), _by_name(session)
        count = 0
        for one in latest:
            now = _now(one, known)
            if not now.active or not now.name:
                continue
            cancel(session, now.name)
            ledger.note(one, state="CANCELLING", operation=now.name)
            count += 1
    say(f"{count} tasks are being cancelled; water-gee deploy starts them anew" if count else "no task waits or runs")


def _latest(ledger: Ledger, account: Account) -> list[Attempt]:
    found = [one for one in ledger.latest if one.account == account.key]
    if not found:
        raise EarthError(f"{ledger.path} holds no task on {account}; run first: water-gee deploy")
    return found


def _by_name(session: Session) -> dict[str, Task]:
    """Return the tasks that the service lists, by their operations' names and by their own."""
    found: dict[str, Task] = {}
    for one in reversed(tasks(session)):
        found |= {one.name: one, one.description: one}
    return found


def _now(one: Attempt, known: dict[str, Task]) -> Task:
    """Return what the service says of a task, else what the ledger last knew."""
    listed = known.get(one.operation) or known.get(one.description)
    if listed is not None:
        return listed
    state = one.state if one.state != STARTING else "not started"
    return Task(one.operation, one.description, state, None, one.reason, one.eecu_seconds)


def _name(found: Sequence[Task]) -> None:
    for one in found[:_SHOWN]:
        part = "" if one.progress is None or one.state != "RUNNING" else f" {one.progress:.0%}"
        say(f"  {one.description}: {one.state.lower()}{part}{f', {one.reason}' if one.reason else ''}")
    if len(found) > _SHOWN:
        say(f"  and {len(found) - _SHOWN} more {found[0].state.lower()}")


def _used(found: Sequence[Task], account: Account) -> str:
    told = [one.eecu_seconds for one in found if one.eecu_seconds is not None]
    if account.kind == "local" or not told:
        return UNKNOWN
    hours = sum(told) / 3600
    done = sum(one.state == SUCCEEDED for one in found)
    held = ", ".join(f"{name} {limit:,}" for name, limit in TIERS.items())
    return f"{hours:,.3g} EECU-hours so far, {done} blocks done, as the service counts (quotas a month: {held})"
