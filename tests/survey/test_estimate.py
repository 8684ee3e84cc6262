"""The estimators against published worked examples, against each other, and where there is hardly a point."""

import warnings

import numpy as np
import pytest

from water_gee.errors import WaterGeeError
from water_gee.survey import Estimates, estimate

# Olofsson et al. 2014, table 8: deforestation, forest gain, stable forest, stable non-forest; pixels of 30 m.
TABLE_8 = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED = (200_000, 150_000, 3_200_000, 6_450_000)
HECTARES = [pixels * 0.09 for pixels in MAPPED]
# Olofsson et al. 2013, example 1, tables 3 and 4: hectares of deforestation, forest, non-forest.
EXAMPLE_1 = np.array([[97, 0, 3], [3, 279, 18], [2, 1, 97]])
# Stehman 2014, tables 1 and 2: of ten points a stratum A to D, what the map says and what is true.
MAP = "AAAAAAABBB ABBBBBBBBB BBCCCCCCBB DDDDDDDDDD".replace(" ", "")
TRUTH = "AAAAACBABC ABBBBBAABB CCCCCDDBBA DDDDDDDCCB".replace(" ", "")


def strata_are_classes(matrix: np.ndarray) -> np.ndarray:
    """Return an error matrix [map, truth] as counts [stratum, map, truth]."""
    counts = np.zeros((len(matrix), *matrix.shape), dtype=int)
    for number, row in enumerate(matrix):
        counts[number, number] = row
    return counts


