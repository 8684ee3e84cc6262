"""What the exporter carries of the corpus equals the network; what it cannot carry is refused in one line."""

import copy
import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.corpus import CASES, Case
from export.interpreter import evaluate
from water_gee.errors import ExportError
from water_gee.export import to_earth_engine

NAMES = ["b0", "b1", "b2", "b3"]
SHAPE = (24, 27)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def features(kind: str) -> np.ndarray:
    """Features [band, y, x]: near, 50 times out of range, or with pixels and single bands that are missing."""
    rng = np.random.default_rng(8)
    values = rng.normal(size=(4, *SHAPE)).astype(np.float32)
    if kind == "far":
        values *= 50
    if kind == "gaps":
        values[:, rng.random(SHAPE) < 0.1] = np.nan
        for band in range(4):
            values[band, rng.integers(SHAPE[0]), rng.integers(SHAPE[1])] = np.nan
    return values


def answer(case: Case, network: nn.Module, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability and size of the network's output, both [y', x']; a pixel that lacks one band lacks all."""
    given = torch.from_numpy(np.where(np.isnan(values).any(0), np.nan, values)).unsqueeze(0)
    with torch.no_grad():
        output = network(given.to(next(network.parameters(), torch.zeros(())).dtype))
        probability = case.reading(output)[0].double().numpy()
    while not isinstance(output, Tensor):
        output = next(iter(output.values() if isinstance(output, dict) else output))
    size = np.nan_to_num(output.double().abs().numpy(), posinf=0).reshape(-1, *output.shape[-2:]).max(0)
    return probability, size if size.shape == probability.shape else np.ones_like(probability)


def in_double(case: Case, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answer of the network's copy in float64, or that in float32 where its author allows no other."""
    network = case.build()
    try:
        return answer(case, copy.deepcopy(network).double(), values)
    except (RuntimeError, TypeError, ValueError):
        return answer(case, case.build(), values)


@every_case
def test_every_network_gives_probabilities(case: Case) -> None:
    network = case.build()
    probability, _ = answer(case, network, features("near"))
    assert probability.ndim == 2
    assert sum(p.numel() for p in network.parameters()) < 5000
    if case.expects == "equal":
        assert np.all((probability >= 0) & (probability <= 1))
        assert all((a - b) % 2 == 0 for a, b in zip(SHAPE, probability.shape, strict=True))
        assert np.ptp(probability) > 1e-3, "an answer that never changes tests nothing"
        far, _ = answer(case, network, features("far"))
        assert np.all((far >= 0) & (far <= 1))


def test_cases_have_names_of_their_own_and_known_wishes() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60
    assert {case.expects for case in CASES} == {"equal", "refused", "either"}


def touched(values: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """The pixels whose window has a missing pixel [y, x]."""
    missing = torch.from_numpy(np.isnan(values).any(0)).float()[None, None]
    window = (2 * reach[0] + 1, 2 * reach[1] + 1)
    return nn.functional.max_pool2d(missing, window, 1, reach)[0, 0].numpy() > 0


def compare(case: Case, got: dict[str, np.ndarray], values: np.ndarray) -> None:
    """Raise where the image differs from the network within the margin."""
    expected, size = in_double(case, values)
    single, _ = answer(case, case.build(), values)
    lacks = [(whole - part) // 2 for whole, part in zip(SHAPE, expected.shape, strict=True)]
    reach = (max(lacks[0], case.reach[0]), max(lacks[1], case.reach[1]))
    inner = tuple(slice(r, n - r) for r, n in zip(reach, SHAPE, strict=True))
    own = tuple(slice(r - a, n - r - a) for r, n, a in zip(reach, SHAPE, lacks, strict=True))
    expected, single, size = expected[own], single[own], size[own]
    probability, water = got["probability"][inner], got["water"][inner]
    masked, reached = np.isnan(probability), touched(values, reach)[inner]

    assert not (np.isnan(expected) & np.isnan(single) & ~masked).any(), "a value where the network has none"
    assert not (masked & ~np.isnan(expected) & ~np.isnan(single) & ~reached).any(), "masked without a reason"
    assert np.array_equal(np.isnan(water), masked), "water and probability are masked apart"
    both = ~masked & ~np.isnan(expected)
    wrong = both & (np.abs(probability - expected) > 1e-5 * np.maximum(1, size))
    assert wrong.mean() <= case.ties, (
        f"{wrong.sum()} pixels differ by up to {np.abs(probability - expected)[wrong].max()}"
    )
    assert not (both & (probability > 0.5001) & (water != 1)).any(), "likely water is not water"


@pytest.mark.parametrize("form", ["array", pytest.param("kernel", marks=pytest.mark.slow)])
@every_case
def test_an_image_of_the_network_equals_it(case: Case, form: str) -> None:
    try:
        exported = to_earth_engine(
            case.build(), NAMES, output=case.output, water_class=case.water_class,
            masked="reach", border=case.border, form=form,
        )  # fmt: skip
    except ExportError as error:
        assert case.expects != "equal", f"refused: {error}"
        assert "\n" not in str(error)
        assert len(str(error)) > 20
        assert re.search(case.words, str(error)), f"does not help: {error}"
        return
    assert case.expects != "refused", f"carried, though it cannot be: {case.why}"
    for kind in ("near", "far", "gaps"):
        values = features(kind)
        compare(case, evaluate(exported.function_json(), values, NAMES), values)
