"""What is served is what the reports name, whole and in parts, to this machine and to nobody else."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from PIL import Image

import finished
from served import write_reports
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import sha256, write_text
from water_gee.maps import LAYERS
from water_gee.paths import Layout
from water_gee.report import Style, numbers
from water_gee.sealed import write_sealed
from water_gee.serve import Server, Shelf

WATER = "/maps/2020/water.tif"


@pytest.fixture
def copy(root, tmp_path) -> Path:
    """The same root, to be damaged."""
    return Path(shutil.copytree(root, tmp_path / "copy"))


def test_the_page_knows_that_it_is_served(ask) -> None:
    status, headers, content = ask("/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert b'<html lang="en" data-tiles="/tiles/">' in content
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in headers
    assert ask("/", If_None_Match=headers["ETag"])[0] == 304


def test_a_file_comes_whole_and_in_parts(ask, root) -> None:
    known = (root / "maps/2020/water.tif").read_bytes()
    status, headers, content = ask(WATER)
    assert (status, content, headers["Accept-Ranges"]) == (200, known, "bytes")
    assert ask(WATER, "HEAD")[1]["Content-Length"] == str(len(known)) and ask(WATER, "HEAD")[2] == b""
    size = len(known)
    for asked, expected in {"0-99": (0, 99), "100-": (100, size - 1), "-7": (size - 7, size - 1)}.items():
        status, found, content = ask(WATER, Range=f"bytes={asked}")
        first, last = expected
        assert status == 206 and content == known[first : last + 1]
        assert found["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert ask(WATER, Range=f"bytes=0-{size * 9}")[2] == known
    for asked in (f"{size}-", "9-3", "-0"):
        status, found, _ = ask(WATER, Range=f"bytes={asked}")
        assert (status, found["Content-Range"]) == (416, f"bytes */{size}")
    assert ask(WATER, Range="bytes=0-1,4-5")[2] == ask(WATER, Range="lines=1-2")[2] == known
    assert ask(WATER, Range=f"bytes={'1' * 5000}-")[2] == known
    assert ask(WATER, Range="bytes=0-9", If_Range='"of another file"')[2] == known
    assert ask(WATER, If_None_Match=headers["ETag"])[0] == 304


@pytest.mark.parametrize("failing", [OSError, TimeoutError])
def test_a_file_that_ends_midway_is_not_filled_up_with_the_reason(failing) -> None:
    """A client that pauses for long, or a disk that fails: what follows would be taken for bytes of the file."""

    class Broken(io.BytesIO):
        def read(self, _size=-1):
            raise failing("later")

    path = SimpleNamespace(open=lambda _mode: Broken(), suffix=".tif")
    items = {"/broken.tif": SimpleNamespace(path=path, sha256="0", mark=(0, 1000, 0), is_current=True, kind="x")}
    with Server(Shelf(b"", items)) as running, socket.create_connection(running._http.server_address) as client:
        client.settimeout(20)
        client.sendall(f"GET /broken.tif HTTP/1.1\r\nHost: {urlsplit(running.url).netloc}\r\n\r\n".encode())
        content = b"".join(iter(lambda: client.recv(4096), b""))
    assert content.startswith(b"HTTP/1.1 200") and content.endswith(b"\r\n\r\n"), content[-200:]


def test_gdal_opens_a_map_by_its_address(server, root) -> None:
    options = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_HTTP_PROXY": "", "NO_PROXY": "127.0.0.1"}
    with rasterio.Env(**options), rasterio.open(f"/vsicurl/{server.url.rstrip('/')}{WATER}") as served:
        with rasterio.open(root / "maps/2020/water.tif") as file:
            assert served.crs == file.crs
            np.testing.assert_array_equal(served.read(1), file.read(1))


@pytest.mark.parametrize("layer", ["water", "probability"])
def test_tiles_show_every_pixel_in_the_pages_colours(ask, server, root, layer) -> None:
    style, frame = Style.of_layer(LAYERS[layer]), server.shelf.frame
    status, headers, content = ask(f"/tiles/{layer}/2020/{frame.levels}/0/0.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    with rasterio.open(root / f"maps/2020/{layer}.tif") as file:
        expected = numbers(LAYERS[layer], style, file.read(1))
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert picture.shape == (256, 256)
    np.testing.assert_array_equal(picture[: frame.height, : frame.width], expected)
    assert (picture[frame.height :] == style.nothing).all()
    assert ask(f"/tiles/{layer}/2020/{frame.levels}/1/0.png")[0] == 404


@pytest.mark.parametrize(
    "address",
    [
        "/models/model.ckpt", "/maps", "/maps/", "/maps/../models/model.ckpt", "/maps/2020/../../models/model.ckpt",
        "/maps/%2e%2e/models/model.ckpt", "/..%2f..%2fetc/passwd", "//etc/passwd", "/maps/2020/water.tif/",
        "/maps//2020/water.tif", "/maps/2020/water.tif%00.png", "/reports/details.json", "/tiles/water/2021/0/0/0.png",
        "/tiles/water/2020/0/-1/0.png", "/tiles/clouds/2020/0/0/0.png", "/tiles/water/all/0/0/0.png",
        "/tiles/water/2020/9/0/0.png",
    ],
)  # fmt: skip
def test_nothing_else_has_an_address(ask, address) -> None:
    status, _, content = ask(address)
    assert status == 404 and b"root:" not in content


@pytest.mark.parametrize(
    "name",
    [
        "attacker.example", "attacker.example:{port}", "127.0.0.1:{port}.example", "127.0.0.1.example:{port}",
        "localhost.example:{port}", "127.0.0.1@attacker.example", "[::1].example", "[::2]:{port}", "0.0.0.0:{port}",
        "127.0.0.1:{port}, attacker.example", "::1", "",
    ],
)  # fmt: skip
def test_another_name_that_leads_here_is_refused(ask, server, name) -> None:
    status, _, content = ask("/", Host=name.format(port=urlsplit(server.url).port))
    assert status == 421 and content == f"ask for {server.url}\n".encode()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machines_names_are_answered_at_port_80_and_through_a_tunnel(ask, server, name) -> None:
    """A browser leaves the port 80 out, and names the port of a tunnel's own end."""
    for port in ("", ":", ":80", f":{urlsplit(server.url).port}", ":9"):
        assert ask("/", Host=f"{name}{port}")[0] == 200


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1", 200),
        ("GET http://attacker.example/ HTTP/1.1\r\nHost: 127.0.0.1", 421),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example", 421),
        ("GET / HTTP/1.0", 421),
        ("GET http://[ HTTP/1.1\r\nHost: 127.0.0.1", 400),
    ],
)
def test_every_host_that_a_request_names_counts(server, lines, status) -> None:
    with socket.create_connection(server._http.server_address, timeout=20) as client:
        client.sendall(f"{lines}\r\nConnection: close\r\n\r\n".encode())
        content = b"".join(iter(lambda: client.recv(4096), b""))
    assert content.startswith(f"HTTP/1.1 {status} ".encode()), content[:200]


