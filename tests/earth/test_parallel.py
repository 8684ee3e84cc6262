"""Work done several requests at once."""

import threading
import time

import pytest

from water_gee.earth import in_parallel


def test_work_is_done_at_once_and_yielded_as_it_is_done():
    together = threading.Barrier(3, timeout=180)

    def work(number: int) -> int:
        if number < 3:
            together.wait()
        return number * number

    assert sorted(in_parallel(work, range(8), 3)) == [n * n for n in range(8)]
    assert list(in_parallel(work, [], 3)) == []


def test_an_error_of_the_work_is_raised_and_stops_it():
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01)
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        list(in_parallel(work, range(1000), 2))
    time.sleep(0.1)
    assert len(begun) < 20
