"""`water-gee COMMAND [overrides]`: everything but training."""

import argparse
import codecs
import io
import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence

from water_gee.commands import Command, commands
from water_gee.reads import STAGES
from water_gee.surroundings import in_one_line


def _parser(known: Mapping[str, Command]) -> argparse.ArgumentParser:
    listed = "\n".join(f"  {one.name:<13} {one.help}" for one in known.values())
    parser = argparse.ArgumentParser(
        prog="water-gee",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Surface-water maps from Landsat.\n\ncommands:\n{listed}\n\ntraining: python train.py [overrides]",
        epilog="examples:\n  water-gee tiles study=hls_chips tiles.dry_run=true\n"
        "  water-gee predict earth=cloud earth.project=ID paths.root=DIR",
    )
    parser.add_argument("command", choices=[*known], metavar="COMMAND")
    parser.add_argument("overrides", nargs="*", help="Hydra overrides: group=option or key=value")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with groups of your own")
    parser.add_argument("--cfg", choices=["job"], help="print the composed configuration and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a user's mistake, or a full disk, ends it with one line and exit code 1."""
    print_anything()
    known = commands()
    options = _parser(known).parse_intermixed_args(arguments)
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

        if os.environ.get("DVC_STAGE") == options.command in STAGES:
            check_composed(settings, options.command)
        quieten()
        known[options.command].run(narrowed(settings, options.command))


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
