"""A stand-in for a service that computes in no time and answers after a latency: what remains is the client's work."""

import asyncio
import io
import json
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from water_gee.earth.checksum import CHECK, weights

LATENCY = 0.3  # seconds from a request's last byte to its answer's first
_MIND = {"json": "application/json", "pixels": "application/octet-stream"}


@contextmanager
def replaying(bands: tuple[str, ...], side: int, latency: float = LATENCY) -> Iterator[str]:
    """Serve an image of `side` pixels a side from a process of its own; yield the address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, bands, side, latency), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(pipe: Any, bands: tuple[str, ...], side: int, latency: float) -> None:
    asyncio.run(_Replay(bands, side, latency).serve(pipe))


class _Replay:
    def __init__(self, bands: tuple[str, ...], side: int, latency: float) -> None:
        self._bands, self._side, self._latency = bands, side, latency
        self._thumbnails: dict[str, Any] = {}

    async def serve(self, pipe: Any) -> None:
        """Listen on a free port of this machine and say which."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=128)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                length = 0
                while (header := await reader.readline()).strip():
                    name, _, value = header.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                content = await reader.readexactly(length)
                due = asyncio.get_running_loop().time() + self._latency
                kind, body = self._answer(method, path, content)
                if kind == "pixels" or method == "POST":
                    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {_MIND[kind]}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode())
                writer.write(body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, content: bytes) -> tuple[str, bytes]:
        """Return the kind and the bytes of an answer; a request for pixels is searched and not parsed."""
        if "$discovery" in path:
            return "json", _shipped("cloud_api_discovery_document.json")
        if path.split("?")[0].endswith("/algorithms"):
            return "json", _shipped("algorithms.json")
        if "value:compute" in path:
            return "json", json.dumps({"result": self._described()}).encode()
        if "image:computePixels" in path:
            width, height = (int(re.search(rb'"%s": ?(\d+)' % name, content)[1]) for name in (b"width", b"height"))
            one = CHECK.encode() not in content
            return "pixels", recorded(width, height, ("B1",) if one else self._bands, not one)
        if method == "POST" and path.split("?")[0].endswith("/thumbnails"):
            name = f"projects/local/thumbnails/{len(self._thumbnails)}"
            self._thumbnails[name] = json.loads(content)
            return "json", json.dumps({"name": name}).encode()
        if found := re.search(r"(projects/local/thumbnails/\d+):getPixels", path):
            return "pixels", self._geotiff(self._thumbnails.pop(found[1]))
        raise ValueError(f"the recording holds no answer to {method} {path}")

    def _described(self) -> dict[str, Any]:
        """Return what `getInfo` tells of the image."""
        band = {
            "data_type": {"type": "PixelType", "precision": "float"}, "dimensions": [self._side, self._side],
            "crs": "EPSG:32648", "crs_transform": [30, 0, 600_000, 0, -30, 5_800_000],
        }  # fmt: skip
        return {"type": "Image", "bands": [{"id": name, **band} for name in self._bands], "properties": {}}

    def _geotiff(self, request: dict[str, Any]) -> bytes:
        """Return the file of a window, which `getDownloadURL` hides in the expression."""
        text = json.dumps(request["expression"])
        _, _, width, height = json.loads(re.search(r'"coordinates": {"constantValue": (\[.*?\])}', text)[1])
        start, end = (int(re.search(f'"{name}": {{"constantValue": (\\d+)', text)[1]) for name in ("start", "end"))
        return geotiff(round(width), round(height), self._bands[: end - start])


@cache
def _shipped(name: str) -> bytes:
    """Return one of the answers that the client's wheel ships for its own tests."""
    return files("ee").joinpath("tests", name).read_bytes().replace(b"v1alpha", b"v1")


@cache
def _values(width: int, height: int, bands: int) -> Any:
    """Return noisy pixels [y, x, band] within what every band can be, rough enough to compress as imagery does."""
    smooth = np.linspace(0.05, 0.3, height)[:, None, None] + np.linspace(0, 0.2, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 0.02, (height, width, bands))
    return np.clip(smooth + noise, 0.01, 0.99).astype(np.float32)


@cache
def recorded(width: int, height: int, bands: tuple[str, ...], check: bool) -> bytes:
    """Return the NPY answer for a window of so many pixels."""
    values = _values(width, height, len(bands))
    pixels = np.zeros((height, width), [*((band, "<f4") for band in bands), *([(CHECK, "<f8")] if check else [])])
    for number, band in enumerate(bands):
        pixels[band] = values[..., number]
    if check:
        pixels[CHECK] = sum(
            pixels[band].astype(float) * weight for band, weight in zip(bands, weights(len(bands)), strict=True)
        )
    file = io.BytesIO()
    np.save(file, pixels)
    return file.getvalue()


@cache
def geotiff(width: int, height: int, bands: tuple[str, ...]) -> bytes:
    """Return the GeoTIFF answer for a window, uncompressed."""
    values = np.moveaxis(_values(width, height, len(bands)), -1, 0)
    profile = {"driver": "GTiff", "count": len(bands), "height": height, "width": width, "dtype": "float32"}
    with MemoryFile() as memory:
        with memory.open(**profile, crs="EPSG:32648", transform=rasterio.Affine(30, 0, 0, 0, -30, 0)) as file:
            file.write(values)
        return bytes(memory.getbuffer())
