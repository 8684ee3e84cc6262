"""A root that is ready to deploy: a network, its export, and what vouches for it on a catalog of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import finished
from eelocal import Server
from local_earth import earth_at
from maps.test_engines import export
from water_gee.config.settings import Settings
from water_gee.deploy.account import Account
from water_gee.deploy.subject import Subject, subject
from water_gee.deploy.verified import write_verified
from water_gee.paths import Layout


@pytest.fixture(scope="session")
def exported(tmp_path_factory, eelocal_url) -> Path:
    """A root with a network and its export; not to be written to."""
    root = tmp_path_factory.mktemp("exported")
    export(root, finished.checkpoint(root, kind="mlp"), earth_at(eelocal_url))
    return root


@pytest.fixture
def ready(tmp_path, exported) -> Layout:
    """The same in the test's own folder."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return Layout(tmp_path, "tiny")


@pytest.fixture
def deployed(ready) -> Subject:
    """What would be deployed."""
    return subject(ready, finished.FEATURES)


@pytest.fixture
def server(world, tmp_path) -> Iterator[Server]:
    """An eelocal on a copy of the tiny world, which may be written to."""
    shutil.copytree(world / "catalog", tmp_path / "catalog")
    with Server(tmp_path / "catalog") as running:
        yield running


@pytest.fixture
def choose(settings, server) -> Callable[..., Settings]:
    """A function from overrides to settings of one year and four blocks, on the server."""
    own = (
        "study.years=[2020]",
        f"earth.url={server.url}",
        "predict.area=test",
        "deploy.block=160",
        "deploy.seconds=0.02",
    )
    return lambda *overrides: settings(*own, *overrides)


@pytest.fixture
def verified(ready, deployed, choose) -> Layout:
    """A root whose export counts as verified on the server."""
    parity = {"equal": True, "pixels": 12_768, "max_abs": 1.8e-07, "flips": 0}
    found = {"parity": parity, "eecu_seconds_per_pixel": None}
    write_verified(ready, deployed, Account.of(choose().earth), found)
    return ready
