"""What an export may ask for, and what is refused as the service refuses it: at once, and in its words."""

import itertools
import json
import math
import time

import numpy as np
import pytest

import eelocal
from raw_requests import JSON, ask, refused

SCENE = "LANDSAT/LC08/C02/T1_L2/LC08_131023_20200715"
PLACE = {"crs": "EPSG:32648", "crsTransform": [30, 0, 400000, 0, -30, 5800000], "dimensions": "50x40"}
REGION = [[[103.54, 52.335], [103.55, 52.335], [103.55, 52.34], [103.54, 52.34]]]
NUMBERS = itertools.count()
FREE = {"dimensions": None, "crsTransform": None}


def start(ee, image=None, **options):
    """Start the export of an image, or of a stored band; an option that is None is left out."""
    image = ee.Image(SCENE).select("SR_B1") if image is None else image
    given = {name: value for name, value in (PLACE | options).items() if value is not None}
    asset = f"projects/local/assets/{next(NUMBERS)}"
    task = ee.batch.Export.image.toAsset(image, assetId=asset, **{"description": "x"} | given)
    task.start()
    return task


@pytest.fixture(scope="module")
def server(tmp_path_factory, write_tif):
    """One server for all, on a scene of one band."""
    root = tmp_path_factory.mktemp("catalog")
    write_tif(root / f"{SCENE}.tif", {"SR_B1": np.ones((40, 50), np.uint16)})
    with eelocal.Server(root) as running:
        yield running


