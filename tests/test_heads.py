"""The four heads: their labels, their predictions, and what is refused."""

import dataclasses
import math

import keras
import numpy as np
import pytest
from keras import layers

from coursework.data import lines
from coursework.training import heads


def test_targets_are_those_of_the_file_names(few_lines):
    """Red, short and thin are 0; the angle counts in steps of 15°."""
    index = np.flatnonzero(
        few_lines.classes == lines.classes_of([1, 0, 3, 1])  # long thin blue 45°
    )[:1]
    targets = heads.targets(few_lines, index)
    assert list(targets) == ["length", "width", "color", "angle"]
    assert [targets[name].tolist() for name in heads.BINARY] == [[[1]], [[0]], [[1]]]
    assert targets["angle"].tolist() == [np.eye(12)[3].tolist()]
    assert all(target.dtype == np.float32 for target in targets.values())


def make_outputs(count=50):
    random = np.random.default_rng(0)
    outputs = [random.random((count, 1), np.float32) for _ in heads.BINARY]
    angle = random.random((count, 12), np.float32)
    return [*outputs, angle / angle.sum(axis=1, keepdims=True)]


def test_a_class_is_right_where_all_heads_are():
    outputs = make_outputs()
    classes = heads.class_probabilities(outputs)
    assert classes.shape == (50, 96)
    assert classes.sum(axis=1) == pytest.approx(1, abs=1e-5)
    length, width, color, angle = outputs
    said = np.stack(
        [
            length[:, 0] > 0.5,
            width[:, 0] > 0.5,
            angle.argmax(axis=1),
            color[:, 0] > 0.5,
        ],
        axis=1,
    )
    assert (classes.argmax(axis=1) == lines.classes_of(said.astype(int))).all()
    first = 1 - length[0, 0], width[0, 0], angle[0, 7], 1 - color[0, 0]
    assert classes[0, lines.classes_of([0, 1, 7, 0])] == pytest.approx(np.prod(first))


def test_heads_and_a_single_output_are_compared_alike():
    outputs = make_outputs()
    for name, levels in heads.predicted(outputs).items():
        flat = heads.predicted(heads.class_probabilities(outputs))
        assert (levels == flat[name]).all()


# --- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:, [0, 1, 3, 2]], "the column of color holds 2; expected"),
        (lambda a: a[:, [1, 0, 2, 3]], "the attributes are not those of the classes"),
        (
            lambda a: a[:, :3],
            r"have shape \(\d+, 3\); expected \(N, 4\): length, width",
        ),
        (lambda a: a[:, 0], r"have shape \(\d+,\); expected \(N, 4\)"),
        (lambda a: a + 0.5, "the column of length holds 0.5; expected"),
        (lambda a: a.astype(int) - 1, "the column of length holds -1; expected"),
    ],
)
def test_labels_in_another_order_or_shape(change, message, few_lines):
    wrong = dataclasses.replace(few_lines, attributes=change(few_lines.attributes))
    with pytest.raises(ValueError, match=message):
        heads.targets(wrong, np.arange(480))


def test_images_without_attributes(few_lines):
    class Digits:
        name, images, classes = "digits", few_lines.images, few_lines.classes

    with pytest.raises(ValueError, match="the dataset digits has no attributes"):
        heads.targets(Digits, np.arange(480))


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"length": 1, "breadth": 1}, "heads are length, breadth; expected length, w"),
        (heads.UNITS | {"length": 2}, r"length gives \(None, 2\); expected \(N, 1\)"),
    ],
)
def test_a_network_with_other_heads(units, message):
    image = keras.Input((4,))
    outputs = [layers.Dense(count, name=name)(image) for name, count in units.items()]
    with pytest.raises(ValueError, match=message):
        heads.are_on(keras.Model(image, outputs))


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda outputs: outputs[:3], "a list of 4 arrays, length, .*; received 3"),
        (lambda outputs: outputs[3], "received 50 in a ndarray"),
        (lambda outputs: outputs[::-1], r"head length gives \(50, 12\)"),
    ],
)
def test_outputs_that_are_not_those_of_the_heads(choose, message):
    with pytest.raises(ValueError, match=message):
        heads.probabilities(choose(make_outputs()))


def test_loss_weights_are_by_head():
    weights = heads.loss_weights((5, 2, 1, 50))
    assert weights == {"length": 5.0, "width": 2.0, "color": 1.0, "angle": 50.0}


@pytest.mark.parametrize(
    "values",
    [(1, 1, 1), (1, 1, 1, -1), (1, 1, 1, math.nan), (1, 1, 1, math.inf), "5211"],
)
def test_loss_weights_that_are_none(values):
    with pytest.raises(ValueError, match="expected 4 numbers from 0, for length, wid"):
        heads.loss_weights(values)
