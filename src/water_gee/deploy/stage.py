"""`water-gee deploy`: a task a year and block, each started once, followed where asked for."""

import time
from collections.abc import Sequence
from typing import Any

from water_gee.config.deploy import DeploySettings
from water_gee.config.settings import Settings
from water_gee.deploy.account import Account
from water_gee.deploy.eecu import estimate
from water_gee.deploy.ledger import Ledger
from water_gee.deploy.plan import Block, blocks_of
from water_gee.deploy.running import Deployer, Tally, Work
from water_gee.deploy.seasons import Proof, season_of
from water_gee.deploy.subject import Subject, subject
from water_gee.deploy.verified import read_verified
from water_gee.earth import (
    Destination,
    Session,
    composite_spec,
    connect,
    drawn,
    make_collection,
    resolve_areas,
    scene_versions,
)
from water_gee.errors import ConfigError, EarthError, ExportError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tiles import on_tiles_lattice


def run(settings: Settings) -> None:
    """Start what is missing of the area's map, and keep `deploy/ledger.jsonl`.

    Raises:
        ConfigError: the catalog is one that must not be written to.
        ModelError: nothing is selected, or it reads other features.
        ExportError: nothing is exported, or `verify` has not passed for it on this account.
        EarthError: the service refused, or blocks have failed too often.
    """
    layout, choice = Layout.of(settings), settings.deploy
    account = Account.of(settings.earth)
    _check_catalog(settings, layout)
    settings = on_tiles_lattice(settings)
    spec = composite_spec(settings)
    deployed = subject(layout, spec.features)
    proof = proof_of(layout, deployed, account, force=choice.force)
    destination = destination_of(choice, account, layout.study)
    with Ledger.writing(layout.deploy, layout.study) as ledger, connect(settings.earth, layout) as session:
        area = resolve_areas(session, settings, [settings.predict.area])[settings.predict.area]
        found = scene_versions(session, spec, area, settings.study.years)
        where = (account, destination, choice.block)
        light = drawn(spec, area)
        made = [season_of(layout, deployed, proof, spec, area, light, year, found[year], where) for year in found]
        blocks = list(
            blocks_of(
                [season for season, _ in made],
                area.geometry,
                spec.grid,
                size=choice.block,
                study=layout.study,
                model_sha256=deployed.checkpoint.sha256,
            )
        )
        if not blocks:
            raise ConfigError(f"study.areas.{area.name}: the area is smaller than a pixel; make it larger")
        _announce(layout, deployed, account, blocks, destination)
        if choice.dry_run:
            return
        if destination.kind == "asset":
            make_collection(session, destination.place)
        for season, properties in made:
            if season.mark not in ledger.deployments:
                ledger.deployment(season.mark, {"properties": properties, "source_ids": list(found[season.year])})
        work = Work(
            blocks,
            destination,
            spec.grid,
            account.key,
            int(deployed.exported["shard_size"]),
            choice.attempts,
            choice.queue,
            keys=(*(name for name in made[0][1] if not name.startswith("system:")), "block"),
            tag=f"water-gee.{layout.study}"[:63].rstrip("-_."),
        )
        tally = _follow(Deployer(session, ledger, work), choice, session)
    _finish(tally, choice)


def proof_of(layout: Layout, deployed: Subject, account: Account, *, force: bool) -> Proof:
    """Return how it is known that the exported network is what was trained.

    Raises:
        ExportError: `verify` has not passed for this export on this account, and nothing forces it.
    """
    found = read_verified(layout, deployed, account)
    if found is not None:
        return Proof(f"verify on {account}", found["parity"])
    if not force:
        raise ExportError(
            f"export/ is not verified on {account}; run first: water-gee verify, or deploy it unverified by "
            "deploy.force=true, which every result will say"
        )
    say(f"deployed without being verified on {account} (deploy.force=true); the results say so")
    return Proof(f"export on {deployed.exported.get('proved_by', 'nobody')}", deployed.exported["parity"], forced=True)


