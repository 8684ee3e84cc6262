"""What is known of the figures beside the figures: `reports/details.json`."""

from typing import Any

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
        kept = {method: confusion(counts).metrics() for method, counts in tally.kept.items()}
        pixels = tally.total("model").pixels
        content["where_denoised"] = {**kept, "share_of_pixels": kept[CLEAN]["pixels"] / pixels if pixels else 0.0}
    return content
