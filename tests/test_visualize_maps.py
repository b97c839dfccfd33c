"""Class activation maps against slow references, and what has no map."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import visualize
from coursework.data import lines
from coursework.training import networks
from coursework.visualize import geometry, maps
from coursework.visualize import network as visualized

RANDOM = np.random.default_rng(0)
ROUNDING = 1e-5  # of the maximum: networks in float32 against references in float64
IMAGES = lines.build(per_class=1, seed=3).images[::8]  # 12 of them


def shaken(model):
    """A model whose normalization is not the identity, as after a training."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            size = layer.moving_mean.shape
            layer.moving_mean.assign(RANDOM.normal(size=size) * 0.1)
            layer.moving_variance.assign(RANDOM.uniform(0.5, 2, size))
    return model


def doubled(build, model):
    """The same network in float64, in which references are exact enough."""
    keras.config.set_dtype_policy("float64")
    exact = build()
    keras.config.set_dtype_policy("float32")
    exact.set_weights([weights.astype(np.float64) for weights in model.get_weights()])
    return exact


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(1)
    return shaken(networks.small_cnn())


@pytest.fixture(scope="module")
def exact_tuned(tuned):
    return doubled(networks.small_cnn, tuned)


def four_head_cnn():
    """With so many filters that no head's map is blank."""
    return networks.four_head_cnn(filters=(16, 32, 48), units=16)


@pytest.fixture(scope="module")
def four_heads():
    keras.utils.set_random_seed(4)
    return shaken(four_head_cnn())


@pytest.fixture(scope="module")
def exact_four_heads(four_heads):
    return doubled(four_head_cnn, four_heads)


# --- slow references ------------------------------------------------------------------


def slow_gradient(model, image, layer, head, target):
    """One image at a time, by finite models and a tape, scores by hand."""
    last = model.get_layer(head)
    before = last.input
    halves = keras.Model(model.inputs, [model.get_layer(layer).output, before])
    with tf.GradientTape() as tape:
        activation, features = halves(image[None].astype(np.float64), training=False)
        scores = features @ last.kernel + last.bias
        score = scores[0, target] if scores.shape[1] > 1 else scores[0, 0]
        score = -score if scores.shape[1] == 1 and target == 0 else score
    return activation[0].numpy(), tape.gradient(score, activation)[0].numpy()


def slow_map(method, activation, gradient):
    """Loops over places and channels, from the papers' formulas."""
    height, width, channels = activation.shape
    result = np.zeros((height, width))
    for channel in range(channels):
        a, g = activation[..., channel], gradient[..., channel]
        if method == "gradcam":
            result += g.mean() * a
        elif method == "hirescam":
            result += g * a
        elif method == "layercam":
            result += np.maximum(g, 0) * a
        else:
            weight = 0.0
            for row in range(height):
                for column in range(width):
                    slope = g[row, column]
                    bottom = 2 * slope**2 + a.sum() * slope**3
                    if bottom != 0:
                        weight += slope**2 / bottom * max(slope, 0)
            result += weight * a
    return np.maximum(result, 0)


def slow_placement(values, grid, shape):
    """Every unit's tent, pixel by pixel."""
    placed = np.zeros(shape)
    for (i, j), value in np.ndenumerate(values):
        center = [
            grid[0].start + i * grid[0].stride,
            grid[1].start + j * grid[1].stride,
        ]
        for row in range(shape[0]):
            for column in range(shape[1]):
                down = max(0, 1 - abs(row - center[0]) / grid[0].stride)
                across = max(0, 1 - abs(column - center[1]) / grid[1].stride)
                placed[row, column] += value * down * across
    return placed


@pytest.mark.parametrize(
    "method", [m.name for m in visualize.METHODS.values() if m.on == "layer"]
)
@pytest.mark.parametrize("layer", ["relu3", "conv2", "norm1"])
def test_a_map_is_that_of_the_slow_reference(method, layer, tuned, exact_tuned):
    """Batched against one at a time: each image has its own gradient."""
    found = visualize.class_activation_maps(tuned, IMAGES, layer, method=method)
    grid = {
        "relu3": (geometry.Axis(3.5, 8.0),) * 2,
        "conv2": (geometry.Axis(0.5, 2.0),) * 2,
        "norm1": (geometry.Axis(0.5, 2.0),) * 2,
    }[layer]
    assert found.placed
    for image, target, made in zip(IMAGES[:4], found.targets, found.maps, strict=False):
        parts = slow_gradient(exact_tuned, image, layer, "class", target)
        expected = slow_placement(slow_map(method, *parts), grid, (28, 28))
        most = expected.max()
        assert most > 0
        assert np.abs(made - expected).max() <= ROUNDING * most


