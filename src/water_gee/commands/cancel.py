"""Cancel the export tasks that wait or run."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 118  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.deploy.tending import cancel_all as stage

    stage(settings)
