"""What the notebook on filters measures, on images and networks that are made so."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import visualize
from coursework.data import lines
from coursework.studies import filters
from coursework.training import heads, networks

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(0)
    return networks.small_cnn()


@pytest.fixture(scope="module")
def four_heads():
    keras.utils.set_random_seed(0)
    return networks.four_head_cnn()


def test_stages_lead_from_convolutions_to_their_relu(tuned, plain_cnn):
    expected = {"conv1": "relu1", "conv2": "relu2", "conv3": "relu3"}
    assert filters.stages(tuned) == expected
    assert filters.stages(plain_cnn) == {"conv1": "relu1"}


def test_no_weight_is_beyond_the_limit_before_the_training(tuned):
    for layer in ("conv1", "conv2"):
        weights = filters.kernels(tuned, layer)
        limit, largest = filters.largest_weights(weights)
        assert largest.shape == (weights.shape[-1],)
        assert (largest <= limit).all()
        assert (largest > 0.9 * limit).all()


def test_the_best_image_of_a_linear_unit_agrees_with_it_in_full():
    weights = RANDOM.normal(size=(4, 7, 7, 3))
    images = np.full((4, 28, 28, 3), 50.0)  # what lies outside the field is no matter
    images[:, 11:18, 11:18] = 255 * (
        weights > 0
    )  # the middle of 22×22 units is the 11th
    assert filters.agreement(images, weights, [0, 2]) == pytest.approx((1, 1))
    images[:, 11:18, 11:18, 0] = 0
    alike, reached = filters.agreement(images, weights, [0, 2])
    assert 0.6 < alike < 0.9
    assert 0.3 < reached < 0.7
    assert filters.agreement(images, weights, [1]) == pytest.approx((1, 1))


@pytest.mark.parametrize(
    ("layer", "size"), [("relu1", 4), ("relu2", 10), ("relu3", 22)]
)
def test_the_field_counts_pooling(tuned, layer, size):
    assert filters.field(tuned, layer, np.zeros((28, 28, 3))) == size


def test_where_a_unit_does_not_look_is_grey(tuned):
    """Changing all that is grey changes nothing at the place, the rest does."""
    image = RANDOM.uniform(0, 255, (28, 28, 3)).astype(np.float32)
    grid = visualize.receptive_fields(tuned, "relu2")
    place = (1, 5)
    shown = filters.in_field(np.zeros_like(image), grid, place)
    outside = (shown > 0).all(axis=2)
    others = np.where(outside[..., None], 255 - image, image)
    inside = np.where(outside[..., None], image, 255 - image)
    given = visualize.activations(tuned, [image, others, inside], "norm2")["norm2"]
    first, other, changed = given[:, *place]
    assert other == pytest.approx(first, abs=1e-5)
    assert np.abs(changed - first).max() > 0.01


def test_the_most_exciting_image_of_each_filter(tuned):
    images = RANDOM.uniform(0, 255, (5, 28, 28, 3)).astype(np.float32)
    given = visualize.activations(tuned, images, "relu3")["relu3"].max(axis=(1, 2))
    shown = filters.most_exciting(tuned, "relu3", images, [3, 7])
    assert shown.shape == (2, 28, 28, 3)
    for unit, tile in zip([3, 7], shown, strict=True):
        best = images[given[:, unit].argmax()] / 255
        same = np.isclose(tile, best, atol=1e-5).all(axis=2)
        assert same.any()
        grey, left = filters.OUTSIDE
        assert tile[~same] == pytest.approx(grey + left * best[~same], abs=1e-5)


def test_likeness_is_none_in_noise_and_high_in_blots():
    noise = np.zeros((28, 28, 3))
    noise[4:24, 4:24] = RANDOM.integers(0, 2, (20, 20, 3)) * 255
    noise[..., 1] = 0  # a channel that never climbed does not count
    assert abs(filters.likeness(noise)) < 0.1
    blots = noise[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    assert filters.likeness(blots) > 0.6
    assert np.isnan(filters.likeness(np.zeros((28, 28, 1))))
    assert np.isnan(filters.likeness(np.full((28, 28, 1), 255.0)))


def test_lines_and_stripes_have_their_direction():
    few = lines.build(per_class=1)
    angles = np.array(lines.ANGLES)[few.attributes[:, 2]]
    off = filters.turned(few.images, angles)
    assert off.shape == (96,)
    assert np.median(off) < 5
    assert off.max() < 20
    x, y = np.meshgrid(np.arange(28), -np.arange(28))
    for angle in (0, 30, 90, 135):
        across = y * np.cos(np.radians(angle)) - x * np.sin(np.radians(angle))
        stripes = 127 + 127 * np.sin(across)[..., None]
        assert filters.turned([stripes], [angle])[0] < 2
        assert filters.turned([stripes], [angle + 90])[0] > 88


def make_brightness_network():
    """One filter gives the brightness at each pixel, one its negative."""
    image = keras.Input((4, 4, 1))
    convolution = layers.Conv2D(2, 1, use_bias=False, name="conv1")
    x = layers.ReLU(name="relu1")(convolution(image))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    convolution.set_weights([np.array([[[[1.0, -1.0]]]])])
    return model


@pytest.mark.filterwarnings("ignore:All-NaN")  # a single pixel has no neighbours
def test_filters_are_compared_with_test_images():
    model = make_brightness_network()
    found = visualize.filters(
        model, "relu1", background=0, objective="center", steps=300, pixels=(0, 255)
    )
    tried = np.full((3, 4, 4, 1), 51.0)
    measured = filters.measure(model, "relu1", found, tried)
    assert measured["field_px"] == 1
    assert measured["filters"] == 2
    assert measured["fire_on_own_image"] == 1  # less than black there is not
    assert measured["fire_on_a_test_image"] == 1
    assert measured["more_than_on_any_test_image"] == 1
    assert measured["times_as_strongly"] == pytest.approx(5)
    assert measured["black_pixels"] == pytest.approx(31 / 32)


def test_a_head_of_one_neuron_has_an_image_for_each_side(four_heads):
    found = filters.climb_classes(four_heads, "width", steps=20, background=0)
    assert found.images.shape == (2, 28, 28, 3)
    told = filters.probabilities(four_heads, "width", found.images)
    assert told.sum(axis=1) == pytest.approx(1)
    assert told[0, 0] > told[1, 0]
    assert told[1, 1] > told[0, 1]


def test_probabilities_are_those_of_predict(four_heads):
    images = RANDOM.uniform(0, 255, (3, 28, 28, 3)).astype(np.float32)
    expected = heads.probabilities(four_heads.predict(images, verbose=0))
    for head in heads.NAMES:
        told = filters.probabilities(four_heads, head, images)
        assert told == pytest.approx(expected[head], abs=1e-5)
