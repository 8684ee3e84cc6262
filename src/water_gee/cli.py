"""`water-gee STAGE [overrides]`: one command for each stage but training."""

import argparse
import codecs
import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from water_gee.reads import STAGES as PIPELINE
from water_gee.surroundings import in_one_line

STAGES = {
    "configure": ("water_gee.config.configure", "compose conf/ and params.yaml into what DVC compares"),
    "simulate": ("water_gee.simulate.stage", "remake the sample study's scenes in data/raw"),
    "tiles": ("water_gee.tiles.stage", "download tiles of features and labels"),
    "denoise": ("water_gee.denoise.stage", "take the noise out of the labels"),
    "promote": ("water_gee.experiments.promote", "make the study's best run MLflow's champion and params.yaml's run"),
    "select": ("water_gee.experiments.select", "make a run's checkpoint models/model.ckpt"),
    "export": ("water_gee.export.stage", "convert the checkpoint into Earth Engine operations and prove it"),
    "cost": ("water_gee.report.cost", "prune by several shares, and draw accuracy against multiply-adds a pixel"),
    "compare": ("water_gee.report.comparison", "every model and baseline of the study in one table, with intervals"),
    "denoise-bench": ("water_gee.report.ladder", "measure every denoising method on noise of known kind and rate"),
    "predict": ("water_gee.maps.stage", "map the study's area, year by year"),
    "evaluate": ("water_gee.report.stage", "measure the accuracy against the references, and show all on one page"),
    "summary": ("water_gee.report.summary", "what the chain has made, as tables on the terminal"),
    "ui": ("water_gee.tracking.server", "MLflow's page of the study's runs, on this machine"),
}


def _parser() -> argparse.ArgumentParser:
    stages = "\n".join(f"  {name:<13} {text}" for name, (_, text) in STAGES.items())
    parser = argparse.ArgumentParser(
        prog="water-gee",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Surface-water maps from Landsat.\n\nstages:\n{stages}\n\ntraining: python train.py [overrides]",
        epilog="examples:\n  water-gee tiles study=hls_chips tiles.dry_run=true\n"
        "  water-gee predict earth=cloud earth.project=ID paths.root=DIR",
    )
    parser.add_argument("stage", choices=[*STAGES], metavar="STAGE")
    parser.add_argument("overrides", nargs="*", help="Hydra overrides: group=option or key=value")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with groups of your own")
    parser.add_argument("--cfg", choices=["job"], help="print the composed configuration and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one stage; a user's mistake, or a full disk, ends it with one line and exit code 1."""
    print_anything()
    options = _parser().parse_intermixed_args(arguments)
    with in_one_line("water-gee", "interrupted; run the same command again to go on"):
        from water_gee.config.compose import compose

        composed = compose(options.overrides, options.config_dir)
        if options.cfg:
            from omegaconf import OmegaConf

            print(OmegaConf.to_yaml(composed, resolve=False), end="")
            return
        from water_gee.config.settings import load

        settings = load(composed)
        from water_gee.config.configure import check_composed, narrowed

        if os.environ.get("DVC_STAGE") == options.stage in PIPELINE:
            check_composed(settings, options.stage)
        quieten()
        importlib.import_module(STAGES[options.stage][0]).run(narrowed(settings, options.stage))


def print_anything() -> None:
    """Let no character that the terminal lacks end a command.

    The C locale is taken for UTF-8, as Python does unless it is told not to; another one gets `?` instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            known = codecs.lookup(stream.encoding).name
            if known == "ascii":
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # paths keep their bytes
            elif known != "utf-8":
                stream.reconfigure(errors="replace")


def quieten() -> None:
    """Switch off what libraries say to nobody: telemetry, tips, and warnings that are not the user's."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("googleapiclient").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(mlflow|pytorch_lightning|sklearn|google)\..*")
