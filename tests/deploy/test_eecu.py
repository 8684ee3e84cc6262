"""Compute is what the service says, or not known: no figure is made up."""

import ee
import pytest

from memory_catalog import client
from water_gee.deploy.eecu import UNKNOWN, eecu_seconds, estimate, profiled
from water_gee.earth import Retry, Session

PROFILE = """\
 EECU·s PeakMem Count  Description
  0.720     47k    44  (plumbing)
  1.500    124k    14  Algorithm Image.neighborhoodToArray
      -     59k    12  Loading assets: LANDSAT/LC08/C02/T1_L2
   2e-2      5k     1  Algorithm (user-defined function)
"""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (PROFILE, 2.24),
        (PROFILE.replace("EECU·s", "EECU-s"), 2.24),
        ("", None),
        (" EECU·s PeakMem Count  Description\n", None),
        (PROFILE.replace("1.500", "1,500"), None),
        (PROFILE + "  much     1k     1  Algorithm Image.add\n", None),
        ("Compute: 5 s", None),
    ],
)
def test_a_profile_is_summed_or_not_understood(text, seconds) -> None:
    assert eecu_seconds(text) == (None if seconds is None else pytest.approx(seconds))


def test_an_area_is_held_against_the_monthly_quotas() -> None:
    assert estimate(None, 10**9) == UNKNOWN
    said = estimate(2e-3, 600_000_000)
    assert said.startswith("some 333 EECU-hours by the profile of the verified sample")
    assert "Community 150 h: 2.2 months" in said and "Contributor 1,000 h: 33%" in said
    assert "Partner 100,000 h: 0%" in said


class Answering(Session):
    """A session whose service answers every question with one value."""

    def value(self, expression):
        return PROFILE


def test_requests_within_the_block_are_profiled(monkeypatch) -> None:
    with client():
        session = Answering("cloud", "mine", Retry(1, 0))
        with profiled(session) as found:
            assert ee.data._thread_locals.profile_hook is not None
            ee.data._thread_locals.profile_hook("profile-1")
        assert found.ids == ["profile-1"] and found.seconds == pytest.approx(2.24)
        assert ee.data._thread_locals.profile_hook is None
        with profiled(session) as found:
            pass
        assert found.seconds is None, "no profile came, so none is asked for"
