"""The numbers behind the views of a window are those of a known generator."""

import numpy as np

from water_gee.training.augmentation import _numbers

BITS = 2**64 - 1


def splitmix64(seed: int, count: int) -> list[int]:
    """Return the first numbers of SplitMix64, after Steele, Lea and Flood (2014)."""
    found = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & BITS
        mixed = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & BITS
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & BITS
        found.append(mixed ^ (mixed >> 31))
    return found


def test_the_generator_of_this_test_gives_the_published_numbers() -> None:
    assert splitmix64(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_number_of_a_place_is_that_many_steps_from_the_keys_start() -> None:
    for key in ((0, 0, 2, 0), (5, 1, 2, 2)):
        start = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
        assert _numbers(key, np.array([0, 1, 2, 499])).tolist() == [
            *splitmix64(start, 3), splitmix64(start, 500)[-1]
        ]  # fmt: skip
