"""Train a network: `python train.py model=pixelcnn`; -m sweeps over values, search=optuna searches them."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from water_gee.advice import given
from water_gee.config.literal import with_literal_folders
from water_gee.config.show import add_configuration, is_asked_to_show, show
from water_gee.geodata import use_own
from water_gee.output import print_anything, quieten
from water_gee.progress import say
from water_gee.surroundings import in_one_line

if TYPE_CHECKING:
    from water_gee.experiments.jobs import Jobs

_EXAMPLES = """examples:
  python train.py model=pixelcnn
  python train.py model=mlp model.lr=1e-3 seed=1
  python train.py experiment=sample_small            a study's settings in one file, conf/experiment/sample_small.yaml
  python train.py trainer=debug                      one batch, one epoch: does it run at all?
  python train.py -m model=pixelcnn,mlp seed=0,1     every combination; started again, only what is missing
  python train.py search=optuna search.trials=20     search conf/search/optuna.yaml's space; goes on too
  python train.py ckpt=last                          go on with the run that was killed
  python train.py ckpt=RUN study=basin               start from a run's network (or a checkpoint file)
  python train.py prune.from=RUN prune.share=0.75    the same network with fewer channels, trained on
  python train.py model=pixelcnn_tiny distil.from=RUN   a small network that learns from a run's network too
  python train.py --cfg job                          every key"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a network on the tiles and clean labels, in runs/<run>/ and as an MLflow run.",
        epilog=_EXAMPLES,
    )
    add_configuration(parser)
    parser.add_argument("-m", "--multirun", action="store_true", help="run every combination of a,b,c values")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train once, sweep or search; a user's mistake, or a full disk, ends it with one line and exit code 1."""
    print_anything()
    use_own()
    options = _parser().parse_intermixed_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the run is then marked as killed
    interrupted = "interrupted; add ckpt=last to go on, or start the same sweep or search again"
    with given(options.overrides, options.config_dir), in_one_line("train.py", interrupted):
        options.overrides = with_literal_folders(options.overrides)
        if is_asked_to_show(options):
            show(options)
            return
        from water_gee.experiments.jobs import check, compose_jobs

        jobs = compose_jobs(options.overrides, options.config_dir, multirun=options.multirun)
        check(jobs)
        say(jobs.text)
        train(jobs)


def train(jobs: "Jobs") -> None:
    """Train one network, every combination of a sweep, or the trials of a search."""
    # Threads that wait without spinning lose nothing alone and gain much where the cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    quieten()
    if jobs.searched:
        from water_gee.experiments.search import search

        search(jobs)
    elif jobs.multirun:
        from water_gee.experiments.sweep_jobs import sweep

        sweep(jobs)
    else:
        from water_gee.experiments.job import train_one

        train_one(jobs)


if __name__ == "__main__":
    main()