def stehman() -> np.ndarray:
    counts = np.zeros((4, 4, 4), dtype=int)
    for number, (one, other) in enumerate(zip(MAP, TRUTH, strict=True)):
        counts[number // 10, "ABCD".index(one), "ABCD".index(other)] += 1
    return counts


@pytest.fixture(scope="module")
def table_8() -> Estimates:
    return estimate(strata_are_classes(TABLE_8), HECTARES)


def printed(values, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def test_olofsson_2014_accuracies_to_their_printed_digits(table_8) -> None:
    assert printed(table_8.users.value) == [0.88, 0.73, 0.93, 0.96]
    assert printed(table_8.users.margin) == [0.07, 0.10, 0.04, 0.02]
    assert printed(table_8.producers.value) == [0.75, 0.85, 0.93, 0.96]
    assert printed([table_8.overall.value, table_8.overall.margin]) == [0.95, 0.02]


def test_olofsson_2014_areas_to_their_printed_digits(table_8) -> None:
    """Section 5.2.2: 235,086 pixels, which are 21,158 ha, and so on."""
    assert printed(table_8.area.value, 0) == [21_158, 11_686, 285_770, 581_386]
    assert printed(table_8.area.margin, 0) == [6_158, 3_756, 15_510, 16_282]
    pixels = estimate(strata_are_classes(TABLE_8), MAPPED).area
    assert printed([pixels.value[0], pixels.margin[0]], 0) == [235_086, 68_418]
    # Table 9, the shares of the ground in each cell.
    assert printed(table_8.cells[0], 4) == [0.0176, 0, 0.0013, 0.0011]
    assert printed(np.diagonal(table_8.cells), 4) == [0.0176, 0.0110, 0.2967, 0.6212]
    assert printed(table_8.share.value, 4) == [0.0235, 0.0130, 0.3175, 0.6460]


def test_olofsson_2014_margins_of_producers_accuracy(table_8) -> None:
    """The paper prints .21, .23, .03 and .01. The first and third follow from its equation 7, the others do not."""
    assert printed(table_8.producers.margin) == [0.21, 0.25, 0.03, 0.02]
    points, total = TABLE_8.sum(axis=1), np.array(HECTARES)
    share = TABLE_8 / points[:, None]
    spread = share * (1 - share) / (points - 1)[:, None]
    for number in range(4):  # equation 7 as it stands
        area = (total * share[:, number]).sum()
        right = table_8.producers.value[number]
        others = np.arange(4) != number
        own = (total[number] * (1 - right)) ** 2 * spread[number, number]
        rest = right**2 * (total[others] ** 2 * spread[others, number]).sum()
        assert table_8.producers.error[number] == pytest.approx(np.sqrt(own + rest) / area, rel=1e-12)


def test_olofsson_2013_first_example() -> None:
    """The paper rounds its shares before it adds them: it prints 45,651 ha, which is .026 of the whole."""
    found = estimate(strata_are_classes(EXAMPLE_1), [22_353, 1_122_543, 610_228])
    assert printed([found.share.value[0]], 3) == [0.026]
    assert printed([found.area.error[0]], 0) == [10_751]
    assert printed([found.share.error[0]], 5) == [0.00613]
    assert printed([found.producers.value[0]]) == [0.48] and printed([found.users.value[0]]) == [0.97]
    assert printed([found.overall.value], 3) == [0.944]
    assert found.area.value[0] == pytest.approx(45_112.4, abs=0.1)


def test_stehman_2014_where_strata_are_not_the_classes() -> None:
    found = estimate(stehman(), [40_000, 30_000, 20_000, 10_000])
    assert printed(found.share.value) == [0.35, 0.34, 0.20, 0.11]
    assert printed(found.share.error[[0, 2]], 3) == [0.082, 0.064]
    assert printed([found.overall.value, found.overall.error], 3) == [0.63, 0.085]
    assert printed([found.users.value[1], found.users.error[1]], 3) == [0.574, 0.125]
    assert printed([found.producers.value[1]], 3) == [0.794]
    assert printed([found.cells[1, 2]], 2) == [0.08]


def test_the_linear_part_of_every_measure_is_its_slope() -> None:
    """Standard errors by the delta method, with the slopes found by moving each cell a little."""
    counts, sizes = stehman(), np.array([4.0, 3.0, 2.0, 1.0])
    found, parts = estimate(counts, sizes), counts / 10
    shares = sizes / sizes.sum()

    def measures(cells: np.ndarray) -> np.ndarray:
        right, mapped, true = np.diagonal(cells), cells.sum(1), cells.sum(0)
        chance = (mapped * true).sum() / cells.sum() ** 2
        iou = right / (mapped + true - right)
        kappa = (right.sum() / cells.sum() - chance) / (1 - chance)
        return np.array([right[1] / mapped[1], right[1] / true[1], iou[1], 2 * right[1] / (mapped + true)[1], kappa])

    cells = found.cells
    slopes = np.zeros((5, 4, 4))
    for row, column in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[row, column] = 1e-6
        slopes[:, row, column] = (measures(cells + step) - measures(cells - step)) / 2e-6
    mean = np.einsum("hij,kij->kh", parts, slopes)
    square = np.einsum("hij,kij->kh", parts, slopes**2)
    by_hand = np.sqrt(((square - mean**2) * shares**2 / 9).sum(axis=1))
    of_class = [one.error[1] for one in (found.users, found.producers, found.iou, found.f1)]
    assert [*of_class, found.kappa.error] == pytest.approx(by_hand, rel=1e-5)
    value = [one.value[1] for one in (found.users, found.producers, found.iou, found.f1)]
    assert [*value, found.kappa.value] == pytest.approx(measures(cells))


def test_strata_that_split_classes_give_the_same_values_as_their_union() -> None:
    """Splitting a stratum of one map class into two of equal composition changes no value."""
    whole = estimate(strata_are_classes(np.array([[90, 10], [4, 96]])), [100.0, 900.0])
    halves = strata_are_classes(np.array([[90, 10], [4, 96]]))[[0, 0, 1]] // np.array([2, 2, 1])[:, None, None]
    split = estimate(halves, [40.0, 60.0, 900.0])
    for name in ("overall", "users", "producers", "share", "iou", "f1", "kappa"):
        np.testing.assert_allclose(getattr(split, name).value, getattr(whole, name).value)


def test_many_samples_at_once_are_the_same_as_one_by_one() -> None:
    counts = np.random.default_rng(0).multinomial(20, np.full(4, 0.25), size=(7, 3)).reshape(7, 3, 2, 2)
    together = estimate(counts, [5, 3, 2])
    for number, one in enumerate(counts):
        alone = estimate(one, [5, 3, 2])
        for name in ("overall", "users", "producers", "share", "iou", "f1", "kappa"):
            for part in ("value", "error", "low", "high"):
                np.testing.assert_allclose(
                    getattr(getattr(together, name), part)[number], getattr(getattr(alone, name), part)
                )


def test_no_error_found_is_no_certainty() -> None:
    found = estimate(strata_are_classes(np.array([[50, 0], [0, 50]])), [100.0, 900.0])
    assert found.overall.value == 1 and found.overall.error == 0
    assert 0.90 < found.overall.low < 0.97 and found.overall.high == 1
    assert (found.users.low < 0.95).all() and (found.producers.low < 0.99).all()
    assert found.share.low[0] < 0.1 < found.share.high[0]
    assert (found.users.low < found.users.value).all()


def test_a_class_that_the_map_or_the_truth_does_not_have() -> None:
    counts = strata_are_classes(np.array([[40, 10, 0], [5, 95, 0], [0, 0, 0]]))[:2]
    found = estimate(counts, [10.0, 90.0])
    assert np.isnan(found.users.value[2]) and np.isnan(found.producers.value[2]) and np.isnan(found.iou.value[2])
    assert found.share.value[2] == 0 and found.share.low[2] == 0 and found.share.high[2] > 0.01
    assert np.isfinite(found.overall.value) and np.isfinite(found.kappa.value)
    alone = estimate(np.array([[[0, 0], [0, 50]]]), [1.0])
    assert np.isnan(alone.kappa.value), "all agree by chance alone"


def test_a_stratum_that_was_drawn_whole_adds_nothing_to_the_error() -> None:
    counts = strata_are_classes(np.array([[30, 10], [5, 95]]))
    part, whole = estimate(counts, [40, 9e5], [2_000, 900_000]), estimate(counts, [40, 9e5], [40, 900_000])
    assert part.users.error[0] > 0 == whole.users.error[0]
    assert estimate(counts, [40, 9e5]).users.error[0] == part.users.error[0], "2 % of it is as good as none"


def test_a_stratum_with_one_point_or_no_area_is_refused() -> None:
    with pytest.raises(WaterGeeError, match="stratum 2 of the sample has fewer than 2 labelled points"):
        estimate(strata_are_classes(np.array([[30, 10], [0, 1]])), [1, 1])
    with pytest.raises(WaterGeeError, match="no area"):
        estimate(strata_are_classes(np.array([[30, 10], [0, 9]])), [1, 0])
    with pytest.raises(ValueError, match="are not"):
        estimate(np.ones((2, 2, 3)), [1, 1])


def test_where_every_pixel_was_drawn_nothing_is_left_to_chance() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate([[[5, 1], [0, 0]], [[0, 0], [0, 4]]], [6.0, 4.0], [6, 4])
    assert [float(one) for one in (found.overall.value, found.overall.low, found.overall.high)] == [0.9] * 3
