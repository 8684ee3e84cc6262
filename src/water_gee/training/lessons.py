"""What each pixel teaches: its label, the teacher's probability of water, or both."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise import ABSTAIN


class Lessons(NamedTuple):
    """What pixels teach; all arrays have one shape."""

    classes: NDArray[np.uint8]  # 1 water, 0 other, 255 no part in the loss: by these the classes are balanced
    target: NDArray[np.float32]  # the probability of water that the network is to answer
    weight: NDArray[np.float32]  # in the loss, before the classes are balanced


def classes(labels: NDArray[np.uint8], teacher: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """Return each pixel's label, and where there is none the class that the teacher finds the more probable.

    Args:
        labels: 1 water, 0 other, 255 no label.
        teacher: its probability of water, NaN where it has none; None without a teacher.
    """
    if teacher is None:
        return labels
    likely = np.where(np.isnan(teacher), ABSTAIN, teacher >= 0.5)
    return np.where(labels == ABSTAIN, likely, labels).astype(np.uint8)


def mixed(
    labels: NDArray[np.uint8],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
    teacher: NDArray[np.float32],
    share: float,
) -> Lessons:
    """Return what label and teacher teach together; an unlabelled pixel has the teacher's part alone.

    (1 - share) of the cross-entropy with the label plus share of the cross-entropy with the teacher's probability
    (Hinton, Vinyals and Dean, 2015, at temperature 1). The cross-entropy is linear in its target, so the sum is one
    cross-entropy: with the mean of both targets, by the sum of both weights.

    Args:
        labels: 1 water, 0 other, 255 no label.
        target: the probability of water by the label.
        weight: of a pixel's label.
        teacher: its calibrated probability of water, NaN where it has none.
        share: of the teacher, above 0 and up to 1.
    """
    heard = ~np.isnan(teacher)
    by_label = np.where(labels == ABSTAIN, 0, (1 - share) * weight)
    by_teacher = np.where(heard, share, 0)
    total = by_label + by_teacher
    both = by_label * target + by_teacher * np.where(heard, teacher, 0)
    answer = np.divide(both, total, out=np.zeros_like(total), where=total > 0)
    return Lessons(classes(labels, teacher), answer.astype(np.float32), total.astype(np.float32))
