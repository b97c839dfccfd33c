"""Scores against cases that can be counted by hand."""

import json

import numpy as np
import pytest

from coursework.data import lines
from coursework.training import metrics


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


def test_the_interval_of_a_share_holds_near_its_ends():
    """Wilson (1927), by the formula."""
    assert metrics.wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert metrics.wilson(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert metrics.wilson(100, 100) == pytest.approx((0.9630, 1), abs=1e-4)


class TestHeads:
    """Six lines; two are wrong in length, one of these in its angle as well."""

    @pytest.fixture
    def attributes(self):
        return lines.attributes_of(np.array([0, 20, 40, 60, 80, 95]))

    @pytest.fixture
    def outputs(self, attributes):
        said = attributes.astype(int)
        said[[1, 3], 0] = 1 - said[[1, 3], 0]
        said[3, 2] = (said[3, 2] + 11) % 12
        length, width, angle, color = said.T
        outputs = [0.6 * values[:, None] + 0.2 for values in (length, width, color)]
        outputs.append(0.5 * np.eye(12)[angle] + 0.5 / 12)
        return outputs

    @pytest.fixture
    def result(self, attributes, outputs):
        return metrics.evaluate_heads(attributes, outputs)

    def test_an_image_counts_once_however_many_heads_are_wrong(self, result):
        assert result.errors == 2
        assert result.wrong.tolist() == [1, 3]
        assert result.accuracy == pytest.approx(4 / 6)
        errors = {name: head.errors for name, head in result.heads.items()}
        assert errors == {"length": 2, "width": 0, "color": 0, "angle": 1}

    def test_the_accuracies_alone_are_the_same(self, attributes, outputs):
        assert metrics.head_accuracies(attributes, outputs) == pytest.approx(
            {"length": 4 / 6, "width": 1, "color": 1, "angle": 5 / 6, "joint": 4 / 6}
        )

    def test_mean_and_product_of_the_heads_are_something_else(self, result):
        assert result.mean_of_heads == pytest.approx((4 / 6 + 1 + 1 + 5 / 6) / 4)
        assert result.product_of_heads == pytest.approx(4 / 6 * 5 / 6)

    def test_the_implied_classes_are_those_of_the_answers(self, result, attributes):
        said = lines.classes_of(attributes)
        assert result.confusion.sum() == 6
        rows, columns = np.nonzero(result.confusion)
        moved = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if i != j}
        assert list(moved) == said[[1, 3]].tolist()
        assert moved[20] == 20 + 48
        folded = metrics.fold(result.confusion, lines.LEVELS)
        for name, confusion in zip(lines.ATTRIBUTES, folded, strict=True):
            assert (result.heads[name].confusion == confusion).all()

    def test_the_angle_s_error_goes_around_the_circle(self, result):
        assert result.angle_errors.tolist() == [0, 0, 0, 15, 0, 0]
        errors = metrics.angle_errors([0, 11, 0, 3], [11, 0, 6, 10])
        assert errors.tolist() == [15, 15, 90, 75]

    def test_its_record_is_plain_json(self, result):
        record = json.loads(json.dumps(result.as_record()))
        assert record["joint_errors"] == record["errors"] == 2
        assert record["angle_error_degrees"] == {"mean": 2.5, "max": 15}
        assert record["heads"]["length"]["confusion"] == [[2, 1], [1, 2]]
