"""Prune by several shares, and draw accuracy against multiply-adds a pixel."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 80  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.experiments.cost import run as stage

    stage(settings)
