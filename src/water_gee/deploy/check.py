"""`water-gee check`: is everything there that the stages need of Earth Engine? A line each, with what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from water_gee.config.settings import Settings
from water_gee.deploy.account import Account
from water_gee.deploy.probe import Probe, probe
from water_gee.earth import Session, answers, asset_kind, connect, quota, tasks
from water_gee.errors import EarthError, WaterGeeError
from water_gee.export import read_export
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.sealed import read_sealed, write_sealed

_NAME = "probes.json"
_QUEUE = 3000  # tasks that the service takes at most
_SLOW = 2.0  # seconds for a request that computes nothing
_CONSOLE = "https://console.cloud.google.com/earth-engine"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and what to do where it is not good."""

    name: str
    text: str
    good: bool = True

    def __str__(self) -> str:
        return f"{'ok  ' if self.good else 'FAIL'} {self.name}: {self.text}"


def run(settings: Settings) -> None:
    """Look at credentials, project, collections, quota, speed and the operations that networks are made of.

    Raises:
        EarthError: something is not good; all of it has been said.
    """
    layout, account = Layout.of(settings), Account.of(settings.earth)
    bad: list[Finding] = []
    count = 0

    def tell(finding: Finding) -> None:
        nonlocal count
        count += 1
        say(str(finding))
        if not finding.good:
            bad.append(finding)

    try:
        with connect(settings.earth, layout) as session:
            tell(Finding("credentials", f"accepted by {account}"))
            for name, look in _looks(settings, session, layout, account):
                try:
                    for finding in look():
                        tell(finding)
                except WaterGeeError as error:
                    tell(Finding(name, str(error), good=False))
    except EarthError as error:
        tell(Finding("credentials and project", f"{error}; nothing else could be checked", good=False))
    if bad:
        raise EarthError(f"{len(bad)} of {count} checks failed: {', '.join(one.name for one in bad)}; do what they say")


def _looks(
    settings: Settings, session: Session, layout: Layout, account: Account
) -> list[tuple[str, Callable[[], Iterator[Finding]]]]:
    """Return what is looked at, by name."""
    assets = [*settings.sensor.assets, *settings.sensor.scores, settings.dem.asset]
    return [
        ("project", lambda: _project(session, account)),
        *((asset, lambda asset=asset: _asset(session, asset)) for asset in dict.fromkeys(assets)),
        ("answers", lambda: _answers(session)),
        ("tasks", lambda: _tasks(session)),
        ("probe", lambda: _probe(session, layout, account)),
    ]


def _project(session: Session, account: Account) -> Iterator[Finding]:
    if session.kind == "local":
        yield Finding("project", "none is needed of eelocal, which has no quota either")
        return
    told = quota(account.project)
    if told.registration == "NOT_REGISTERED":
        yield Finding("project", f"{account.project} is not registered; register it at {_CONSOLE}", good=False)
    else:
        known = told.registration.lower().replace("_", " ") or "the service does not tell how it is registered"
        yield Finding("project", f"{account.project}, {known}")
    runs = "not told" if told.exports is None else str(told.exports)
    yield Finding("quota", f"tasks that run at once: {runs}; the tier of computation is shown at {_CONSOLE} alone")
    for name, (used, limit) in told.stored.items():
        full = bool(limit) and used >= limit
        todo = "; delete assets, or deploy to Cloud Storage" if full else ""
        yield Finding(f"stored {name}", f"{used:,} of {limit:,}{todo}", good=not full)


def _asset(session: Session, asset: str) -> Iterator[Finding]:
    kind = asset_kind(session, asset)
    if kind:
        yield Finding(asset, kind.lower().replace("_", " "))
    else:
        yield Finding(
            asset, "not there, or not for this account; ask for it, or choose another sensor or dem", good=False
        )


def _answers(session: Session) -> Iterator[Finding]:
    found = answers(session)
    slow = "" if found.seconds < _SLOW else "; that is slow: raise earth.workers, or look at the network"
    yield Finding("answers", f"{1000 * found.seconds:,.0f} ms a small request{slow}")
    if found.restricted:
        todo = f"wait for the next month, or choose another tier at {_CONSOLE}"
        yield Finding("computation", f"the project is restricted, its monthly quota is used up; {todo}", good=False)
    elif session.kind == "cloud":
        yield Finding("computation", "not restricted")


def _tasks(session: Session) -> Iterator[Finding]:
    active = sum(one.active for one in tasks(session))
    full = active >= _QUEUE
    todo = "; wait until some have ended" if full else ""
    yield Finding("tasks", f"{active:,} of {_QUEUE:,} wait or run{todo}", good=not full)


def _probe(session: Session, layout: Layout, account: Account) -> Iterator[Finding]:
    found = probe(session)
    write_probe(layout, account, found)
    exported: dict[str, Any] | None = None
    if is_there(layout.export / "export.json"):
        exported = read_export(layout)
    wrong, differences = found.wrong(exported), found.differences()
    if wrong:
        yield Finding("probe", f"{'; '.join(differences) or 'as eelocal does'}; {wrong}", good=False)
    elif differences:
        yield Finding("probe", f"{'; '.join(differences)}: no exported network depends on it, a feature may")
    else:
        yield Finding("probe", "kernels, windows and masks are as the exporter and eelocal take them")


def write_probe(layout: Layout, account: Account, found: Probe) -> None:
    """Keep what was found on an account in `deploy/probes.json`, beside what is known of others."""
    path = layout.deploy / _NAME
    known: dict[str, Any] = {}
    if is_there(path):
        known = read_sealed(path, "delete it and run again: water-gee check")["accounts"]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    write_sealed(path, {"accounts": {**known, account.key: {"at": at, **found.as_dict()}}})
