"""A catalog reads its own GeoTIFFs and nothing that they, files beside them, links or ids lead to."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import rasterio

import eelocal
from eelocal.catalog import Catalog
from eelocal.errors import EEError
from raw_requests import ask, post, refused

VALUES = np.full((4, 4), 7, np.uint8)
VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><SRS>EPSG:32648</SRS>
<GeoTransform>400000,30,0,5800000,0,-30</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>
</VRTDataset>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the ids and paths, on an empty catalog."""
    with eelocal.Server(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.fixture
def web(write_tif, tmp_path):
    """A web server that would serve a GeoTIFF; its `asked` are the paths that it was asked for."""
    content = write_tif(tmp_path / "web/secret.tif", {"v": VALUES}).read_bytes()
    asked = []

    class Secret(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_): ...

    server = HTTPServer(("127.0.0.1", 0), Secret)
    server.asked = asked
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_vrt_under_a_geotiffs_name_is_not_followed(tmp_path, web, write_tif):
    secret = write_tif(tmp_path / "outside/secret.tif", {"v": VALUES})
    root = tmp_path / "catalog"
    root.mkdir()
    for name, source in (
        ("file", secret),
        ("address", f"/vsicurl/http://127.0.0.1:{web.server_port}/secret.tif"),
        ("inside", "file.tif"),
    ):
        (root / f"{name}.tif").write_text(VRT.format(source), encoding="utf-8")
        with pytest.raises(EEError, match=rf"{name}\.tif.*Replace the file"):
            Catalog(root).image(name)
    assert not web.asked


def test_files_beside_a_geotiff_are_not_read(tmp_path, web, write_tif):
    path = write_tif(tmp_path / "x.tif", {"v": VALUES})
    address = f"/vsicurl/http://127.0.0.1:{web.server_port}/secret.tif"
    (tmp_path / "x.tif.msk").write_text(VRT.format(address), encoding="utf-8")
    (tmp_path / "x.tif.ovr").write_text(VRT.format(address), encoding="utf-8")
    (tmp_path / "x.tif.aux.xml").write_text(
        "<PAMDataset><GeoTransform>5, 30, 0, 5, 0, -30</GeoTransform>"
        f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{address}</MDI></Metadata>'
        '<PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>',
        encoding="utf-8",
    )
    image = Catalog(tmp_path).image("x")
    assert image.bands[0].transform == (30, 0, 400000, 0, -30, 5800000)
    values, mask = image.read("v", 0, 0, 4, 4)
    assert mask.all() and (values == 7).all()
    assert not web.asked and path.exists()


def test_a_world_file_is_no_georeference(tmp_path):
    with rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs="EPSG:32648"
    ) as file:
        file.write(VALUES, 1)
    (tmp_path / "x.tfw").write_text("30\n0\n0\n-30\n400015\n5799985\n", encoding="utf-8")
    with pytest.raises(EEError, match=r"x\.tif.*no georeference"):
        Catalog(tmp_path).image("x")


@pytest.fixture
def linked(tmp_path, write_tif):
    """A catalog with links to what lies outside of it, and inside."""
    root, outside = tmp_path / "catalog", tmp_path / "catalog-elsewhere"
    write_tif(root / "c/own.tif", {"v": VALUES})
    write_tif(outside / "secret.tif", {"v": VALUES})
    (outside / "secret.json").write_text('{"password": 1}', encoding="utf-8")
    (root / "file.tif").symlink_to(outside / "secret.tif")
    (root / "away").symlink_to(outside)
    (root / "up").symlink_to("..")
    (root / "round.tif").symlink_to("round.tif")
    write_tif(root / "properties.tif", {"v": VALUES})
    (root / "properties.json").symlink_to(outside / "secret.json")
    write_tif(root / "product/X_SR_B2.TIF", {"v": VALUES})
    (root / "product/X_SR_B3.TIF").symlink_to(outside / "secret.tif")
    (root / "marked").mkdir()
    (root / "marked/.asset.json").symlink_to(outside / "secret.json")
    (root / "same.tif").symlink_to("c/own.tif")
    (root / "d").symlink_to("c")
    return root


def loaded(server, id):
    """Return the reply to a request for an image's description."""
    load = {"functionName": "Image.load", "arguments": {"id": {"constantValue": id}}}
    expression = {"result": "0", "values": {"0": {"functionInvocationValue": load}}}
    return post(server, json.dumps({"expression": expression}).encode())