@pytest.mark.parametrize("head", ["length", "width", "color", "angle"])
def test_every_head_has_its_own_map_of_the_predicted_class(
    head, four_heads, exact_four_heads
):
    found = visualize.class_activation_maps(four_heads, IMAGES, head=head)
    told = four_heads.predict(IMAGES, verbose=0)
    told = dict(zip(["length", "width", "color", "angle"], told, strict=True))[head]
    predicted = told.argmax(axis=1) if head == "angle" else told[:, 0] > 0.5
    assert (found.targets == predicted).all()
    assert (found.predictions == predicted).all()
    expected = told.max(axis=1) if head == "angle" else abs(1 - predicted - told[:, 0])
    assert found.probabilities == pytest.approx(expected, abs=1e-5)
    activation, gradient = slow_gradient(
        exact_four_heads, IMAGES[0], "relu3", head, found.targets[0]
    )
    grid = (geometry.Axis(3.5, 8.0),) * 2
    raw = slow_map("gradcam", activation, gradient)
    expected = slow_placement(raw, grid, (28, 28))
    assert expected.max() > 0
    assert np.abs(found.maps[0] - expected).max() <= ROUNDING * expected.max()


def make_linear(weights, **options):
    """A network that is a weighted sum of the pixels of an 8×8 image."""
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(1, 1, use_bias=False, name="same")(image)
    output = layers.Dense(weights.shape[1], name="out", **options)(layers.Flatten()(x))
    model = keras.Model(image, output)
    model.set_weights([np.ones((1, 1, 1, 1)), weights, np.zeros(weights.shape[1])])
    return model


PIXEL = np.zeros((8, 8, 1), np.float32)
PIXEL[2, 5] = 1


@pytest.mark.parametrize("method", visualize.METHODS)
def test_class_0_of_a_single_sigmoid_is_what_speaks_against_1(method):
    weights = np.zeros((64, 1))
    weights[2 * 8 + 5] = 3
    model = make_linear(weights, activation="sigmoid")
    against, speaking = (
        visualize.class_activation_maps(model, PIXEL[None], target=t, method=method)
        for t in (0, 1)
    )
    assert speaking.maps[0].argmax() == 2 * 8 + 5 or method == "occlusion"
    assert speaking.maps[0, 2, 5] == speaking.maps[0].max()
    if method != "input_gradient":  # the size of a gradient has no sign
        assert against.without_evidence.all()
    assert against.probabilities + speaking.probabilities == pytest.approx(1)


def test_a_sure_softmax_has_a_map():
    """The gradient of the probability would be exactly 0 here."""
    weights = np.zeros((64, 2))
    weights[21, 1] = 400
    model = make_linear(weights, activation="softmax")
    found = visualize.class_activation_maps(model, PIXEL[None])
    assert found.probabilities[0] == 1
    assert not found.without_evidence.any()
    assert found.maps[0].argmax() == 21


def test_the_prediction_of_sure_sigmoids_is_the_largest_score():
    """Their probabilities are all 1 in float32."""
    weights = np.zeros((64, 4))
    weights[21] = [20, 25, 40, 30]
    model = make_linear(weights, activation="sigmoid")
    found = visualize.class_activation_maps(model, PIXEL[None])
    assert found.predictions.tolist() == found.targets.tolist() == [2]


def test_grad_cam_plus_plus_of_a_tiny_gradient_is_not_blank():
    weights = np.full((64, 1), 1e-18)
    found = visualize.class_activation_maps(
        make_linear(weights), PIXEL[None], target=0, method="gradcam++"
    )
    assert not found.without_evidence.any()


def test_an_operation_without_gradient_is_named():
    image = keras.Input((8, 8, 1))
    x = keras.ops.stop_gradient(layers.Conv2D(2, 3, name="conv1")(image))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    with pytest.raises(ValueError, match="has no gradient there: an operation on the"):
        visualize.class_activation_maps(model, PIXEL[None], "conv1")


def test_integrated_gradients_add_up_to_the_difference_of_the_scores(tuned):
    """Completeness: with positive parts alone only for a network that is linear."""
    weights = RANDOM.uniform(0, 1, (64, 2))
    model = make_linear(weights)
    images = RANDOM.uniform(0, 1, (3, 8, 8, 1))
    found = visualize.class_activation_maps(
        model, images, target=1, method="integrated_gradients"
    )
    scores = model.predict(images, verbose=0)[:, 1]
    assert found.maps.sum(axis=(1, 2)) == pytest.approx(scores, rel=1e-4)


def test_occlusion_is_what_the_score_loses():
    weights = np.zeros((64, 1))
    weights[21] = 2
    found = visualize.class_activation_maps(
        make_linear(weights), PIXEL[None], target=0, method="occlusion"
    )
    assert found.maps[0, 2, 5] == pytest.approx(2)
    assert found.maps[0, 7, 0] == 0


def test_a_map_without_evidence_is_blank_and_stays_so():
    found = visualize.class_activation_maps(make_linear(-np.ones((64, 1))), PIXEL[None])
    assert found.without_evidence.all()
    assert (found.scaled() == 0).all()


