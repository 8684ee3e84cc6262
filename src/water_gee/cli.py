"""`water-gee COMMAND [overrides]`: everything but training."""

import argparse
import os
from collections.abc import Mapping, Sequence

from water_gee.advice import given
from water_gee.commands import Command, commands
from water_gee.config.literal import with_literal_folders
from water_gee.config.show import add_configuration, is_asked_to_show, show
from water_gee.geodata import use_own
from water_gee.output import print_anything, quieten
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
    add_configuration(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a user's mistake, or a full disk, ends it with one line and exit code 1."""
    print_anything()
    use_own()
    known = commands()
    options = _parser(known).parse_intermixed_args(arguments)
    interrupted = "interrupted; run the same command again to go on"
    with given(options.overrides, options.config_dir), in_one_line("water-gee", interrupted):
        options.overrides = with_literal_folders(options.overrides)
        if is_asked_to_show(options):
            show(options)
            return
        from water_gee.config.compose import compose
        from water_gee.config.configure import check_composed, narrowed
        from water_gee.config.settings import load

        settings = load(compose(options.overrides, options.config_dir))
        if os.environ.get("DVC_STAGE") == options.command in STAGES:
            check_composed(settings, options.command)
        quieten()
        known[options.command].run(narrowed(settings, options.command))
