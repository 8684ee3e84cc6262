"""Compose conf/ and params.yaml into what DVC compares."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from water_gee.config.settings import Settings

ORDER = 10  # in `water-gee --help`


def run(settings: "Settings") -> None:
    """Run the command; what it needs is imported now, and not for `--help`."""
    from water_gee.config.configure import run as stage
    from water_gee.denoise import build

    # A method's own settings are declared with it: what is wrong with them is said before the first tile is fetched.
    build(settings.denoise.method, settings.denoise.model_dump())
    stage(settings)
