"""The README's example of an operation works as it stands there."""

import re
from pathlib import Path

import ee
import numpy as np
import pytest

import eelocal
from eelocal.errors import EEError
from eelocal.evaluator import functions_math
from eelocal.evaluator.registry import OPERATIONS
from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels

X = np.random.default_rng(9).normal(size=(5, 6))
CATALOG = MemoryCatalog(MemoryImage("x", {"x": X}))


def test_the_example_is_an_operation_as_soon_as_it_is_written(monkeypatch):
    readme = (Path(eelocal.__file__).parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(@implements.*?)```", readme, re.DOTALL)
    image = ee.Image("x").polynomial([1, 2, 3])
    with pytest.raises(EEError, match=r"eelocal does not implement 'Image\.polynomial'"):
        pixels(CATALOG, image, grid(6, 5))
    monkeypatch.setitem(OPERATIONS, "Image.polynomial", None)  # so that it is taken out again
    exec(example, dict(vars(functions_math)))
    band = pixels(CATALOG, image, grid(6, 5)).bands[0]
    np.testing.assert_allclose(band.values, 1 + 2 * X + 3 * X**2)
