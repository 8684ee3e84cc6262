"""Reading an exported network back: `water_gee.load`, which needs nothing but the Earth Engine client."""

import json
from pathlib import Path
from typing import Any

from water_gee.errors import ExportError
from water_gee.export.calls import Call, Function, to_ee
from water_gee.export.expression import from_expression


def load(path: str | Path) -> Any:
    """Load an `expression.json`: what comes back maps an `ee.Image` of the features to water and probability.

    `ee.deserializer.fromJSON` reads the same file; this one builds the same graph many times faster.

    Raises:
        ExportError: the file is absent or no exported network.
    """
    import ee

    try:
        function = from_expression(json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ExportError(f"{path} does not exist; run first: water-gee export") from error
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}); run again: water-gee export") from error
    except (ValueError, KeyError, TypeError, AttributeError, ee.EEException) as error:
        raise ExportError(f"{path} is not an exported network ({error}); run `water-gee export` again") from error
    if not isinstance(function, Function) or not isinstance(function.body, Call) or len(function.parameters) != 1:
        raise ExportError(f"{path} is an expression but no function of an image; run `water-gee export` again")
    (parameter,), body = function.parameters, function.body
    return lambda composite: ee.Image(to_ee(body, {parameter: ee.Image(composite)}))