def destination_of(choice: DeploySettings, account: Account, study: str) -> Destination:
    """Return where the results go."""
    if choice.to == "storage":
        prefix = f"water_gee/{study}" if choice.prefix is None else choice.prefix
        return Destination("storage", str(choice.bucket), prefix)
    if choice.to == "drive":
        return Destination("drive", choice.folder or f"water_gee_{study}")
    return Destination("asset", choice.folder or f"projects/{account.project}/assets/water_gee/{study}")


def _check_catalog(settings: Settings, layout: Layout) -> None:
    """Refuse a local catalog that DVC tracks: eelocal keeps tasks and results in its catalog."""
    earth = settings.earth
    if earth.kind != "local" or earth.url is not None or settings.deploy.dry_run:
        return
    catalog = layout.locate(earth.catalog or "").resolve()
    if catalog.is_relative_to(layout.raw.resolve()):
        raise ConfigError(
            f"eelocal would write the maps into {catalog}, which DVC tracks; copy that folder and deploy with "
            "earth.catalog=COPY"
        )


def _announce(
    layout: Layout, deployed: Subject, account: Account, blocks: Sequence[Block], destination: Destination
) -> None:
    years = sorted({block.season.year for block in blocks})
    pixels = sum(block.window.width * block.window.height for block in blocks)
    shown = str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"
    say(
        f"{len(blocks)} blocks, {pixels / 1e6:,.1f} million pixels, of the seasons of {shown}, to "
        f"{destination.result('').rstrip('/')}"
    )
    found = read_verified(layout, deployed, account)
    say(estimate(found["eecu_seconds_per_pixel"] if found else None, pixels))


def _follow(deployer: Deployer, choice: DeploySettings, session: Session) -> Tally:
    ours = session.process is not None
    if ours and not choice.watch:
        say("this eelocal ends with the command, and its tasks with it: staying until they have ended")
    told = ""
    while True:
        deployer.look()
        if not told and (others := deployer.others()):
            say(f"{others} tasks of an earlier deployment still wait or run; water-gee status names them")
        started = deployer.start_missing()
        tally = deployer.tally()
        if (line := progress(tally, started)) != told:
            say(line)
            told = line
        if tally.ended or not (choice.watch or ours):
            return tally
        session.check()
        time.sleep(min(choice.seconds, 1.0) if ours else choice.seconds)


def progress(tally: Tally, started: int = 0) -> str:
    """Return how many blocks are in which state, in one line."""
    states: dict[str, list[Any]] = {"RUNNING": [], "PENDING": [], "CANCELLING": []}
    for one in tally.active:
        states.setdefault(one.state, []).append(one)
    running, waiting = states["RUNNING"], states["PENDING"]
    shares = [one.progress for one in running if one.progress is not None]
    part = f" ({sum(shares) / len(shares):.0%} of them)" if shares else ""
    words = [
        f"{tally.done} done",
        f"{len(running)} running{part}",
        f"{len(waiting)} waiting",
        *([f"{len(tally.active) - len(running) - len(waiting)} ending"] if states["CANCELLING"] else []),
        *([f"{started} of them started now"] if started else []),
        *([f"{tally.place} for which the queue has no place"] if tally.place else []),
        *([f"{len(tally.left)} failed or cancelled"] if tally.left else []),
    ]
    return ", ".join(words)


def _finish(tally: Tally, choice: DeploySettings) -> None:
    if tally.left:
        first = tally.left[0]
        raise EarthError(
            f"{len(tally.left)} blocks are left without a map: the task {first.description} is "
            f"{first.state.lower()} ({first.reason or 'no reason given'}); correct what it says, then run: water-gee "
            f"deploy deploy.attempts={choice.attempts + first.number}"
        )
    if tally.place:
        say(f"the service takes {choice.queue} tasks at most: run the same command again, or with deploy.watch=true")
    elif not tally.ended:
        say("they run on without this machine; see how far they are by: water-gee status")
