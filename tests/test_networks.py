"""The networks against the brief."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import networks


@pytest.fixture(scope="module")
def plain():
    return networks.plain_cnn()


def test_plain_cnn_is_the_list_of_the_brief(plain):
    """Section 1.2.1, items 1 to 6; scaling before them, a softmax layer after them."""
    kinds = [type(layer) for layer in plain.layers]
    assert kinds == [
        *(layers.InputLayer, layers.Rescaling),
        *(layers.Conv2D, layers.ReLU, layers.BatchNormalization, layers.MaxPooling2D),
        *(layers.Flatten, layers.Dense, layers.ReLU),
        layers.Dense,
    ]
    convolution = plain.get_layer("conv1")
    assert convolution.kernel_size == (7, 7)
    assert convolution.filters == 32
    assert convolution.strides == (1, 1)
    assert convolution.padding == "valid"
    assert plain.get_layer("pool1").pool_size == (2, 2)
    assert plain.get_layer("pool1").strides == (2, 2)
    assert plain.get_layer("dense1").units == 1024
    assert plain.get_layer("class").activation is keras.activations.softmax
    for name in ("conv1", "dense1"):
        assert plain.get_layer(name).activation is keras.activations.linear


def test_parameters_of_plain_cnn(plain):
    digits = networks.plain_cnn((28, 28, 1), 10)
    assert digits.count_params() == 3_977_930
    assert sum(int(np.prod(w.shape)) for w in digits.non_trainable_weights) == 64
    assert plain.count_params() == 4_069_216


def test_raw_pixels_go_in_and_probabilities_come_out(plain, few_lines):
    probabilities = plain.predict(few_lines.images[:5], verbose=0)
    assert probabilities.shape == (5, 96)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    scaled = keras.Model(plain.inputs, plain.get_layer("scale").output)
    assert scaled.predict(few_lines.images[:5], verbose=0).max() == pytest.approx(1)
