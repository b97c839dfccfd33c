"""Accuracy, F-scores and confusion, computed by scikit-learn."""

import dataclasses
import math
import statistics
import typing

import numpy as np
from scipy import stats
from sklearn import metrics

from coursework.data import lines
from coursework.training import heads


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

    def as_record(self):
        """What a record keeps of it, apart from the confusion."""
        return {
            "accuracy": self.accuracy,
            "errors": self.errors,
            "macro_f1": self.macro_f1,
            "f1": self.f1.round(6).tolist(),
        }


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


@dataclasses.dataclass(frozen=True)
class HeadsEvaluation:
    """How the four heads compare with the truth, together and each alone.

    Attributes:
        joint: ``Evaluation`` of the 96 classes that the heads imply: an image is right
            where all four heads are.
        heads: dict, name → ``Evaluation`` of that head.
        angle_errors: (N,) integers, degrees from the true to the predicted angle, 0…90;
            165° and 0° are 15° apart.
    """

    joint: Evaluation
    heads: dict
    angle_errors: np.ndarray

    # What is said of a network as a whole is said of all four heads together.
    accuracy = property(lambda self: self.joint.accuracy)
    errors = property(lambda self: self.joint.errors)
    macro_f1 = property(lambda self: self.joint.macro_f1)
    confusion = property(lambda self: self.joint.confusion)
    wrong = property(lambda self: self.joint.wrong)

    @property
    def mean_of_heads(self):
        """Mean of the heads' accuracies: not below the joint accuracy."""
        return statistics.mean(head.accuracy for head in self.heads.values())

    @property
    def product_of_heads(self):
        """The joint accuracy, were the heads' errors independent."""
        return math.prod(head.accuracy for head in self.heads.values())

    def as_record(self):
        """What a record keeps of it, apart from the confusion of the classes."""
        return {
            **self.joint.as_record(),
            "joint_accuracy": self.accuracy,
            "joint_errors": self.errors,
            "mean_of_heads": self.mean_of_heads,
            "product_of_heads": self.product_of_heads,
            "angle_error_degrees": {
                "mean": float(self.angle_errors.mean()),
                "max": int(self.angle_errors.max()),
            },
            "heads": {
                name: head.as_record() | {"confusion": head.confusion.tolist()}
                for name, head in self.heads.items()
            },
        }


def evaluate_heads(attributes, outputs):
    """Compare what four heads say with the true attributes.

    Args:
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.
        outputs: what ``predict`` returns: a list in the order of ``heads.NAMES``.

    Returns:
        A ``HeadsEvaluation``.

    Raises:
        ValueError: the attributes are not such an array.
    """
    truth = heads.levels_of(attributes)
    shares = heads.probabilities(outputs)
    return HeadsEvaluation(
        joint=evaluate(
            lines.classes_of(attributes), heads.class_probabilities(outputs)
        ),
        heads={name: evaluate(truth[name], shares[name]) for name in heads.NAMES},
        angle_errors=angle_errors(truth["angle"], shares["angle"].argmax(axis=1)),
    )


def head_accuracies(attributes, outputs):
    """Share of images on which each attribute is right, and all four, "joint".

    Args:
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.
        outputs: what ``predict`` returns, of a network with heads or of one with a
            single output for the 96 classes.

    Returns:
        dict of floats, 0…1: the ``heads.NAMES``, then "joint".
    """
    truth, levels = heads.levels_of(attributes), heads.predicted(outputs)
    right = np.array([levels[name] == truth[name] for name in heads.NAMES])
    shares = dict(zip(heads.NAMES, right.mean(axis=1).tolist(), strict=True))
    return shares | {"joint": float(right.all(axis=0).mean())}


def angle_errors(truth, predicted):
    """Degrees between angles that are given as levels, (N,) integers 0…11.

    A line has no direction: 165° and 0° are neighbours, and 90° is the largest error.
    """
    steps = np.abs(np.asarray(truth, int) - predicted)
    steps = np.minimum(steps, len(lines.ANGLES) - steps)
    return steps * (lines.ANGLES[1] - lines.ANGLES[0])


def worst_confusions(confusion, count=10):
    """The most frequent errors.

    Args:
        confusion: (C, C) integers, true class by predicted class.
        count: int, how many at most; None for all.

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


def wilson(count, images, confidence=0.95):
    """Wilson's interval of a share (1927), which holds near 0 and 1, too.

    Args:
        count: int, images with some property.
        images: int, all images; of none, the share can be anything.
        confidence: float, 0…1.

    Returns:
        (low, high), 0…1.
    """
    if not images:
        return 0.0, 1.0
    interval = stats.binomtest(int(count), int(images)).proportion_ci(
        confidence, method="wilson"
    )
    return float(interval.low), float(interval.high)


class McNemar(typing.NamedTuple):
    """A paired comparison of two networks on the same images.

    Attributes:
        only_first: int, images that the first alone gets wrong.
        only_second: int, images that the second alone gets wrong.
        p: float, probability of a difference at least as large if both networks were
            equally good (exact, two-sided).
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first_wrong, second_wrong):
    """McNemar's test (1947), exact: images that both get right or wrong say nothing.

    Args:
        first_wrong, second_wrong: the images that each network gets wrong, as numbers
            that name the same image for both.

    Returns:
        A ``McNemar``.
    """
    first, second = set(map(int, first_wrong)), set(map(int, second_wrong))
    only_first, only_second = len(first - second), len(second - first)
    differing = only_first + only_second
    p = stats.binomtest(only_first, differing).pvalue if differing else 1.0
    return McNemar(only_first, only_second, float(p))
