"""Gradient ascent finds what a filter was made to look for."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import networks, visualize

RANDOM = np.random.default_rng(0)
SIZE = 5


def make_model(kernels, biases, *, separate_relu=False, pool=True):
    """One convolution with given kernels on 16×16 grey pixels 0…255."""
    image = keras.Input((16, 16, 1))
    x = layers.Rescaling(1 / 255)(image)
    activation = None if separate_relu else "relu"
    convolution = layers.Conv2D(len(biases), SIZE, activation=activation, name="conv1")
    x = convolution(x)
    x = layers.ReLU(name="relu1")(x) if separate_relu else x
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="out")(x))
    convolution.set_weights([kernels, biases])
    return model


@pytest.fixture(scope="module")
def kernels():
    random = RANDOM.normal(size=(SIZE, SIZE, 1, 4)).astype(np.float32)
    return random - random.mean(axis=(0, 1))  # neither bright nor dark


@pytest.fixture(scope="module")
def model(kernels):
    """Awake, asleep on a grey image, hopeless, and awake."""
    return make_model(kernels, np.array([1, -0.5, -1e6, 1], np.float32))


def middle_of(image):
    return image[6:11, 6:11, 0]  # what the middle unit of 12×12 sees


@pytest.mark.parametrize("jitter", [0, 2])
@pytest.mark.parametrize(
    ("separate", "layer"), [(False, "conv1"), (True, "conv1"), (True, "relu1")]
)
def test_the_middle_unit_wants_its_own_kernel(kernels, separate, layer, jitter):
    model = make_model(kernels, np.zeros(4, np.float32), separate_relu=separate)
    found = visualize.filters(model, layer, objective="centre", steps=60, jitter=jitter)
    for index in range(4):
        kernel = kernels[..., 0, index]
        same = np.corrcoef(middle_of(found.images[index]).ravel(), kernel.ravel())[0, 1]
        assert same > 0.95
    assert (found.after > found.before).all()


def test_sleeping_filters_are_woken_and_hopeless_ones_are_dead(model):
    found = visualize.filters(model, "conv1")
    assert found.objectives[0] == found.objectives[3] == "channel"
    assert found.objectives[1] == "centre"
    assert found.statuses[2] == "dead"  # at its best it still does not fire
    assert found.layer == "conv1"
    assert found.units.tolist() == [0, 1, 2, 3]
    alone = visualize.filters(model, "conv1", objective="channel")
    assert alone.statuses[1] == alone.statuses[2] == "dead"
    start = alone.images[2]
    assert start.std() < 0.02 * 255  # left as it was: a blank image with a little noise


def test_a_filter_without_weights_is_dead(kernels):
    dead = kernels.copy()
    dead[..., 1] = 0
    found = visualize.filters(make_model(dead, np.ones(4, np.float32)), "conv1")
    assert found.statuses[1] == "dead"
    assert found.statuses[0] != "dead"


def test_most_pixels_at_an_end_is_saturated(kernels):
    bright = np.abs(kernels)
    found = visualize.filters(make_model(bright, np.zeros(4, np.float32)), "conv1")
    assert found.statuses == ["saturated"] * 4


def test_images_stay_in_the_pixel_range_and_the_score_is_that_of_the_image(model):
    found = visualize.filters(model, "conv1", objective="channel", rate=0.2)
    assert found.images.min() >= 0
    assert found.images.max() <= 255
    responses = visualize.activations(model, found.images, ["conv1"])["conv1"]
    own = responses[np.arange(4), :, :, np.arange(4)].mean(axis=(1, 2))
    assert found.after == pytest.approx(own, rel=1e-4, abs=1e-6)


def test_each_filter_climbs_for_itself(model):
    """A filter's image does not depend on which others are climbed for."""
    together = visualize.filters(model, "conv1", steps=20)
    alone = visualize.filters(model, "conv1", units=3, steps=20)
    assert alone.units.tolist() == [3]
    assert alone.images[0] == pytest.approx(together.images[3], abs=0.5)


