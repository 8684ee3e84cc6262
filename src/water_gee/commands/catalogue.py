"""Describe maps and water bodies as a STAC catalogue, with where they come from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 125  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.catalogue.stage import run as stage

    stage(settings)
