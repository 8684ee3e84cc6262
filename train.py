"""Train a network: `python train.py model=pixelcnn`; -m sweeps over values, search=optuna searches them."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from water_gee.cli import print_anything, quieten
from water_gee.config.compose import register
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.surroundings import in_one_line

if TYPE_CHECKING:
    from water_gee.config.settings import Settings
    from water_gee.experiments.job import FinishedJob
    from water_gee.training import OnEpoch

_PARENT = "WATER_GEE_SWEEP"  # the sweep's run, jobs and process, for jobs that a launcher starts in other processes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a network on the tiles and clean labels, in runs/<run>/ and as an MLflow run.",
        epilog="examples:\n  python train.py model=pixelcnn\n  python train.py model=mlp model.lr=1e-3 seed=1\n"
        "  python train.py -m model=pixelcnn,mlp seed=0,1     every combination; started again, only what is missing\n"
        "  python train.py search=optuna search.trials=20     search conf/search/optuna.yaml's space; goes on too\n"
        "  python train.py ckpt=last                          go on with the run that was killed\n"
        "  python train.py --cfg job                          every key",
    )
    parser.add_argument("overrides", nargs="*", help="Hydra overrides: group=option or key=value")
    parser.add_argument("-m", "--multirun", action="store_true", help="run every combination of a,b,c values")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with groups of your own")
    parser.add_argument("--cfg", choices=["job"], help="print the composed configuration and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train once, sweep or search; a user's mistake, or a full disk, ends it with one line and exit code 1."""
    print_anything()
    options = _parser().parse_intermixed_args(arguments)
    _end_well()
    with in_one_line("train.py", "interrupted; add ckpt=last to go on, or start the same sweep or search again"):
        if options.cfg:
            show(options.overrides, options.config_dir)
        else:
            start(options.overrides, options.config_dir, multirun=options.multirun)


def show(overrides: Sequence[str], config_dir: str | None) -> None:
    """Print the configuration."""
    from omegaconf import OmegaConf

    from water_gee.config.compose import compose

    print(OmegaConf.to_yaml(compose(overrides, config_dir), resolve=False), end="")


def start(overrides: Sequence[str], config_dir: str | None, *, multirun: bool) -> None:
    """Check the configuration of every job, then train one, all of them, or search."""
    from water_gee.config.compose import compose
    from water_gee.config.configure import check_composed
    from water_gee.config.settings import load
    from water_gee.config.sweeps import expand, swept

    combinations = expand(overrides)
    first = load(compose(combinations[0], config_dir))
    searching = first.search.method != "none"
    for key in swept(overrides):
        if searching:
            raise ConfigError(f"search={first.search.method} wants one value of {key}, or its choices in search.space")
        if not multirun:
            raise ConfigError(f"{key} is given several values; add -m to train every combination")
    if os.environ.get("DVC_STAGE") == "train":
        check_composed(first, "train")
    jobs = [first, *(load(compose(one, config_dir)) for one in combinations[1:])]
    _ready(first)
    if (multirun or searching) and "TORCHELASTIC_RUN_ID" in os.environ:
        raise ConfigError("torchrun starts one training; on one machine: python train.py -m trainer=ddp ...")
    if searching:
        search(first, overrides, config_dir)
    elif multirun:
        sweep(jobs, overrides, config_dir)
    else:
        single(first, overrides)


def single(settings: "Settings", overrides: Sequence[str]) -> None:
    """Train one network."""
    from water_gee.training import follow, is_follower

    if is_follower():  # torchrun started it to train along; the process of rank 0 runs the job
        follow(settings)
        return
    _job(settings, overrides)


def search(settings: "Settings", overrides: Sequence[str], config_dir: str | None) -> None:
    """Let Optuna choose; each trial is a run like a sweep's job."""
    from water_gee.config.compose import compose
    from water_gee.config.settings import load

    if launcher := next((one for one in overrides if one.startswith("hydra")), None):
        raise ConfigError(f"leave {launcher} out of a search, which learns from one trial before it tries the next")
    from water_gee.experiments.search import search as run_search

    failed = run_search(
        settings, overrides, settings_of=lambda own: load(compose([*own, "search=none"], config_dir)), run=_job
    )
    if failed:
        raise WaterGeeError(f"{failed} of {settings.search.trials} trials failed; the same command tries them again")


def sweep(jobs: Sequence["Settings"], overrides: Sequence[str], config_dir: str | None) -> None:
    """Train every combination with Hydra; a job that fails does not stop the others."""
    import hydra

    from water_gee.config.compose import repository, with_study
    from water_gee.experiments.sweep import close_sweep, open_sweep
    from water_gee.runs.lineage import this_process

    opened = open_sweep(overrides, jobs)
    os.environ[_PARENT] = f"{opened.run_id} {opened.jobs} {this_process()}"
    interrupted = True
    try:
        with tempfile.TemporaryDirectory() as scratch:  # Hydra's own output has nothing that the runs do not say
            # A cluster's jobs read what submitit left for them, which is no business of this machine's alone.
            kept = any(one.startswith(("hydra.sweep", "hydra/launcher=submitit")) for one in overrides)
            folder = ["--config-dir", str(Path(config_dir).resolve())] if config_dir else []
            extra = [] if kept else [f"hydra.sweep.dir={scratch}"]
            sys.argv = ["train.py", "-m", *folder, *extra, *with_study(overrides)]
            hydra.main(config_path=str(repository() / "conf"), config_name="config", version_base="1.3")(_task)()
        interrupted = False
    finally:
        failed = close_sweep(opened, interrupted=interrupted)
    if failed:
        raise WaterGeeError(f"{failed} of {opened.jobs} jobs failed; the others are whole")


def _task(composed: Any) -> float:
    """Train one job of a sweep, here or in a process that a launcher started; return its validation IoU."""
    from hydra.core.hydra_config import HydraConfig

    from water_gee.config.settings import load
    from water_gee.experiments.workers import end_with, tell_failure
    from water_gee.progress import say
    from water_gee.runs.lineage import this_process

    register()  # named here so that another process imports it with this function, before Hydra composes there
    parent, jobs, process = os.environ[_PARENT].split(" ", 2)
    if process != this_process():
        quieten()
        _end_well()
        end_with(process)
    own = list(HydraConfig.get().overrides.task)
    say(f"job {HydraConfig.get().job.num + 1} of {jobs}: {' '.join(own)}")
    try:
        return _job(load(composed), own, parent).iou
    except Exception as error:
        tell_failure(own, error)
        return float("nan")  # the other jobs go on; the summary repeats what failed


def _job(
    settings: "Settings", overrides: Sequence[str], parent: str | None = None, on_epoch: "OnEpoch | None" = None
) -> "FinishedJob":
    """Run one training: alone, of a sweep, or of a search."""
    from water_gee.experiments.job import run_job

    return run_job(settings, overrides, parent=parent, on_epoch=on_epoch)


def _ready(settings: "Settings") -> None:
    """Check that there are tiles, before the seconds that the imports of training take."""
    from water_gee.paths import Layout
    from water_gee.tiles import read_manifest

    # Threads that wait without spinning lose nothing alone and gain much where the cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    read_manifest(Layout.of(settings))
    quieten()


def _end_well() -> None:
    """Let a process that gets the signal to end mark its run as killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


if __name__ == "__main__":
    main()