@pytest.fixture(scope="module")
def ee(server):
    return eelocal.connect(server.url, seconds=180)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"pyramidingPolicy": {".default": "banana"}}, r"'asset_export_options.pyramiding_policy' .*\), \"BANANA\""),
        ({"pyramidingPolicy": {".default": ""}}, r"'asset_export_options.pyramiding_policy'"),
        ({"pyramidingPolicy": {"SR_B1": "foo"}}, r"pyramiding_policy_overrides\['SR_B1'\]' .*\), \"FOO\""),
        ({"pyramidingPolicy": {"absent": "mean"}}, r"no band 'absent' \(available bands: SR_B1\)"),
        ({"dimensions": 100.5}, "argument 'maxDimension': Invalid type"),
        ({"dimensions": [100.5, 40]}, "dimensions must be positive integers, not 100.5 x 40"),
        ({"dimensions": [50, 40.25]}, "dimensions must be positive integers"),
        ({"dimensions": [-10, 40]}, "dimensions must be positive integers"),
        ({"dimensions": "0x40"}, "dimensions must be positive integers"),
        ({"dimensions": 0}, "eelocal implements 'geometry' and 'scale' only"),
        ({"dimensions": None, "scale": 60}, "Only one of 'crsTransform' and 'scale' may be specified"),
        ({"dimensions": None, "scale": 60, "region": REGION}, "Only one of 'crsTransform' and 'scale'"),
        (FREE | {"scale": 0}, "scale must be positive"),
        (FREE | {"scale": -30}, "scale must be positive"),
        (FREE | {"scale": math.nan}, "NaN is not a JSON number"),
        (FREE | {"scale": math.inf}, "Infinity is not a JSON number"),
        ({"crs": "hello"}, "could not be parsed: 'hello'"),
        ({"crs": "EPSG:999999"}, "could not be parsed: 'EPSG:999999'"),
        ({"crs": "+proj=utm +zone=48"}, "could not be parsed"),
        ({"crs": "4326"}, "could not be parsed"),
        (FREE | {"crs": "WGS 84", "scale": 60}, "could not be parsed"),
        (FREE | {"crs": "EPSG:4978", "scale": 60}, "could not be parsed"),
        ({"crsTransform": [30, 0, 400000, 0, -30]}, "6 elements"),
        ({"crsTransform": [0, 0, 400000, 0, -30, 5800000]}, "cannot be inverted"),
        ({"crsTransform": [math.nan, 0, 400000, 0, -30, 5800000]}, "NaN is not a JSON number"),
        ({"crsTransform": [30, 0, 1e300, 0, -30, 5800000]}, "too far from the origin"),
        ({"maxPixels": 0}, "maxPixels must be positive, not 0"),
        ({"maxPixels": -1}, "maxPixels must be positive, not -1"),
        ({"maxPixels": 2**63}, r"'max_pixels' \(type.googleapis.com/google.protobuf.Int64Value\)"),
        ({"shardSize": 0}, "shardSize must be positive, not 0"),
        ({"shardSize": -256}, "shardSize must be positive"),
        ({"priority": -1}, "priority must be between 0 and 9999, not -1"),
        ({"priority": 10_000}, "priority must be between 0 and 9999"),
        ({"description": "two words"}, "description may contain only"),
        ({"description": "x" * 101}, "description may contain only"),
        ({"dimensions": None, "region": [[[10, 10], [10.1, 10], [10.1, 10.1]]]}, "region is empty"),
        ({"dimensions": None, "region": [[103.54, 52.335], [103.54, 52.335]]}, "region (is empty|has no area)"),
        ({"dimensions": None, "region": [[103.54, 52.335], [103.55, 52.335]]}, "region has no area"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_what_is_refused_at_once(ee, options, reason):
    before = ee.data.listOperations()
    with pytest.raises(ee.EEException, match=reason) as caught:
        start(ee, **options)
    assert caught.value.__context__.resp.status == 400 and "internal" not in str(caught.value)
    assert ee.data.listOperations() == before


def test_a_region_without_area_is_refused_whatever_its_kind(ee):
    for region in (ee.Geometry.Point([103.545, 52.337]), ee.Geometry.LineString([[103.54, 52.337], [103.55, 52.337]])):
        with pytest.raises(ee.EEException, match="region has no area"):
            start(ee, dimensions=None, region=region)


def test_a_region_that_the_coordinate_system_does_not_reach_is_refused(ee):
    everywhere = ee.Geometry.Rectangle([10, -90, 200, 90], "EPSG:4326", False)
    for crs in ("EPSG:3857", "EPSG:32648", "EPSG:3413"):
        with pytest.raises(ee.EEException, match=r"cannot be transformed|too large"):
            task = start(ee, ee.Image(1), **FREE | {"crs": crs, "scale": 1, "region": everywhere})
            while task.active():
                time.sleep(0.02)
            raise ee.EEException(task.status().get("error_message", "it was exported"))
    region = ee.Geometry.Rectangle([0, 0, 1, 1], "EPSG:3857", False)
    assert start(ee, ee.Image(1), **FREE | {"crs": "EPSG:3857", "scale": 1, "region": region}).id


@pytest.mark.parametrize("policy", ["mean", "sample", "min", "max", "mode", "median", "MODE"])
def test_pyramiding_policies_of_the_service_are_taken(ee, policy):
    task = start(
        ee, pyramidingPolicy={".default": "mean", "SR_B1": policy}, shardSize=128, priority=9999, maxPixels=2000
    )
    assert task.id


BODY = {
    "expression": {"result": "0", "values": {"0": {"functionInvocationValue": {
        "functionName": "Image.load", "arguments": {"id": {"constantValue": SCENE}},
    }}}},
    "assetExportOptions": {"earthEngineDestination": {"name": "projects/local/assets/y"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"foo": 1}, 'Unknown name "foo": Cannot find field'),
        ({"grid": {"crsCode": "EPSG:4326"}}, "field grid of image:export"),
        ({"assetExportOptions": 5}, "'asset_export_options'"),
        ({"assetExportOptions": {"earthEngineDestination": []}}, "'asset_export_options.earth_engine_destination'"),
        ({"assetExportOptions": {"earthEngineDestination": {"name": 5}}}, "(TYPE_STRING), 5"),
        (
            {"assetExportOptions": {"earthEngineDestination": {"name": "projects/local/assets/" + "x" * 300}}},
            "too long",
        ),
        ({"assetExportOptions": {"earthEngineDestination": {"name": "x", "overwrite": "yes"}}}, '(TYPE_BOOL), "yes"'),
        ({"assetExportOptions": {"pyramidingPolicyOverrides": ["MEAN"]}}, "pyramiding_policy_overrides"),
        ({"assetExportOptions": {"tileSize": {"value": 1.5}}}, "Int32Value), 1.5"),
        ({"assetExportOptions": {}}, "earthEngineDestination.name is required"),
        ({"maxPixels": {"value": "many"}}, 'Int64Value), "many"'),
        ({"maxPixels": {"value": 1.5}}, "Int64Value), 1.5"),
        ({"maxPixels": {"value": True}}, "Int64Value), true"),
        ({"maxPixels": []}, "Int64Value), []"),
        ({"priority": {"value": 2**40}}, "Int32Value)"),
        ({"requestId": 5}, "'request_id' (TYPE_STRING), 5"),
        ({"description": ["x"]}, "'description' (TYPE_STRING)"),
        ({"fileExportOptions": {"fileFormat": "GEO_TIFF"}}, "exports to Drive or Cloud Storage"),
    ],
)
def test_fields_that_are_no_good(server, change, text):
    body = json.dumps(BODY | change).encode()
    lines = ["Host: localhost", f"Content-Type: {JSON}", f"Content-Length: {len(body)}"]
    refused(ask(server, *lines, line="POST /v1/projects/local/image:export HTTP/1.1", body=body), 400, text)
