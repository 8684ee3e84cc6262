"""The methods, one file each: a file put here is the method of its name, `denoise=NAME` with `conf/denoise/NAME.yaml`.

Its `METHOD` is a frozen dataclass whose fields are the method's settings, each with its bounds and default.
"""

import importlib
import pkgutil
from typing import Any

METHODS: dict[str, type[Any]] = {
    one.name: importlib.import_module(f"{__name__}.{one.name}").METHOD for one in pkgutil.iter_modules(__path__)
}
