"""How a run ends is known in its folder and in MLflow, whichever end that is."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from traceback import clear_frames

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from water_gee.runs import FAILED, FINISHED, KILLED, RunRecord, file_hashes, write_record
from water_gee.surroundings import from_outside
from water_gee.tracking.outage import Outage
from water_gee.tracking.run_log import GIVEN_UP_TAG


class GivenUp(Exception):
    """A search gives the run up after an epoch, counted from 1; raised by `on_epoch`."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"given up after epoch {epoch}")
        self.epoch = epoch


class Finish:
    """Takes the seconds of a job that reached its end."""

    seconds = 0.0

    def __call__(self, seconds: float) -> None:
        """Take them."""
        self.seconds = seconds


@contextmanager
def run_to_its_end(client: MlflowClient, folder: Path, record: RunRecord, outage: Outage) -> Iterator[Finish]:
    """Write the record of a run and its end, in its folder and in MLflow: no run is left running.

    A team's server that is away at the end costs nothing but what it is to be told.
    """
    finish = Finish()

    def keep(status: str, error: str = "", given_up: int = 0) -> None:
        files = file_hashes(folder) if status == FINISHED else {}
        ended = replace(record, status=status, error=error, given_up=given_up, seconds=finish.seconds, files=files)
        write_record(folder, ended)

    def tell(status: str, error: str = "", given_up: int = 0) -> None:
        if error:
            client.set_tag(record.run_id, "error", error[:500])
        if given_up:
            client.set_tag(record.run_id, GIVEN_UP_TAG, str(given_up))
        client.set_terminated(record.run_id, status)

    def give_up(status: str, error: str = "", given_up: int = 0) -> None:
        for step in (keep, tell):
            with suppress(OSError, MlflowException):  # as far as a full disk lets it; why it ended is what matters
                step(status, error, given_up)

    # The folder first: where only it knows the end, `_finished` tells MLflow.
    try:
        write_record(folder, record)
        yield finish
        keep(FINISHED)
    except GivenUp as told:
        give_up(KILLED, given_up=told.epoch)
        raise
    except Exception as error:
        outside = from_outside(error)
        if outside:
            _let_go(error)
        give_up(FAILED, f"{type(error).__name__}: {outside or ' '.join(str(error).split())}")
        raise
    except BaseException:  # interrupted or told to end
        give_up(KILLED)
        raise
    with outage.excuses("its end"):
        tell(FINISHED)
    outage.tell(folder)


def _let_go(error: BaseException | None) -> None:
    """Free the tiles that a failed training holds on the disk, which may be full of them."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()  # Lightning's objects know each other
