"""Tables that `dvc plots` draws: precision against recall, and the confusion of the model."""

from collections.abc import Sequence

import numpy as np

from water_gee.evaluation import Assessment
from water_gee.report.run_assessment import Probabilities
from water_gee.report.tables import as_csv

_ROWS = 10_000  # of the confusion, which DVC draws by counting rows


def plot_tables(assessment: Assessment, probabilities: Probabilities, reference: str | None) -> dict[str, str]:
    """Return the tables of the primary reference by file name; without a reference they have a heading alone."""
    counts = probabilities.counts.get(reference or "")
    curve: list[list[str]] = []
    if counts is not None:
        land, water = counts
        found, false = np.cumsum(water[::-1]), np.cumsum(land[::-1])
        known = found + false > 0
        recall, precision = found / max(1, found[-1]), found / np.maximum(found + false, 1)
        curve = [[f"{r:.4f}", f"{p:.4f}"] for r, p in zip(recall[known], precision[known], strict=True)]
    confusion: dict[str, int] = {}
    if reference in assessment.metrics:
        confusion = assessment.details["references"][reference]["confusion"]["model"]
    pairs = {"tp": ["water", "water"], "fp": ["land", "water"], "fn": ["water", "land"], "tn": ["land", "land"]}
    shares = in_parts([confusion.get(name, 0) for name in pairs], _ROWS)
    rows = [pair for pair, count in zip(pairs.values(), shares, strict=True) for _ in range(count)]
    return {
        "precision_recall.csv": as_csv([["recall", "precision"], *curve]),
        "confusion.csv": as_csv([["actual", "predicted"], *rows]),
    }


def in_parts(counts: Sequence[int], parts: int) -> list[int]:
    """Return whole numbers that add up to `parts` in proportion to the counts (largest remainder); zeros of none."""
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    whole = [count * parts // total for count in counts]
    remainders = sorted(range(len(counts)), key=lambda place: (-(counts[place] * parts % total), place))
    for place in remainders[: parts - sum(whole)]:
        whole[place] += 1
    return whole