def test_a_seed_repeats(model):
    options = {"steps": 10, "jitter": 2}
    first, second, other = (
        visualize.filters(model, "conv1", seed=seed, **options).images
        for seed in (1, 1, 2)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_total_variation_makes_images_smoother_and_l2_keeps_them_blank(model):
    free, smooth, near = (
        visualize.filters(model, "conv1", units=[0, 3], **options).images
        for options in ({}, {"total_variation": 1.0}, {"l2": 10.0})
    )
    assert np.abs(np.diff(smooth, axis=1)).sum() < np.abs(np.diff(free, axis=1)).sum()
    assert np.abs(near - 127.5).mean() < np.abs(free - 127.5).mean()


def test_units_of_a_dense_layer(model):
    found = visualize.filters(model, "out", steps=20)
    assert found.images.shape == (2, 16, 16, 1)
    assert found.objectives == ["unit", "unit"]
    assert (found.after > found.before).all()
    dense = model.get_layer("out")
    pooled = keras.Model(model.inputs, dense.input).predict(found.images, verbose=0)
    logits = pooled @ dense.kernel.numpy() + dense.bias.numpy()
    assert found.after == pytest.approx(np.diag(logits), rel=1e-4)


def test_kernels_are_shown_where_the_layer_reads_the_image():
    tuned = networks.tuned_cnn()
    first = visualize.filters(tuned, "conv1", steps=1)
    assert first.kernels.shape == (16, 5, 5, 3)
    kernel = tuned.get_layer("conv1").kernel.numpy()
    assert (first.kernels[7] == kernel[..., 7]).all()
    assert visualize.filters(tuned, "conv2", steps=1).kernels is None


@pytest.mark.parametrize("layer", ["conv3", "norm2", "relu3", "pool1", "dense1"])
def test_any_layer_of_a_network_can_be_climbed(layer):
    keras.utils.set_random_seed(0)
    found = visualize.filters(networks.tuned_cnn(), layer, steps=5)
    assert np.isfinite(found.images).all()
    rises = found.after > found.before
    assert (rises | (np.array(found.statuses) == "dead")).all()
    assert rises.any()


def test_progress_is_told_for_each_portion():
    told = []
    model = networks.tuned_cnn(units=100)
    visualize.filters(model, "dense1", steps=1, progress=lambda *n: told.append(n))
    assert told == [(50, 100), (100, 100)]


def test_units_of_any_kind_of_integer(model):
    for dtype in (np.uint8, np.int32, np.int64):
        units = np.array([3, 0], dtype)
        found = visualize.filters(model, "conv1", units, steps=1, pixels=[0, 255])
        assert found.units.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "conv9"}, "no layer named 'conv9'"),
        ({"layer": "conv1", "units": [4]}, r"units are \[4\]; conv1 has 0…3"),
        ({"layer": "conv1", "units": 1.5}, "units are 1.5"),
        (
            {"layer": "conv1", "objective": "mean"},
            "no objective 'mean'; known: channel",
        ),
        (
            {"layer": "conv1", "steps": 0},
            "steps is 0; expected a whole number, at least 1",
        ),
        ({"layer": "conv1", "steps": 1.5}, "steps is 1.5; expected a whole number"),
        ({"layer": "conv1", "jitter": -1}, "jitter is -1; expected a whole number"),
        ({"layer": "conv1", "l2": -1}, "l2 is -1; expected at least 0"),
        ({"layer": "conv1", "rate": np.inf}, "rate is inf; expected more than 0"),
        ({"layer": "conv1", "rate": -1}, "rate is -1; expected more than 0"),
        (
            {"layer": "conv1", "pixels": (1, 0)},
            r"pixels are \(1.0, 0.0\); expected the low",
        ),
    ],
)
def test_what_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        visualize.filters(model, **options)


def test_an_unknown_setting_is_a_type_error(model):
    with pytest.raises(TypeError, match="speed"):
        visualize.filters(model, "conv1", speed=3)