@pytest.mark.parametrize(
    "id", ["file", "away/secret", "up/catalog-elsewhere/secret", "properties", "product", "marked"]
)
def test_links_that_lead_out_are_refused(linked, id):
    with eelocal.Server(linked) as server:
        refused(loaded(server, id), 400, "outside of the catalog")
        found = ask(server, "Host: localhost", line=f"GET /v1/projects/earthengine-public/assets/{id} HTTP/1.1")
        refused(found, 400, "serve a folder that holds both")


def test_links_within_the_catalog_are_followed(linked):
    with eelocal.Server(linked) as server:
        for id in ("same", "d/own"):
            status, body = loaded(server, id)
            assert status == 200 and body["result"]["bands"][0]["id"] == "v"
        refused(loaded(server, "round"), 404, "not found")


def test_nothing_is_written_through_a_link_that_leads_out(linked):
    (linked / "projects/local/assets").mkdir(parents=True)
    (linked / "projects/local/assets/away").symlink_to(linked.parent / "catalog-elsewhere")
    with eelocal.Server(linked) as server:
        ee = eelocal.connect(server.url)
        with pytest.raises(ee.EEException, match="outside of the catalog"):
            ee.data.createFolder("projects/local/assets/away/new")
        with pytest.raises(ee.EEException, match="outside of the catalog"):
            ee.data.deleteAsset("projects/local/assets/away/secret")
    assert sorted(os.listdir(linked.parent / "catalog-elsewhere")) == ["secret.json", "secret.tif"]


@pytest.mark.parametrize(
    ("id", "code", "text"),
    [
        ("../secret", 400, "not valid"),
        ("c/../../secret", 400, "not valid"),
        ("c//own", 400, "not valid"),
        ("c/own\0", 400, "not valid"),
        ("\0", 400, "not valid"),
        ("c/own\n", 400, "not valid"),
        (".eelocal/operations/x", 400, "not valid"),
        ("/etc/passwd", 404, "not found"),
        ("x" * 250, 400, "too long"),
        ("ö" * 120, 400, "too long"),
        ("a/" * 600 + "b", 400, "too long"),
        ("vsicurl/http:/127.0.0.1/x", 404, "not found"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_ids_lead_nowhere_else(server, id, code, text):
    refused(loaded(server, id), code, text)


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("GET /v1/projects/earthengine-public/assets/..%2F..%2Fsecret HTTP/1.1", 400, "not valid"),
        ("GET /v1/projects/local/assets/%00 HTTP/1.1", 400, "not valid"),
        ("GET /v1/projects/local/assets/" + "x" * 300 + " HTTP/1.1", 400, "too long"),
        ("GET /v1/projects/" + "p" * 300 + "/assets/x HTTP/1.1", 400, "too long"),
        ("DELETE /v1/projects/local/assets/" + "x" * 300 + " HTTP/1.1", 400, "too long"),
        ("GET /v1/projects/local/operations/" + "A" * 300 + " HTTP/1.1", 404, "not found"),
        ("GET /v1/projects/local/operations/%2e%2e HTTP/1.1", 404, "not found"),
        ("GET /v1/projects/local/operations/%c3%a4 HTTP/1.1", 404, "not found"),
        ("GET /v1/projects/local/operations?pageSize=x HTTP/1.1", 400, "'page_size' (TYPE_INT32)"),
        ("GET /v1/projects/local/operations?pageToken=-1 HTTP/1.1", 400, "'page_token' (TYPE_INT32)"),
        ("GET /v1/projects/local:listAssets?pageSize=%C2%B2 HTTP/1.1", 400, "'page_size' (TYPE_INT32)"),
    ],
)
def test_paths_that_are_no_good(server, line, code, text):
    refused(ask(server, "Host: localhost", line=line), code, text)


def test_properties_nested_too_deeply_name_their_file(tmp_path, write_tif):
    write_tif(tmp_path / "x.tif", {"v": VALUES})
    (tmp_path / "x.json").write_text('{"a":' * 5000 + "1" + "}" * 5000, encoding="utf-8")
    with eelocal.Server(tmp_path) as server:
        refused(loaded(server, "x"), 400, "x.json")
