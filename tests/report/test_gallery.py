"""Places that the page shows at full size are such as a reader learns something from."""

import numpy as np
import rasterio

import finished
from water_gee.classes import UNKNOWN
from water_gee.evaluation import EvaluationArea, assess
from water_gee.report.accuracy import agreement_maps
from water_gee.report.gallery import Gallery
from water_gee.tiles import read_manifest

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"


def test_where_the_reference_knows_nothing_no_share_is_wrong_and_no_place_shown(tmp_path, settings) -> None:
    layout = finished.write_root(tmp_path)
    with rasterio.open(tmp_path / "reference" / "water_2020_a.tif", "r+") as file:
        truth = file.read(1)
        inside = np.zeros(truth.shape, dtype=bool)
        inside[:40, :40] = True  # of the first tile alone
        file.write(np.where(inside, truth, UNKNOWN), 1)
    gallery = Gallery.of(read_manifest(layout), "truth")
    assess(EvaluationArea.of(settings(REFERENCE, "study.years=[2020]", "evaluate.resamples=100")), [gallery.add])
    (place,) = gallery.places
    assert (place.references["truth"] != UNKNOWN).any()
    shown = agreement_maps(tmp_path, gallery, ["truth"]).figures
    assert len(shown) == 2 and not any("nan%" in figure.caption for figure in shown)
