"""Each line of `check` says what is so, and what to do where it is not good."""

from dataclasses import replace

import ee
import numpy as np
import pytest

from eelocal.errors import bad_request
from eelocal.evaluator import functions_neighborhood
from local_earth import earth_at
from water_gee.deploy.check import run
from water_gee.deploy.probe import ASSUMED, Probe, probe
from water_gee.earth import connect
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.sealed import read_sealed


def lines(capsys) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]


def test_a_good_account_gets_a_line_each(settings, eelocal_url, tmp_path, capsys) -> None:
    choice = settings(f"earth.url={eelocal_url}")
    run(choice)
    said = lines(capsys)
    names = [line.removeprefix("ok ").split(": ")[0] for line in said]
    assert names == [
        "credentials", "project", "LANDSAT/LC08/C02/T1_L2", "COPERNICUS/DEM/GLO30", "answers", "tasks", "probe",
    ]  # fmt: skip
    assert all(line.startswith("ok ") for line in said) and " ms a small request" in said[4]
    (known,) = read_sealed(tmp_path / "deploy" / "probes.json", "")["accounts"].values()
    assert {key: known[key] for key in ASSUMED.as_dict()} == ASSUMED.as_dict()
    assert "EECU" not in " ".join(said)


def test_what_is_not_good_is_named_and_the_rest_is_looked_at(settings, server, capsys) -> None:
    choice = settings(f"earth.url={server.url}", "sensor=landsat89")
    server.faults.add("any=quota")
    with pytest.raises(EarthError, match=r"^2 of 9 checks failed: LANDSAT/LC09/C02/T1_L2, computation; do what"):
        run(choice)
    said = [line for line in lines(capsys) if line.startswith("FAIL")]
    assert "ask for it, or choose another sensor or dem" in said[0] and "its monthly quota is used up" in said[1]
    server.faults.clear()
    server.faults.add("operations=403:Permission denied.")
    with pytest.raises(EarthError, match="2 of 8 checks failed: LANDSAT/LC09/C02/T1_L2, tasks"):
        run(choice)


def test_without_an_account_nothing_else_is_checked(settings, monkeypatch, capsys) -> None:
    def refused(*_, **__):
        raise ee.EEException("Please authorize access to your Earth Engine account by running earthengine authenticate")

    monkeypatch.setattr(ee, "Initialize", refused)
    with pytest.raises(EarthError, match="1 of 1 checks failed: credentials and project"):
        run(settings("earth=cloud", "earth.project=mine"))
    assert "run: earthengine authenticate; nothing else could be checked" in lines(capsys)[0]


@pytest.fixture
def probed(eelocal_url, tmp_path):
    """A function that probes an eelocal some of whose operations are others."""

    def ask() -> Probe:
        with connect(earth_at(eelocal_url), Layout(tmp_path)) as session:
            return probe(session)

    return ask


def test_the_probe_tells_what_the_service_does(probed, monkeypatch) -> None:
    assert probed() == ASSUMED and ASSUMED.differences() == [] and ASSUMED.wrong(None) == ""
    whole = functions_neighborhood._convolved

    def turned(node, kernel):
        size = np.array(kernel.weights.shape) - 1
        column, row = (int(last) - place for last, place in zip(size[::-1], (kernel.x, kernel.y), strict=True))
        return whole(node, replace(kernel, weights=kernel.weights[::-1, ::-1], x=column, y=row))

    monkeypatch.setattr(functions_neighborhood, "_convolved", turned)
    found = probed()
    assert found.direction == "turned" and found.focus == "turned" and found.masked_neighbour == "masked"
    assert found.wrong(None) == "" and found.wrong({"flip": True}) == ""
    assert "export/ was written for another direction of convolve" in found.wrong({"flip": False})
    assert "direction is turned and not as written" in found.differences()


def test_masked_neighbours_that_are_skipped_are_told(probed, monkeypatch) -> None:
    def skipping(node, kernel):
        return functions_neighborhood._reduced(node, kernel, functions_neighborhood.REDUCERS["sum"], 0, False, True)

    monkeypatch.setattr(functions_neighborhood, "_convolved", skipping)
    found = probed()
    assert (found.masked_neighbour, found.masked_centre, found.edge) == ("skipped", "filled", "skipped")
    assert found.direction == "as written" and found.wrong(None) == ""
    assert "edge is skipped and not masked" in found.differences()


def test_a_service_that_lacks_an_operation_says_so(probed, monkeypatch) -> None:
    def refused(*_):
        raise bad_request("No such operation here.")

    monkeypatch.setattr(functions_neighborhood, "_stacked", refused)
    with pytest.raises(EarthError, match="No such operation here"):
        probed()