def test_nothing_can_be_sent(ask) -> None:
    assert [ask(WATER, method)[0] for method in ("POST", "PUT", "DELETE")] == [501, 501, 501]


def test_only_this_machine_is_answered(server) -> None:
    assert server._http.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_named(server) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"serve\.port={taken} of 127\.0\.0\.1 cannot be had"):
            Server(server.shelf, taken)


def test_a_map_that_was_made_anew_meanwhile_is_not_taken_for_the_old_one(copy, tmp_path) -> None:
    shelf = Shelf.of(Layout(copy, finished.STUDY))
    path = copy / "maps/2020/water.tif"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"x")
    assert not shelf.items[WATER].is_current
    assert shelf.items["/maps/area.csv"].is_current


def test_a_page_of_other_maps_shows_none_of_these(copy, capsys) -> None:
    layout = Layout(copy, finished.STUDY)
    finished.add_products(copy)
    report = (copy / "maps/maps.json").read_bytes()
    finished.checkpoint(copy, seed=3)
    finished.add_products(copy)
    assert (copy / "maps/maps.json").read_bytes() != report
    shelf = Shelf.of(layout)
    assert "the page is of other maps than those that are there" in capsys.readouterr().err
    assert shelf.tiles == {} and b"data-tiles" not in shelf.page and WATER in shelf.items
    write_reports(layout)
    assert ("water", "2020") in Shelf.of(layout).tiles


