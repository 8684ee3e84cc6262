"""Show how far the export tasks are, and what they have used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 116  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.deploy.tending import status as stage

    stage(settings)
