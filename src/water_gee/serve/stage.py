"""The command `serve`: the page and the maps at full resolution, until Ctrl-C."""

import signal
from types import FrameType
from typing import NoReturn

from water_gee.config.settings import Settings
from water_gee.paths import Layout
from water_gee.progress import say, show_page
from water_gee.report import changed_files
from water_gee.serve.server import Server
from water_gee.serve.shelf import Shelf


def run(settings: Settings) -> None:
    """Check every file once, tell the page's address and serve it to this machine.

    Raises:
        WaterGeeError: there is no page, or a file is not the one that its report names.
        ConfigError: the port cannot be had.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        layout = Layout.of(settings)
        shelf = Shelf.of(layout)
        for sentence in changed_files(settings, layout):
            say(sentence)
        server = Server(shelf, settings.serve.port)
        try:
            show_page(server.url)
            maps = [address for address in shelf.items if address.endswith("/water.tif")]
            if maps:
                say(f"for QGIS and others: {server.url.rstrip('/')}{max(maps)}")
            say("Ctrl-C ends it")
            server.wait()
        finally:
            server.close()
    except KeyboardInterrupt:
        say("ended")
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
