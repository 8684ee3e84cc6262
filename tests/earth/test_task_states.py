"""A task is waited for until it has ended, whichever way it ends, and each new state is told once."""

import ee
import pytest

from water_gee.earth import watch
from water_gee.earth.fetch import Retry
from water_gee.earth.session import Session
from water_gee.errors import EarthError


@pytest.fixture
def service(monkeypatch):
    """A function that sets the states that the service reports, one a question, and the reason with the last."""

    def reports(*states: str, reason: str | None = None) -> None:
        answers = [{"state": state} for state in states]
        answers[-1] |= {"error_message": reason} if reason else {}
        left = iter(answers)
        monkeypatch.setattr(ee.data, "getTaskStatus", lambda task: [next(left)])

    return reports


def watched() -> list[str]:
    told: list[str] = []
    watch(Session("cloud", "mine", Retry(1, 0)), "T1", seconds=0, told=told.append)
    return told


def test_a_task_that_completes_is_told_state_by_state(service) -> None:
    service("READY", "READY", "RUNNING", "RUNNING", "COMPLETED")
    assert watched() == ["READY", "RUNNING", "COMPLETED"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_task_that_ends_otherwise_is_an_error_with_its_reason(service, state) -> None:
    service("RUNNING", "CANCEL_REQUESTED", state, reason="out of\n memory")
    with pytest.raises(EarthError, match=rf"^export task T1 is {state.lower()}: out of memory$"):
        watched()
    service(state)
    with pytest.raises(EarthError, match="no reason given"):
        watched()
