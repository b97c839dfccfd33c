"""Orientation tuning, on responses whose index is known."""

import numpy as np
import pytest

from coursework.data import lines
from coursework.studies import activations
from coursework.training import networks

ANGLES = np.radians(lines.ANGLES)


def test_the_index_is_0_for_equal_and_1_for_a_single_angle():
    one = np.eye(12)[3]
    cosine = 1 + np.cos(2 * (ANGLES - ANGLES[4]))
    by_angle = np.stack([one, np.ones(12), cosine, np.zeros(12), 7 * one])
    expected = [1, 0, 0.5, 0, 1]
    assert activations.orientation_index(by_angle) == pytest.approx(expected, abs=1e-6)


def test_0_and_165_degrees_are_neighbors():
    near, far = np.zeros((2, 12))
    near[[0, 11]] = far[[0, 6]] = 1
    found = activations.orientation_index(np.stack([near, far]))
    assert found == pytest.approx([np.cos(np.radians(15)), 0], abs=1e-6)


def test_what_a_filter_gives_on_an_empty_image_is_no_response():
    """With a background of 10 a sharply tuned filter would seem to take all angles."""
    angles = np.repeat(np.arange(12), 2)
    active = np.stack([angles == 3, 0 * angles, -1 * (angles == 6)], axis=-1)
    activation = 10.0 + active[:, None, None, :]
    found = activations.responses(activation, np.full((1, 1, 3), 10.0), angles)
    assert found.shape == (3, 12)
    assert found[0].tolist() == np.eye(12)[3].tolist()
    assert (found[1:] == 0).all()


def test_trained_filters_are_beside_untrained_ones(few_lines):
    model = networks.small_cnn()
    angles = few_lines.attributes[:, 2]
    found = activations.tunings({"n": model}, few_lines.images, angles, seeds=(1, 2))
    filters = model.get_layer("relu1").output.shape[-1]
    assert len(found["n"]["trained"]) == filters
    assert len(found["n"]["untrained"]) == 2 * filters
    assert 0 <= found["n"]["p"] <= 1
    again = activations.tunings({"n": model}, few_lines.images, angles, seeds=(1, 2))
    assert again == found


def test_the_first_image_of_each_class(few_lines):
    indices = np.arange(1, len(few_lines.images))
    found = activations.first_of(few_lines, indices, [5, 0])
    for image, label in zip(found, [5, 0], strict=True):
        first = next(k for k in indices if few_lines.classes[k] == label)
        assert (image == few_lines.images[first]).all()
