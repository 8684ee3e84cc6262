"""Map the study's area by export tasks of Earth Engine, one a year and block."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 114  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.deploy.stage import run as stage

    stage(settings)
