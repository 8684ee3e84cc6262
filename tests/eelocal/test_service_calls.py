"""The REST calls through the genuine client: initialising, assets, refusals, error bodies."""

import json
import urllib.error
import urllib.request
from itertools import pairwise

import numpy as np
import pytest
import rasterio

import eelocal

SCENES = "LANDSAT/LC08/C02/T1_L2"
SCENE = f"{SCENES}/LC08_131023_20200715"


def call(url, body=None, method=None):
    """Return status and parsed body of a bare HTTP request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=180) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_client_initialises_from_the_server_alone(ee, server):
    assert {entry["route"] for entry in server.requests} <= {"discovery", "algorithms"}
    assert ee.data.getAlgorithms()["Image.bitwiseAnd"]["args"][0]["name"] == "image1"


def test_an_image_is_described(ee):
    asset = ee.data.getAsset(SCENE)
    assert asset["type"] == "IMAGE" and asset["id"] == SCENE
    assert asset["name"] == f"projects/earthengine-public/assets/{SCENE}"
    assert asset["properties"]["CLOUD_COVER"] == 0.2
    assert asset["startTime"] == "2020-07-15T00:00:00.000000Z"
    assert asset["bands"][0] == {
        "id": "SR_B1",
        "dataType": {"precision": "INT", "range": {"min": 0, "max": 65535}},
        "grid": {
            "crsCode": "EPSG:32648",
            "dimensions": {"width": 50, "height": 40},
            "affineTransform": {"scaleX": 30.0, "translateX": 400000.0, "scaleY": -30.0, "translateY": 5800000.0},
        },
    }
    ring = asset["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] and len(ring) == 33
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2
    assert area > 0  # counter-clockwise


def test_assets_are_listed_page_by_page(ee):
    assert [a["id"] for a in ee.data.listAssets({"parent": SCENES})["assets"]] == [
        f"{SCENES}/LC08_131023_20200615", SCENE, f"{SCENES}/LC08_135023_20200801",
    ]  # fmt: skip
    page = ee.data.listAssets({"parent": SCENES, "pageSize": 2})
    assert len(page["assets"]) == 2
    rest = ee.data.listAssets({"parent": SCENES, "pageSize": 2, "pageToken": page["nextPageToken"]})
    assert len(rest["assets"]) == 1 and "nextPageToken" not in rest
    assert ee.data.listAssets({"parent": SCENES, "view": "BASIC"})["assets"][0] == {
        "type": "IMAGE", "id": f"{SCENES}/LC08_131023_20200615",
        "name": f"projects/earthengine-public/assets/{SCENES}/LC08_131023_20200615",
    }  # fmt: skip
    assert len(ee.data.listImages(SCENES)["images"]) == 3
    assert [a["type"] for a in ee.data.listAssets({"parent": "LANDSAT"})["assets"]] == ["FOLDER"]


def test_own_assets_are_created_and_deleted(ee, folder):
    root = "projects/local/assets"
    ee.data.createFolder(f"{root}/maps")
    ee.data.createAsset({"type": "IMAGE_COLLECTION"}, f"{root}/maps/water", {"made": "here"})
    assert ee.data.getAsset(f"{root}/maps/water")["properties"] == {"made": "here"}
    (folder / root / "maps/water/b.tif").write_bytes((folder / f"{SCENE}.tif").read_bytes())
    assert [a["id"] for a in ee.data.listAssets({"parent": f"{root}/maps/water"})["assets"]] == [f"{root}/maps/water/b"]
    with pytest.raises(ee.EEException, match="not empty"):
        ee.data.deleteAsset(f"{root}/maps/water")
    for name in ("maps/water/b", "maps/water", "maps"):
        ee.data.deleteAsset(f"{root}/{name}")
    assert not (folder / root / "maps").exists()
    with pytest.raises(ee.EEException, match="not found"):
        ee.data.getAsset(f"{root}/maps")


def test_the_roots_of_projects_can_be_listed(folder):
    with eelocal.Server(folder) as server:
        ee = eelocal.connect(server.url, project="my-project")
        assert ee.data.listAssets("projects/my-project/assets") == {"assets": []}
        ee.data.createFolder("projects/my-project/assets/f")
        assert [a["id"] for a in ee.data.listAssets("projects/my-project/assets")["assets"]] == [
            "projects/my-project/assets/f"
        ]


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        (f"{SCENES}/new", "Permission 'earthengine.assets.create' denied"),
        ("projects/local/assets/absent/new", "not found"),
        ("projects/local/assets/a b", "may hold only letters"),
    ],
)
def test_ids_that_cannot_be_written(ee, id, reason):
    with pytest.raises(ee.EEException, match=reason):
        ee.data.createFolder(id)


def test_public_assets_cannot_be_deleted(ee, folder):
    with pytest.raises(ee.EEException, match="denied"):
        ee.data.deleteAsset(SCENE)
    assert (folder / f"{SCENE}.tif").is_file()


def test_errors_have_the_services_body(server):
    status, body = call(f"{server.url}/v1/projects/earthengine-public/assets/absent")
    assert status == 404
    assert body == {
        "error": {
            "code": 404,
            "message": "Asset 'absent' not found (does not exist or caller does not have access).",
            "status": "NOT_FOUND",
        }
    }


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/v1/projects/local/maps", "POST maps"),
        ("POST", "/v1/projects/local/table:export", "POST table:export"),
        ("POST", "/v1/projects/local/imageCollection:computeImages", "computeImages"),
        ("PATCH", "/v1/projects/local/assets/x", "PATCH assets"),
        ("POST", "/v1/projects/local/assets/x:setIamPolicy", "assets:setIamPolicy"),
        ("POST", "/v1/projects/local/assets/x:copy", "assets:copy"),
    ],
)
def test_calls_that_are_not_implemented_are_refused_by_name(server, method, path, named):
    status, body = call(server.url + path, {}, method)
    assert status == 400 and named in body["error"]["message"] and "not implement" in body["error"]["message"]


def test_other_paths_are_not_found(server):
    status, body = call(f"{server.url}/favicon.ico")
    assert status == 404 and body["error"]["status"] == "NOT_FOUND"


def test_a_thumbnail_is_refused_through_the_client(ee):
    with pytest.raises(ee.EEException, match="does not implement POST thumbnails"):
        ee.Image(SCENE).getDownloadURL({"format": "NPY"})


def test_a_truncated_scene_is_named_to_the_client(ee, folder):
    path = folder / f"{SCENE}.tif"
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ee.EEException, match=r"LC08_131023_20200715\.tif.*Replace the file"):
        ee.data.getPixels({"assetId": SCENE, "fileFormat": "NUMPY_NDARRAY"})


def test_a_lost_grid_is_not_invented(tmp_path):
    """An image without georeference must not become one at (0, 0)."""
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", width=3, height=3, count=1, dtype="uint8") as dataset:
        dataset.write(np.ones((1, 3, 3), np.uint8))
    with pytest.raises(eelocal.EEError, match="reference system"):
        eelocal.Server(tmp_path).service.catalog.image("x")
