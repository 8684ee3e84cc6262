"""An estimator of scikit-learn as a torch module, and which of its classes is water."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from water_gee.errors import ExportError


@dataclass(frozen=True)
class Carried:
    """An estimator as a module.

    Attributes:
        module: maps raw features [n, band, y, x] to its answers [n, output, y, x].
        output: `logits`, `probability`, or `number` of a regressor.
        classes: the estimator's own, in order; none of a regressor.
    """

    module: nn.Module
    output: str
    classes: tuple[Any, ...] = ()

    def water_class(self, asked: Any) -> int | None:
        """Return the number of the class that means water; `asked` is one of the estimator's own classes, or None.

        Raises:
            ExportError: it is none of them, or there are more than two and none is named.
        """
        if not self.classes:
            return None if asked is None else int(asked)
        known = [str(one) for one in self.classes]
        if asked is None and len(known) == 2:
            return 1
        if str(asked) not in known:
            begin = "name the class that is water" if asked is None else f"water_class={asked!r} is no class"
            raise ExportError(f"{begin}: the estimator was fitted on the classes {', '.join(known)}; set water_class")
        return known.index(str(asked))


def named(estimator: Any, samples: NDArray[np.float32]) -> Any:
    """Return samples [pixel, feature] as the estimator was fitted: with the features' names, if it knows them."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return samples
    import pandas as pd

    return pd.DataFrame(samples, columns=names)
