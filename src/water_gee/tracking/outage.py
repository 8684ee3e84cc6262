"""A team's server that goes away while a run trains: the training goes on, and ends well.

Curves wait until the server is back; what is lost at the end is said. The run's folder has all of it, and the next
command that trains or promotes below that root brings the run up to date in MLflow (`dead_runs`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from water_gee.paths import TRACKING, team_server
from water_gee.progress import say
from water_gee.tracking.team import is_server, shown

_PAUSE = 30.0  # seconds until a server that is away is asked again
# Whose errors are the server's, or of the store to which it sends artifacts.
_CLIENTS = ("mlflow", "requests", "urllib3", "boto3", "botocore", "azure", "google", "paramiko")


class Outage:
    """What of a run could not be logged. Of a root's own database nothing is excused: there the disk is at fault."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self._waiting: list[Callable[[], None]] = []
        self._again = 0.0  # when the server is asked again

    def log(self, step: Callable[[], None]) -> None:
        """Log something now, or where the server is away, with a later call."""
        self._waiting.append(step)
        if time.monotonic() >= self._again:
            self._catch_up()

    def end(self) -> None:
        """Log all that waits, once more."""
        if self._waiting and not self._catch_up():
            self.lost.append("curves")

    @contextmanager
    def excuses(self, what: str) -> Iterator[None]:
        """Let the block end where the server is away, and keep what is lost."""
        try:
            yield
        except Exception as error:
            if not _is_away(error):
                raise
            self.lost.append(what)

    def tell(self, folder: object) -> None:
        """Say what MLflow lacks, if anything."""
        if self.lost:
            say(
                f"{TRACKING}={shown(team_server())} was away; it lacks: {', '.join(self.lost)}. The run is whole, in "
                f"{folder}; once the server is back, water-gee promote or the next training logs what is there"
            )

    def _catch_up(self) -> bool:
        try:
            while self._waiting:
                self._waiting[0]()
                del self._waiting[0]
        except Exception as error:
            if not _is_away(error):
                raise
            if not self._again:
                say(f"{TRACKING}={shown(team_server())} does not answer; the training goes on, its curves wait")
            self._again = time.monotonic() + _PAUSE
            return False
        if self._again:
            say(f"{TRACKING}={shown(team_server())} answers again")
            self._again = 0.0
        return True


def _is_away(error: Exception) -> bool:
    return is_server(team_server()) and type(error).__module__.partition(".")[0] in _CLIENTS
