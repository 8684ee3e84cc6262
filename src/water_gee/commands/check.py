"""Check the Earth Engine account, and what its operations do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 15  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.deploy.check import run as stage

    stage(settings)
