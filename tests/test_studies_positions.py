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
    ranks, _ = positions.agreement(below, above, images, head)
    assert ranks["HiResCAM"] == pytest.approx([1, 1, 1])
    assert max(ranks["Grad-CAM"]) < 0.9


def test_without_the_features_of_black_nothing_is_where_no_ink_is(network, images):
    images[:, 4:] = 0
    network.layers[1].bias.assign([1.0, 0.5, 2.0])  # so that black has features
    below, above = positions.split_at(network, "relu1")
    ranks, shares = positions.agreement(below, above, images, head=1)
    assert ranks["HiResCAM, black subtracted"] == pytest.approx([1, 1, 1])
    assert shares["HiResCAM, black subtracted"] == [0, 0, 0]
    assert min(shares["HiResCAM"]) > 0
    assert shares["uniform"] == pytest.approx([2 / 6] * 3)  # 4 of 6 rows see ink


def test_a_map_without_positive_values_has_no_share():
    ink = np.eye(2, dtype=bool)
    assert positions.without_ink(-np.ones((2, 2)), ink) == 0
    assert positions.without_ink(np.array([[3, 1], [-5, 2]]), ink) == pytest.approx(
        1 / 6
    )


def test_an_answer_that_some_images_raise():
    beside = np.zeros((3, 2, 2), bool)
    beside[0] = True
    share = np.array([0.2, 0.3, 0.4])
    found = positions.answer(np.array([1, 3, 5]), 2, share, share / 2, beside)
    assert (found["raised"], found["images"], found["black"]) == (2, 3, 2)
    assert found["uniform"] == pytest.approx(1 / 3)
    assert found["half"] == pytest.approx(4.303 * 0.1 / 3**0.5, rel=1e-3)
