"""Train a network: `python train.py model=pixelcnn`, or a sweep: `python train.py -m model=pixelcnn,mlp seed=0,1`."""

import argparse
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from water_gee.cli import quieten
from water_gee.errors import WaterGeeError

_PARENT = "WATER_GEE_SWEEP"  # the parent's MLflow run, for jobs that a launcher starts in other processes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a network on the tiles and clean labels, in runs/<run>/ and as an MLflow run.",
        epilog="examples:\n  python train.py model=pixelcnn\n  python train.py model=mlp model.lr=1e-3 seed=1\n"
        "  python train.py -m model=pixelcnn,mlp seed=0,1     every combination; started again, only what is missing\n"
        "  python train.py ckpt=last                          go on with the run that was killed\n"
        "  python train.py --cfg job                          every key",
    )
    parser.add_argument("overrides", nargs="*", help="Hydra overrides: group=option or key=value")
    parser.add_argument("-m", "--multirun", action="store_true", help="run every combination of a,b,c values")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with groups of your own")
    parser.add_argument("--cfg", choices=["job"], help="print the composed configuration and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train once or sweep; a user's mistake ends it with one line and exit code 1."""
    options = _parser().parse_intermixed_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the run is marked as killed
    try:
        if options.multirun and not options.cfg:
            sweep(options.overrides, options.config_dir)
        else:
            single(options.overrides, options.config_dir, show=bool(options.cfg))
    except WaterGeeError as error:
        sys.exit(f"train.py: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit("train.py: interrupted; add ckpt=last to go on, or start the same sweep again")


def single(overrides: Sequence[str], config_dir: str | None, *, show: bool = False) -> None:
    """Train one network, or only show the configuration."""
    from water_gee.config.compose import compose

    composed = compose(overrides, config_dir)
    if show:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(composed, resolve=False), end="")
        return
    from water_gee.config.settings import load

    settings = load(composed)
    _ready(settings.paths.root)
    from water_gee.tracking.job import run_job

    run_job(settings, overrides)


def sweep(overrides: Sequence[str], config_dir: str | None) -> None:
    """Train every combination with Hydra; a job that fails does not stop the others."""
    from water_gee.config.compose import compose, repository, with_study
    from water_gee.config.settings import load
    from water_gee.config.sweeps import expand

    jobs = [load(compose(job, config_dir)) for job in expand(overrides)]
    _ready(jobs[0].paths.root)
    import hydra
    from hydra.core.hydra_config import HydraConfig

    from water_gee.progress import say
    from water_gee.tracking.job import run_job
    from water_gee.tracking.sweep import close_sweep, open_sweep

    opened = open_sweep(overrides, jobs)
    os.environ[_PARENT] = opened.run_id

    def task(composed: Any) -> float:
        """Train one job; return what a search would maximise."""
        own = list(HydraConfig.get().overrides.task)
        say(f"job {HydraConfig.get().job.num + 1} of {len(jobs)}: {' '.join(own)}")
        try:
            return run_job(load(composed), own, parent=os.environ[_PARENT]).iou
        except Exception as error:
            if not isinstance(error, WaterGeeError):
                traceback.print_exc()
            opened.failures.append(f"failed: {' '.join(own)}: {' '.join(str(error).split())}")
            return float("nan")  # the other jobs go on; the summary repeats what failed

    interrupted = True
    try:
        with tempfile.TemporaryDirectory() as scratch:  # Hydra's own output has nothing that the runs do not say
            extra = [] if any(one.startswith("hydra") for one in overrides) else [f"hydra.sweep.dir={scratch}"]
            folder = ["--config-dir", str(Path(config_dir).resolve())] if config_dir else []
            sys.argv = ["train.py", "-m", *folder, *extra, *with_study(overrides)]
            hydra.main(config_path=str(repository() / "conf"), config_name="config", version_base="1.3")(task)()
        interrupted = False
    finally:
        failed = close_sweep(opened, interrupted=interrupted)
    if failed:
        raise WaterGeeError(f"{failed} of {opened.jobs} jobs failed; the others are whole")


def _ready(root: str) -> None:
    """Check that there are tiles, before the seconds that the imports of training take."""
    from water_gee.paths import Layout
    from water_gee.tiles import read_manifest

    # Threads that wait without spinning lose nothing alone and gain much where the cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    read_manifest(Layout(Path(root)))
    quieten()


if __name__ == "__main__":
    main()
