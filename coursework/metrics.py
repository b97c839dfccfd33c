"""Accuracy, F-scores and confusion, computed by scikit-learn."""

import typing

import numpy as np
from sklearn import metrics


class Evaluation(typing.NamedTuple):
    """How predictions compare with the truth.

    Attributes:
        accuracy: share of images that are right, 0…1.
        errors: number of images that are wrong.
        macro_f1: mean of the classes' F-scores, 0…1.
        f1: (C,) float64, F-score of each class, 0…1.
        confusion: (C, C) int64, images by true (row) and predicted class (column).
        wrong: (errors,) int64, positions of the wrong images.
    """

    accuracy: float
    errors: int
    macro_f1: float
    f1: np.ndarray
    confusion: np.ndarray
    wrong: np.ndarray


def evaluate(truth, probabilities):
    """Compare predicted probabilities with true classes.

    Args:
        truth: (N,) integers, 0…C−1.
        probabilities: (N, C) floats; the largest of a row is the prediction.

    Returns:
        An ``Evaluation``.
    """
    predicted = probabilities.argmax(axis=1)
    labels = np.arange(probabilities.shape[1])
    f1 = metrics.f1_score(
        truth, predicted, labels=labels, average=None, zero_division=0
    )
    wrong = np.flatnonzero(predicted != truth)
    return Evaluation(
        accuracy=float(metrics.accuracy_score(truth, predicted)),
        errors=len(wrong),
        macro_f1=float(f1.mean()),
        f1=f1,
        confusion=metrics.confusion_matrix(truth, predicted, labels=labels),
        wrong=wrong,
    )


def worst_confusions(confusion, count=10):
    """The most frequent errors.

    Args:
        confusion: (C, C) integers, true class by predicted class.
        count: int, how many at most.

    Returns:
        List of (true class, predicted class, images), the most frequent first.
    """
    errors = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    cells = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [(int(i), int(j), int(errors[i, j])) for i, j in cells if errors[i, j]]


def fold(confusion, levels):
    """Confusion of each attribute that a class is made of.

    Args:
        confusion: (C, C) integers, true class by predicted class.
        levels: numbers of levels of the attributes, slowest first, with product C.

    Returns:
        List of (L, L) arrays, one for each attribute: true level by predicted level.
    """
    table = confusion.reshape(*levels, *levels)
    count = len(levels)
    return [
        table.sum(axis=tuple(k for k in range(2 * count) if k % count != attribute))
        for attribute in range(count)
    ]
