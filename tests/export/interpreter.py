"""The second reading of Earth Engine's documentation that graphs are evaluated by: it shares no code with eelocal."""

from water_gee.export.interpreter import evaluate

__all__ = ["evaluate"]