def test_a_page_of_other_bodies_is_served_with_a_line(copy, capsys) -> None:
    layout = Layout(copy, finished.STUDY)
    write_reports(layout, bodies_sha256="of others")
    shelf = Shelf.of(layout)
    assert "the page shows other water bodies than those that are there" in capsys.readouterr().err
    assert b"data-tiles" in shelf.page


@pytest.mark.parametrize(("name", "report"), [("bodies", "bodies.json"), ("catalogue", "report.json")])
def test_what_was_made_of_the_maps_is_served_with_them(copy, capsys, name, report) -> None:
    layout, folder = Layout(copy, finished.STUDY), copy / name
    write_text(folder / "2020/one.json", "{}")
    files = {"2020/one.json": sha256(folder / "2020/one.json")}
    content = {"study": finished.STUDY, "maps_sha256": sha256(copy / "maps/maps.json"), "files": files}
    write_sealed(folder / report, content)
    shelf = Shelf.of(layout)
    assert {f"/{name}/2020/one.json", f"/{name}/{report}"} <= set(shelf.items)
    write_sealed(folder / report, {**content, "maps_sha256": "of others"})
    assert not any(address.startswith(f"/{name}/") for address in Shelf.of(layout).items)
    assert f"is not served; run again: water-gee {name}" in capsys.readouterr().err
    write_sealed(folder / report, {**content, "bodies_sha256": "of others"})
    assert not any(address.startswith(f"/{name}/") for address in Shelf.of(layout).items)
    assert "is of other water bodies than those that are there" in capsys.readouterr().err
    write_sealed(folder / report, {**content, "files": {"2020/one.json": "0" * 64}})
    with pytest.raises(WaterGeeError, match=f"run again: water-gee {name}"):
        Shelf.of(layout)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("maps/2020/water.tif", "run again: water-gee predict"),
        ("maps/maps.json", "run again: water-gee predict"),
        ("reports/index.html", "run again: water-gee evaluate"),
        ("reports/details.json", "run again: water-gee evaluate"),
    ],
)
def test_a_damaged_file_is_found_before_anything_is_served(copy, name, told) -> None:
    (copy / name).write_bytes((copy / name).read_bytes().replace(b"1", b"2") + b" ")
    with pytest.raises(WaterGeeError, match=told):
        Shelf.of(Layout(copy, finished.STUDY))


def test_a_style_that_was_changed_in_qgis_is_served_as_it_is(copy) -> None:
    (copy / "maps/2020/water.qml").write_text("<qgis/>", encoding="utf-8")
    (copy / "maps/change.qml").unlink()
    shelf = Shelf.of(Layout(copy, finished.STUDY))
    assert shelf.items["/maps/2020/water.qml"].sha256 == sha256(copy / "maps/2020/water.qml")
    assert "/maps/change.qml" not in shelf.items and WATER in shelf.items


def test_another_studys_page_is_refused_and_a_missing_one_named(root, tmp_path) -> None:
    with pytest.raises(WaterGeeError, match="is of the study tiny and not of other"):
        Shelf.of(Layout(root, "other"))
    with pytest.raises(WaterGeeError, match="run first: water-gee evaluate"):
        Shelf.of(Layout(tmp_path, finished.STUDY))


def test_the_command_serves_until_it_is_interrupted(root, config_dir) -> None:
    source = Path(__file__).parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1"}
    environment.pop("DISPLAY", None)
    command = ["serve", "study=tiny", "--config-dir", str(config_dir), f"paths.root={root}"]
    started = subprocess.Popen(
        [sys.executable, "-m", "water_gee", *command], env=environment, cwd=source.parent, stderr=subprocess.PIPE,
        text=True, encoding="utf-8",
    )  # fmt: skip
    said = []
    for line in started.stderr:
        said.append(line.strip())
        if line.startswith("Ctrl-C"):
            break
    assert said[1:] == [f"for QGIS and others: {said[0]}maps/2020/water.tif", "Ctrl-C ends it"]
    with socket.create_connection(("127.0.0.1", urlsplit(said[0]).port), timeout=180) as open_one:
        open_one.sendall(f"GET / HTTP/1.1\r\nHost: {urlsplit(said[0]).netloc}\r\n\r\n".encode())
        assert open_one.recv(12) == b"HTTP/1.1 200"
        started.send_signal(signal.SIGINT)
        assert started.stderr.read() == "ended\n"
    assert started.wait(timeout=180) == 0
