"""No proxy stands before an MLflow on this machine."""

import runpy
import urllib.request

import pytest
import requests.utils

from water_gee.tracking import environment


@pytest.mark.parametrize(
    "known", [{}, {"no_proxy": "inside.org"}, {"NO_PROXY": "inside.org, localhost"}, {"no_proxy": "*"}]
)
def test_what_the_user_set_holds_and_this_machine_is_added(monkeypatch, known):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, known.get(name, ""))
    runpy.run_path(environment.__file__)
    direct = {"127.0.0.1": True, "localhost": True, "elsewhere.org": "*" in known.values(), "inside.org": bool(known)}
    for host, expected in direct.items():
        assert (not requests.utils.get_environ_proxies(f"http://{host}:5000")) is expected
        assert bool(urllib.request.proxy_bypass(f"{host}:5000")) is expected
