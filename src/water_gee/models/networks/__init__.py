"""The networks, one file each and readable alone: a file put here is the network of its name, `model=NAME`.

Its `NETWORK` makes a `Body` of the number of bands and of `model.widths`, which `conf/model/NAME.yaml` gives.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence

from torch import nn

NETWORKS: dict[str, Callable[[int, Sequence[int]], nn.Module]] = {
    one.name: importlib.import_module(f"{__name__}.{one.name}").NETWORK for one in pkgutil.iter_modules(__path__)
}
