"""What is known of the figures beside the figures: `reports/details.json`."""

from typing import Any

import numpy as np

from water_gee.bootstrap import Interval, resampled_iou
from water_gee.evaluation.count import CLEAN, Tally, confusion
from water_gee.evaluation.view import METHODS

PAIRS = (("model", "qa_water"), ("model", "mndwi_0"))


def describe(tally: Tally, *, resamples: int, seed: int) -> dict[str, Any]:
    """Return confusions, years, intervals, paired differences and the denoised label of one reference."""
    content: dict[str, Any] = {
        "confusion": {method: vars(tally.total(method)).copy() for method in METHODS},
        "by_year": {
            str(year): {method: tally.total(method, year).metrics() for method in METHODS} for year in tally.years
        },
    }
    places, counts = tally.by_place()
    content["places"] = len(places)
    if len(places) > 1:
        iou = resampled_iou(counts, resamples=resamples, seed=seed)
        content["iou_intervals"] = {
            method: vars(Interval.of(iou[:, number])).copy() for number, method in enumerate(METHODS)
        }
        content["iou_differences"] = {
            f"{one} - {other}": {
                "difference": tally.total(one).iou - tally.total(other).iou,
                **vars(Interval.of(iou[:, METHODS.index(one)] - iou[:, METHODS.index(other)])),
            }
            for one, other in PAIRS
        }
    if tally.kept:
        content["where_denoised"] = _denoised(tally, resamples=resamples, seed=seed)
    return content


def _denoised(tally: Tally, *, resamples: int, seed: int) -> dict[str, Any]:
    """Return every method and the denoised label where that speaks, and what became of right and wrong raw labels."""
    counts = {method: tally.denoised(method) for method in (*METHODS, CLEAN)}
    kept = {method: confusion(of.sum(axis=0)).metrics() for method, of in counts.items()}
    pixels = tally.total("model").pixels
    content: dict[str, Any] = {
        **kept,
        "share_of_pixels": kept[CLEAN]["pixels"] / pixels if pixels else 0.0,
        "fates": tally.fates,
    }
    if len(tally.kept) > 1:
        both = np.stack([counts["qa_water"], counts[CLEAN]], axis=1)
        raw, clean = resampled_iou(both, resamples=resamples, seed=seed).T
        content["iou_intervals"] = {
            name: vars(Interval.of(one)).copy() for name, one in (("qa_water", raw), (CLEAN, clean))
        }
        difference = kept[CLEAN]["iou"] - kept["qa_water"]["iou"]
        content["iou_difference"] = {"difference": difference, **vars(Interval.of(clean - raw))}
    return content
