"""Maps against the experiment that removes one position."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework.studies import positions


@pytest.fixture
def network():
    """Two heads behind one convolution; what is behind its ReLU is linear."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 3, activation="relu", name="relu1")(image)
    x = layers.Flatten()(x)
    one = layers.Dense(1, activation="sigmoid", name="one")(x)
    many = layers.Dense(4, activation="softmax", name="many")(x)
    return keras.Model(image, [one, many])


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype(np.float32)


def test_the_two_parts_give_the_scores_of_the_whole(network, images):
    one, many = network.predict(images, verbose=0)
    below, above = positions.split_at(network, "relu1")
    scores = above.predict(below.predict(images, verbose=0), verbose=0)
    given = keras.ops.sigmoid(scores[0]), keras.ops.softmax(scores[1])
    assert given[0].numpy() == pytest.approx(one, abs=1e-6)
    assert given[1].numpy() == pytest.approx(many, abs=1e-6)


def test_the_fall_is_that_of_replacing_one_position_after_the_other(network, images):
    below, above = positions.split_at(network, "relu1")
    features = below.predict(images[:1], verbose=0)[0]
    black = below.predict(np.zeros_like(images[:1]), verbose=0)[0]
    fall = positions.fall_of_score(above, features, black, head=1, target=2)
    before = above(features[None])[1][0, 2]
    for row, column in np.ndindex(fall.shape):
        changed = features.copy()
        changed[row, column] = black[row, column]
        after = above(changed[None])[1][0, 2]
        assert fall[row, column] == pytest.approx(float(before - after), abs=1e-5)


@pytest.mark.parametrize("head", [0, 1])
def test_hires_cam_is_the_contribution_where_all_behind_is_linear(
    network, images, head
):
    below, above = positions.split_at(network, "relu1")  # black is 0 behind it: no bias
    found = positions.agreement(below, above, images, head)
    assert found["HiResCAM"] == pytest.approx([1, 1, 1])
    assert max(found["Grad-CAM"]) < 0.9
