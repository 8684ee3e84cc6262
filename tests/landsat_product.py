"""A small Landsat product in the files that USGS ships."""

import numpy as np

NAME = "LC08_L2SP_043024_20200802_20200914_02_T1"
FIELDS = {
    "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": NAME, "PROCESSING_LEVEL": "L2SP", "COLLECTION_NUMBER": "02",
                         "COLLECTION_CATEGORY": "T1"},
    "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "SENSOR_ID": "OLI_TIRS", "WRS_PATH": "43", "WRS_ROW": "24",
                         "DATE_ACQUIRED": "2020-08-02", "SCENE_CENTER_TIME": "18:32:20.5060850Z",
                         "CLOUD_COVER": "3.10", "SUN_AZIMUTH": "152.1", "SUN_ELEVATION": "52.5"},
    "LEVEL1_PROCESSING_RECORD": {"LANDSAT_PRODUCT_ID": NAME.replace("L2SP", "L1TP")},
}  # fmt: skip


def write_product(write_tif, root, suffix="TIF", name=NAME):
    folder = root / "scenes" / name
    values = np.arange(100, dtype=np.uint16).reshape(10, 10)
    for band in ("ST_B10", "SR_B2", "SR_B10", "QA_RADSAT", "SR_B1", "SR_QA_AEROSOL"):
        if band != "SR_B10":
            write_tif(folder / f"{name}_{band}.{suffix}", {"x": values}, named=False)
    quality = np.full((10, 10), 21824, np.uint16)
    quality[0, :3] = 1
    write_tif(folder / f"{name}_QA_PIXEL.{suffix}", {"x": quality}, named=False)
    return folder
