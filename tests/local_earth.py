"""The settings of a client of an eelocal that runs already, and that never waits before it asks again."""

from water_gee.config.compose import compose
from water_gee.config.earth import EarthSettings
from water_gee.config.settings import load


def earth_at(url: str) -> EarthSettings:
    return load(compose([f"earth.url={url}", "earth.wait=0"])).earth
