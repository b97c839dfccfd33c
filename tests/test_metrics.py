"""Scores against cases that can be counted by hand."""

import numpy as np
import pytest

from coursework import metrics


def test_evaluate():
    truth = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 1, 0])
    result = metrics.evaluate(truth, np.eye(4)[predicted])
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.errors == 2
    assert result.wrong.tolist() == [2, 5]
    # Precision and recall: 2/3 and 2/3; 2/3 and 1; 0; a class that never occurs.
    assert result.f1 == pytest.approx([2 / 3, 0.8, 0, 0])
    assert result.macro_f1 == pytest.approx((2 / 3 + 0.8) / 4)
    expected = [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert result.confusion.tolist() == expected


def test_worst_confusions():
    confusion = np.array([[90, 3, 0], [1, 80, 7], [0, 0, 70]])
    assert metrics.worst_confusions(confusion, 2) == [(1, 2, 7), (0, 1, 3)]
    assert metrics.worst_confusions(confusion) == [(1, 2, 7), (0, 1, 3), (1, 0, 1)]
    assert metrics.worst_confusions(np.eye(3, dtype=int)) == []


def test_fold_counts_each_attribute_alone():
    levels = (2, 3)
    truth = np.array([0, 1, 2, 3, 4, 5, 5])
    predicted = np.array([0, 1, 5, 3, 1, 5, 4])
    confusion = metrics.evaluate(truth, np.eye(6)[predicted]).confusion
    first, second = metrics.fold(confusion, levels)
    assert first.tolist() == [[2, 1], [1, 3]]
    assert second.tolist() == [[2, 0, 0], [0, 2, 0], [0, 1, 2]]


def test_mcnemar_counts_what_only_one_gets_wrong():
    test = metrics.mcnemar([1, 2, 3, 9], np.array([3, 4]))
    assert (test.only_first, test.only_second) == (3, 1)
    assert test.p == pytest.approx(2 * (1 + 4) / 2**4)  # C(4,0) + C(4,1) of 16


def test_mcnemar_of_the_same_errors_is_no_difference():
    assert metrics.mcnemar([1, 2], [2, 1]) == (0, 0, 1.0)


def test_mcnemar_finds_a_clear_difference():
    assert metrics.mcnemar(range(20), [0]).p == pytest.approx(2 * 0.5**19)
