"""What can go wrong for a user, each with one line that says what to do."""


class WaterGeeError(Exception):
    """A failure that the user can mend; its message is one line and names the fix."""


class ConfigError(WaterGeeError):
    """A choice in the configuration is misspelt, of the wrong type, or impossible."""


class EarthError(WaterGeeError):
    """Earth Engine, or eelocal in its place, refused a request or could not be reached."""


class TileError(WaterGeeError):
    """Tiles or labels on disk are missing, broken, or do not fit the configuration."""


class ModelError(WaterGeeError):
    """A checkpoint is missing, broken, or was trained on other features."""


class ExportError(WaterGeeError):
    """A network cannot be carried into Earth Engine, or was carried there and differs."""


class PoolError(WaterGeeError):
    """A process or a machine that does a part of the work is gone, or cannot be reached."""
