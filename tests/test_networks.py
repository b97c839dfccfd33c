"""The networks against the brief."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework.training import heads, networks


@pytest.mark.parametrize("build", [networks.small_cnn, networks.four_head_cnn])
def test_raw_pixels_go_in_and_are_scaled_inside(build, few_lines):
    network = build()
    scaled = keras.Model(network.inputs, network.get_layer("scale").output)
    assert scaled.predict(few_lines.images[:5], verbose=0).max() == pytest.approx(1)


@pytest.mark.parametrize("filters", [(8, 16), (24, 32, 48), (8, 8, 8, 8)])
def test_small_cnn_has_the_convolutions_asked_for(filters):
    network = networks.small_cnn((28, 28, 1), 10, filters=filters, kernel_size=5)
    assert network.output_shape == (None, 10)
    convolutions = [x for x in network.layers if isinstance(x, layers.Conv2D)]
    assert tuple(x.filters for x in convolutions) == filters
    assert {x.kernel_size for x in convolutions} == {(5, 5)}
    last = network.get_layer("flatten").input.shape
    assert last[1] == 28 // 2 ** min(len(filters), 3)
    momenta = {x.momentum for x in network.layers if hasattr(x, "momentum")}
    assert momenta == {0.9}


def test_small_cnn_halves_by_stride_where_asked():
    network = networks.small_cnn(pooling=False)
    assert not any(isinstance(x, layers.MaxPooling2D) for x in network.layers)
    assert network.get_layer("conv3").output.shape[1:3] == (4, 4)  # 28, 14, 7, 4


def test_small_cnn_regularizes_where_asked():
    network = networks.small_cnn(dropout=0.3, l2=1e-4, norm=False)
    kinds = {type(x) for x in network.layers}
    assert network.get_layer("dropout").rate == 0.3
    assert layers.BatchNormalization not in kinds
    for name in ("conv1", "conv2", "conv3", "dense1"):
        layer = network.get_layer(name)
        assert layer.kernel_regularizer.l2 == pytest.approx(1e-4)
        assert layer.use_bias  # nothing else shifts


@pytest.mark.parametrize("outputs", networks.OUTPUTS[:2])
def test_four_heads_are_as_the_brief_directs(outputs, few_lines):
    """Section 2.2: neurons, activation and loss at the end of each head."""
    network = networks.four_head_cnn(outputs=outputs)
    assert network.output_names == ["length", "width", "color", "angle"]
    losses = heads.make_losses()
    for name, units, activation, loss in (
        ("length", 1, "sigmoid", keras.losses.BinaryCrossentropy),
        ("width", 1, "sigmoid", keras.losses.BinaryCrossentropy),
        ("color", 1, "sigmoid", keras.losses.BinaryCrossentropy),
        ("angle", 12, "softmax", keras.losses.CategoricalCrossentropy),
    ):
        layer = network.get_layer(name)
        assert isinstance(layer, layers.Dense)
        assert layer.units == units
        assert layer.activation.__name__ == activation
        assert type(losses[name]) is loss
    outputs = network.predict(few_lines.images[:5], verbose=0)
    assert [output.shape for output in outputs] == [(5, 1), (5, 1), (5, 1), (5, 12)]


def test_all_heads_stand_on_one_feature_network():
    network = networks.four_head_cnn()
    features = network.get_layer("flatten").output
    for name in heads.NAMES:
        assert network.get_layer(f"{name}_dense").input is features
    shared = networks.four_head_cnn(outputs=networks.OUTPUTS[1])
    inputs = {id(shared.get_layer(name).input) for name in heads.NAMES}
    assert inputs == {id(shared.get_layer("shared_relu").output)}


def test_the_heads_train_end_to_end():
    """The loss of every head reaches the first convolution."""
    network = networks.four_head_cnn()
    kernel = network.get_layer("conv1").kernel
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3))
    for index, units in enumerate(heads.UNITS.values()):
        with tf.GradientTape() as tape:
            output = network(images, training=True)[index]
            loss = tf.reduce_mean(output[:, units - 1])
        assert np.abs(tape.gradient(loss, kernel.value)).max() > 0


def test_one_output_has_the_size_of_the_four_heads():
    four, shared, one = (
        networks.four_head_cnn(outputs=outputs) for outputs in networks.OUTPUTS
    )
    assert one.output_shape == (None, 96)
    assert shared.get_layer("shared_dense").units == one.get_layer("shared_dense").units
    assert four.count_params() == pytest.approx(shared.count_params(), rel=0.1)


def test_unknown_outputs():
    with pytest.raises(ValueError, match="outputs is 'two heads'; known: four heads"):
        networks.four_head_cnn(outputs="two heads")


def test_team5_four_head_cnn_has_the_parameters_that_its_authors_report():
    network = networks.team5_four_head_cnn()
    assert network.count_params() == 10_259_255
    assert sum(int(np.prod(w.shape)) for w in network.non_trainable_weights) == 4_176
    assert network.output_names == list(heads.NAMES)
    assert network.get_layer("pool1").strides == (1, 1)
