"""The jobs that a command line asks for: composed and checked, every one of them, before the first begins."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from water_gee.config.compose import compose
from water_gee.config.configure import check_composed
from water_gee.config.settings import Settings, load
from water_gee.config.sweeps import expand, swept
from water_gee.errors import ConfigError
from water_gee.paths import Layout
from water_gee.tiles import read_manifest


@dataclass(frozen=True)
class Jobs:
    """What `train.py` is asked to train."""

    overrides: Sequence[str]  # as on the command line
    config_dir: str | None
    settings: Sequence[Settings]  # of each job
    multirun: bool

    @property
    def first(self) -> Settings:
        """The settings of the first job; of a search, those that every trial shares."""
        return self.settings[0]

    @property
    def searched(self) -> bool:
        """Whether they are the trials of a search."""
        return self.first.search.method != "none"

    @property
    def text(self) -> str:
        """What is begun, in a line."""
        study, count = self.first.study.name, len(self.settings)
        if self.searched:
            what = f"a search of {self.first.search.trials} trials"
        else:
            what = f"a sweep of {count} jobs" if self.multirun else f"a training of {self.first.model.name}"
        return f"{what} on the study {study}, in {Layout.of(self.first).runs}"


def compose_jobs(overrides: Sequence[str], config_dir: str | None, *, multirun: bool) -> Jobs:
    """Return the jobs of a command line: one, or with `multirun` every combination of the values that are given.

    Raises:
        ConfigError: a configuration is wrong, or several values are given where one is wanted.
    """
    combinations = expand(overrides)
    first = load(compose(combinations[0], config_dir))
    for key in swept(overrides):
        if first.search.method != "none":
            raise ConfigError(f"search={first.search.method} wants one value of {key}, or its choices in search.space")
        if not multirun:
            raise ConfigError(f"{key} is given several values; add -m to train every combination")
    others = [load(compose(one, config_dir)) for one in combinations[1:]]
    return Jobs(overrides, config_dir, [first, *others], multirun)


def check(jobs: Jobs) -> None:
    """Check what can be checked before the seconds that the imports of training take.

    Raises:
        TileError: there are no tiles.
        ConfigError: DVC compared other values, or the jobs cannot be started in this way.
    """
    if os.environ.get("DVC_STAGE") == "train":
        check_composed(jobs.first, "train")
    read_manifest(Layout.of(jobs.first))
    if (jobs.multirun or jobs.searched) and "TORCHELASTIC_RUN_ID" in os.environ:
        raise ConfigError("torchrun starts one training; on one machine: python train.py -m trainer=ddp ...")
    hydra = next((one for one in jobs.overrides if one.startswith("hydra")), None)
    if jobs.searched and hydra:
        raise ConfigError(f"leave {hydra} out of a search, which learns from one trial before it tries the next")