def test_scaled_maps_keep_their_zero():
    made = np.zeros((2, 3, 3), np.float32)
    made[0] = [[1, 2, 4], [1, 1, 1], [1, 1, 1]]
    found = maps.Maps(made, "gradcam", "x", "y", None, None, None, True)
    assert found.scaled()[0, 0].tolist() == [0.25, 0.5, 1]
    assert found.without_evidence.tolist() == [False, True]


def test_one_image_and_many_give_the_same_map(tuned):
    whole = visualize.class_activation_maps(tuned, IMAGES)
    portions = visualize.class_activation_maps(tuned, IMAGES, batch_size=5)
    single = visualize.class_activation_maps(tuned, IMAGES[3:4])
    assert portions.maps == pytest.approx(whole.maps, rel=1e-4, abs=1e-6)
    assert single.maps[0] == pytest.approx(whole.maps[3], rel=1e-4, abs=1e-6)


def test_the_default_is_the_last_layer_with_places(tuned, plain_cnn):
    assert visualize.class_activation_maps(tuned, IMAGES[:1]).layer == "relu3"
    assert visualize.class_activation_maps(plain_cnn, IMAGES[:1]).layer == "pool1"


def test_a_layer_inside_a_model_inside():
    inner = keras.Input((28, 28, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(inner)
    backbone = keras.Model(inner, layers.MaxPooling2D(2)(x), name="backbone")
    image = keras.Input((28, 28, 3))
    x = layers.GlobalAveragePooling2D()(backbone(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    found = visualize.class_activation_maps(model, IMAGES, "backbone/conv1")
    assert found.layer == "backbone/conv1"
    flat = keras.Model(inner, model.layers[-1](model.layers[-2](backbone.output)))
    same = visualize.class_activation_maps(flat, IMAGES, "conv1")
    assert found.maps == pytest.approx(same.maps, rel=1e-5, abs=1e-7)


class TestRefused:
    def test_a_layer_without_places(self, tuned):
        with pytest.raises(ValueError, match=r"dense1 gives .* no places; .*relu3"):
            visualize.class_activation_maps(tuned, IMAGES, "dense1")

    def test_a_model_without_places(self):
        image = keras.Input((8, 8, 1))
        model = keras.Model(image, layers.Dense(2)(layers.Flatten()(image)))
        with pytest.raises(
            ValueError, match="gives feature maps; use a method that nee"
        ):
            visualize.class_activation_maps(model, PIXEL[None])
        found = visualize.class_activation_maps(
            model, PIXEL[None], method="input_gradient"
        )
        assert found.maps.shape == (1, 8, 8)

    def test_a_layer_that_the_head_does_not_depend_on(self):
        image = keras.Input((8, 8, 1))
        left, right = (layers.Conv2D(2, 3, name=name)(image) for name in "ab")
        outputs = [
            layers.GlobalAveragePooling2D(name=f"head_{name}")(x)
            for name, x in (("a", left), ("b", right))
        ]
        model = keras.Model(image, outputs)
        with pytest.raises(ValueError, match="head_a does not depend on layer b"):
            visualize.class_activation_maps(model, PIXEL[None], "b", "head_a")
        assert visualize.class_activation_maps(model, PIXEL[None]).layer == "a"

    @pytest.mark.parametrize("target", [96, -1, 1.5, [0, 1], "3"])
    def test_a_target_that_is_none(self, tuned, target):
        with pytest.raises(ValueError, match="target is"):
            visualize.class_activation_maps(tuned, IMAGES, target=target)

    def test_an_unknown_method(self, tuned):
        with pytest.raises(ValueError, match="no method 'cam'; known: gradcam, "):
            visualize.class_activation_maps(tuned, IMAGES, method="cam")

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_weights_that_are_not_numbers(self, bad):
        model = make_linear(np.full((64, 2), bad), activation="softmax")
        with pytest.raises(ValueError, match="layer out has weights that are not fini"):
            visualize.class_activation_maps(model, PIXEL[None])

    @pytest.mark.parametrize("method", ["gradcam", "occlusion"])
    def test_scores_that_overflow(self, method):
        model = make_linear(np.full((64, 2), 3e38), activation="softmax")
        with pytest.raises(ValueError, match="scores that are not finite numbers"):
            visualize.class_activation_maps(model, 9 * PIXEL[None], method=method)

    def test_a_head_that_gives_no_vector(self):
        image = keras.Input((8, 8, 1))
        model = keras.Model(image, layers.Conv2D(2, 3, name="pixels")(image))
        with pytest.raises(ValueError, match=r"head pixels gives \(None, 6, 6, 2\)"):
            visualize.class_activation_maps(model, PIXEL[None])


def test_compiled_functions_are_made_once(tuned):
    network = visualized.of(tuned)
    visualize.class_activation_maps(tuned, IMAGES)
    before = len(network._compiled)
    visualize.class_activation_maps(tuned, IMAGES, target=5)
    assert len(network._compiled) == before
