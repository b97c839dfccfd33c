"""Class activation maps against slow references, and what has no map."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import visualize
from coursework.data import lines
from coursework.training import networks
from coursework.visualize import geometry, maps, methods
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
    """With so many filters that every head's map has evidence."""
    return networks.four_head_cnn(filters=(16, 32, 48), units=16)


@pytest.fixture(scope="module")
def four_heads(tuned):  # after it, so that the random numbers are the same
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
    """Loops over positions and channels, from the papers' formulas."""
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


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "hirescam", "layercam"])
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


UNSIGNED = ("input_gradient", "smoothgrad", "scorecam", "eigencam")
PIXEL = np.zeros((8, 8, 1), np.float32)
PIXEL[2, 5] = 1


@pytest.mark.parametrize("method", visualize.METHODS)
def test_class_0_of_a_single_sigmoid_is_evidence_against_1(method):
    weights = np.zeros((64, 1))
    weights[2 * 8 + 5] = 3
    model = make_linear(weights, activation="sigmoid")
    against, speaking = (
        visualize.class_activation_maps(model, PIXEL[None], target=t, method=method)
        for t in (0, 1)
    )
    assert speaking.maps[0].argmax() == 2 * 8 + 5 or method == "occlusion"
    assert speaking.maps[0, 2, 5] == speaking.maps[0].max()
    if method not in UNSIGNED:
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


def test_grad_cam_plus_plus_of_a_tiny_gradient_has_evidence():
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


def test_a_map_without_evidence_stays_zero():
    found = visualize.class_activation_maps(make_linear(-np.ones((64, 1))), PIXEL[None])
    assert found.without_evidence.all()
    assert (found.scaled() == 0).all()


def test_scaled_maps_keep_their_zero():
    made = np.zeros((2, 3, 3), np.float32)
    made[0] = [[1, 2, 4], [1, 1, 1], [1, 1, 1]]
    found = maps.Maps(made, made, "gradcam", "x", "y", None, None, None, True)
    assert found.scaled()[0, 0].tolist() == [0.25, 0.5, 1]
    assert found.without_evidence.tolist() == [False, True]


def test_one_image_and_many_give_the_same_map(tuned):
    whole = visualize.class_activation_maps(tuned, IMAGES)
    portions = visualize.class_activation_maps(tuned, IMAGES, batch_size=5)
    single = visualize.class_activation_maps(tuned, IMAGES[3:4])
    assert portions.maps == pytest.approx(whole.maps, rel=1e-4, abs=1e-6)
    assert single.maps[0] == pytest.approx(whole.maps[3], rel=1e-4, abs=1e-6)


def test_the_default_is_the_last_layer_with_feature_maps(tuned, plain_cnn):
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


# --- other methods, scores, layers ----------------------------------------------------


def make_small(filters=3):
    """One convolution on 10×12 pixels of two channels, and its weights as arrays."""
    image = keras.Input((10, 12, 2))
    x = layers.Conv2D(filters, 3, activation="relu", name="conv1")(image)
    x = layers.AveragePooling2D(2, name="pool1")(x)
    x = layers.Dense(3, activation="softmax", name="out")(layers.Flatten()(x))
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(3)
    return make_small()


SMALL = np.random.default_rng(1).uniform(0, 1, (4, 10, 12, 2)).astype(np.float32)


def logits(model, images):
    """Scores before the softmax, without any of our code."""
    dense = model.get_layer("out")
    inner = keras.Model(model.inputs, dense.input)(images, training=False)
    return inner @ dense.kernel + dense.bias


def assert_same(made, expected):
    assert expected.max() > 0
    assert np.abs(made - expected).max() <= ROUNDING * expected.max()


def test_score_cam_masks_the_image_with_each_channel(small):
    found = visualize.class_activation_maps(
        small, SMALL, "pool1", target=1, method="scorecam", background=0.25
    )
    inner = keras.Model(small.inputs, small.get_layer("pool1").output)
    grid = visualize.receptive_fields(small, "pool1")
    nothing = logits(small, np.full((1, 10, 12, 2), 0.25, np.float32))[0, 1]
    for image, made in zip(SMALL, found.coarse, strict=True):
        activation = inner(image[None])[0].numpy().astype(np.float64)
        gains = []
        for channel in range(activation.shape[-1]):
            mask = slow_placement(activation[..., channel], grid, (10, 12))
            mask = (mask - mask.min()) / (np.ptp(mask) or 1)
            shown = 0.25 + mask[..., None] * (image - 0.25)
            scores = logits(small, shown[None].astype(np.float32))
            gains.append(float(scores[0, 1] - nothing))
        weights = np.exp(gains) / np.exp(gains).sum()
        assert_same(made, np.maximum(activation @ weights, 0))


@pytest.mark.parametrize("filters", [3, 40])
def test_eigen_cam_is_the_first_singular_vector(filters):
    keras.utils.set_random_seed(5)
    model = make_small(filters)
    found = visualize.class_activation_maps(model, SMALL, "pool1", method="eigencam")
    made = visualize.activations(model, SMALL, "pool1")["pool1"].astype(np.float64)
    for activation, coarse in zip(made, found.coarse, strict=True):
        matrix = activation.reshape(-1, filters)
        first = matrix @ np.linalg.svd(matrix)[2][0]
        first *= np.sign(first.sum())
        assert_same(coarse, np.maximum(first, 0).reshape(coarse.shape))


def test_smoothgrad_is_the_mean_gradient_under_noise(small):
    found = visualize.class_activation_maps(small, SMALL, target=2, method="smoothgrad")
    for image, made in zip(SMALL, found.maps, strict=True):
        total = np.zeros(image.shape)
        for sample in range(methods.SAMPLES):
            noise = tf.random.stateless_normal((1, *image.shape), [0, sample])
            noisy = image[None] + methods.NOISE * np.ptp(image) * noise
            with tf.GradientTape() as tape:
                tape.watch(noisy)
                score = logits(small, noisy)[0, 2]
            total += tape.gradient(score, noisy)[0].numpy()
        assert_same(made, np.abs(total / methods.SAMPLES).max(axis=-1))


def test_several_layers_come_from_one_pass(tuned):
    asked = ["relu1", tuned.get_layer("relu3"), "norm2"]
    several = visualize.class_activation_maps(tuned, IMAGES, asked, target=7)
    assert list(several) == ["relu1", "relu3", "norm2"]
    for path, found in several.items():
        alone = visualize.class_activation_maps(tuned, IMAGES, path, target=7)
        assert found.layer == path
        assert found.maps == pytest.approx(alone.maps, rel=1e-4, abs=1e-7)


def test_a_layer_object_of_another_model_is_refused(tuned):
    with pytest.raises(ValueError, match="layer other is not part of the model"):
        visualize.activations(tuned, IMAGES, layers.Dense(2, name="other"))


def test_the_coarse_map_is_on_the_grid_of_the_layer(small):
    found = visualize.class_activation_maps(small, SMALL, "pool1")
    assert found.coarse.shape == (4, 4, 5)
    grid = visualize.receptive_fields(small, "pool1")
    for coarse, made in zip(found.coarse, found.maps, strict=True):
        assert_same(made, slow_placement(coarse, grid, (10, 12)))
    on_image = visualize.class_activation_maps(small, SMALL, method="occlusion")
    assert (on_image.coarse == on_image.maps).all()


def test_a_score_of_the_outputs_in_place_of_a_class(small):
    """Of probabilities: the gradient is that of the outputs as they are."""

    def difference(outputs):
        return outputs[:, 1] - 2 * outputs[:, 0]

    found = visualize.class_activation_maps(
        small, SMALL, "conv1", score=difference, method="hirescam"
    )
    outputs = small.predict(SMALL, verbose=0)
    assert found.probabilities == pytest.approx(difference(outputs), abs=1e-6)
    assert found.head == "difference"
    assert (found.targets == -1).all()
    halves = keras.Model(
        small.inputs, [small.get_layer("conv1").output, small.outputs[0]]
    )
    with tf.GradientTape() as tape:
        activation, outputs = halves(SMALL)
        score = tf.reduce_sum(difference(outputs))
    raw = (tape.gradient(score, activation) * activation).numpy().sum(axis=-1)
    assert_same(found.coarse, np.maximum(raw, 0))


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda y: y, r"score gives shape \(None, 3\); expected \(N,\), one number"),
        (lambda y: tf.reduce_mean(y), r"score gives shape \(\); expected \(N,\)"),
        (lambda y: y[0], r"score gives shape \(3,\); expected"),
        (lambda y: tf.reshape(y, [-1]), "score gives 12 numbers for 4 images"),
        (lambda y: np.asarray(y)[:, 0], "score fails on tensors"),
        (lambda y: y["mask"], "score fails on tensors"),
        (lambda y: tf.cast(y[:, 0] > 0.5, tf.float32), "score has no gradient there"),
        ("out", "expected score=, a function of the outputs, or a head"),
    ],
)
def test_a_score_that_is_no_number_for_each_image(small, score, message):
    with pytest.raises(ValueError, match=message) as error:
        visualize.class_activation_maps(small, SMALL, score=score)
    assert len(str(error.value).splitlines()) == 1


def test_a_score_takes_no_head_and_no_target(small):
    for options in ({"head": "out"}, {"target": 1}):
        with pytest.raises(ValueError, match="score="):
            visualize.class_activation_maps(
                small, SMALL, score=lambda y: y[:, 0], **options
            )


def test_tokens_are_reshaped():
    """A transformer's tokens in rows, and the same network with feature maps."""
    image = keras.Input((8, 8, 1))
    patches = layers.Conv2D(4, 2, strides=2, activation="relu", name="patches")(image)
    tokens = layers.Reshape((16, 4), name="tokens")(patches)
    scores = layers.Dense(2, name="out")(layers.Flatten()(tokens))
    model = keras.Model(image, scores)
    images = RANDOM.uniform(0, 1, (3, 8, 8, 1))
    options = {"target": 1, "method": "hirescam"}
    expected = visualize.class_activation_maps(model, images, "patches", **options)
    found = visualize.class_activation_maps(
        *(model, images, "tokens"),
        reshape=lambda x: tf.reshape(x, (-1, 4, 4, 4)),
        **options,
    )
    assert found.coarse == pytest.approx(expected.coarse, rel=1e-5)
    assert not found.placed
    with pytest.raises(ValueError, match=r"layer tokens gives .* no feature maps"):
        visualize.class_activation_maps(model, images, "tokens", **options)
    for wrong, message in (
        (lambda x: x, r"reshape gives shape \(None, 16, 4\); expected \(N, …"),
        (lambda x: tf.reshape(x, (-1, 5, 5, 4)), "reshape|reshape"),
    ):
        with pytest.raises((ValueError, tf.errors.OpError), match=message):
            visualize.class_activation_maps(
                model, images, "tokens", reshape=wrong, **options
            )


# --- layers that move axes, heads that hide -------------------------------------------


def make_moved(move):
    """A convolution, a step that moves its axes, and what the network makes of it."""
    image = keras.Input((9, 9, 1))
    x = layers.Conv2D(4, 2, activation="relu", name="conv1")(image)
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(move(x))))


@pytest.mark.parametrize(
    "move",
    [
        layers.Permute((2, 1, 3), name="moved"),
        layers.Permute((3, 1, 2), name="moved"),
        layers.Reshape((4, 16, 4), name="moved"),
        lambda x: keras.ops.transpose(x, (0, 2, 1, 3)),
        lambda x: keras.ops.flip(x, axis=2),
    ],
)
def test_the_default_layer_is_never_one_that_moves_axes(move):
    model = make_moved(move)
    images = RANDOM.uniform(0, 1, (1, 9, 9, 1))
    assert visualize.class_activation_maps(model, images).layer == "conv1"
    moved = list(visualized.of(model).values)[1]
    with pytest.raises(ValueError, match="whose axes may have moved"):
        visualize.class_activation_maps(model, images, moved)


def make_channels_first(first):
    """The same network with its second convolution in either order of axes."""
    image = keras.Input((9, 9, 1))
    x = layers.Conv2D(3, 2, activation="relu", name="conv1")(image)
    order = "channels_first" if first else "channels_last"
    x = layers.Permute((3, 1, 2))(x) if first else x
    x = layers.Conv2D(5, 3, activation="relu", name="conv2", data_format=order)(x)
    x = layers.GlobalAveragePooling2D(data_format=order)(x)
    return keras.Model(image, layers.Dense(2, name="out")(x))


def test_a_channels_first_convolution_inside_has_the_same_map():
    first, last = make_channels_first(True), make_channels_first(False)
    first.set_weights(last.get_weights())
    images = RANDOM.uniform(0, 1, (2, 9, 9, 1))
    for layer in (None, "conv2"):
        found, expected = (
            visualize.class_activation_maps(model, images, layer, target=1)
            for model in (first, last)
        )
        assert found.layer == "conv2"
        assert_same(found.coarse, expected.coarse)


def test_images_with_channels_first_are_refused():
    image = keras.Input((3, 9, 9))
    x = layers.Conv2D(3, 2, data_format="channels_first", name="conv1")(image)
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    with pytest.raises(ValueError, match="layer conv1 takes channels first"):
        visualize.class_activation_maps(model, np.zeros((1, 3, 9, 9)))


@pytest.mark.parametrize("flatten", [layers.Flatten(), layers.Reshape((3,))])
def test_a_softmax_before_flatten_is_seen_through(flatten):
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(image)
    scores = layers.Conv2D(3, 6, name="scores")(x)
    model = keras.Model(image, flatten(layers.Softmax()(scores)))
    plain = keras.Model(image, layers.Flatten()(scores))
    images = RANDOM.uniform(0, 9, (2, 8, 8, 1))
    found, expected = (
        visualize.class_activation_maps(each, images, "conv1", target=2)
        for each in (model, plain)
    )
    assert visualized.of(model).heads[0].kind == "softmax"
    assert_same(found.maps, expected.maps)
    outputs = model.predict(images, verbose=0)
    assert found.probabilities == pytest.approx(outputs[:, 2], abs=1e-5)


def test_a_softmax_over_parts_is_refused():
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 3, activation="softmax")(image)
    model = keras.Model(image, layers.Flatten(name="out")(x))
    with pytest.raises(ValueError, match="head out is a softmax over parts of its 108"):
        visualize.class_activation_maps(model, PIXEL[None])


def test_heads_of_a_dictionary_have_its_keys():
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(2, 3, name="conv1")(image))
    outputs = {"size": layers.Dense(1)(x), "kind": layers.Dense(3)(x)}
    model = keras.Model(image, outputs)
    for head, classes in (("size", 1), ("kind", 3)):
        found = visualize.class_activation_maps(model, PIXEL[None], head=head)
        given = model.predict(PIXEL[None], verbose=0)[head]
        assert found.probabilities[0] == pytest.approx(given.max(), abs=1e-6)
        assert visualized.of(model).head(head).classes == classes
    found = visualize.class_activation_maps(
        model, PIXEL[None], score=lambda outputs: outputs["size"][:, 0]
    )
    assert found.layer == "conv1"


def test_the_default_layer_is_passed_by_every_way():
    """Behind the branches; not inside one of them; and for a chain its last layer."""
    image = keras.Input((9, 9, 1))
    x = layers.Conv2D(2, 2, name="stem")(image)
    left, right = (layers.Conv2D(2, 1, name=name)(x) for name in ("left", "right"))
    pooled = [layers.GlobalAveragePooling2D()(each) for each in (left, right)]
    apart = keras.Model(image, layers.Dense(2)(layers.Concatenate()(pooled)))
    joined = layers.GlobalAveragePooling2D()(layers.Add(name="add")([left, right]))
    together = keras.Model(image, layers.Dense(2)(joined))
    images = RANDOM.uniform(0, 1, (1, 9, 9, 1))
    assert visualize.class_activation_maps(apart, images).layer == "stem"
    assert visualize.class_activation_maps(together, images).layer == "add"


# --- placement ------------------------------------------------------------------------


def test_receptive_fields_larger_than_the_image_are_spread_evenly():
    image = keras.Input((12, 12, 1))
    x = layers.Conv2D(2, 7, strides=2, padding="same", name="near")(image)
    x = layers.Conv2D(2, 5, padding="same", activation="relu", name="far")(x)
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    images = RANDOM.uniform(0, 1, (2, 12, 12, 1))
    found = visualize.class_activation_maps(model, images, ["near", "far"], target=1)
    assert found["near"].placed
    assert not found["far"].placed
    resized = tf.image.resize(found["far"].coarse[..., None], (12, 12))[..., 0]
    assert_same(found["far"].maps, resized.numpy())


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_evidence_narrower_than_a_pixel_is_not_lost(factor):
    matrix = visualize.placement(visualize.Axis(0, 1 / factor), 8 * factor, 8)
    assert (matrix.max(axis=0)[: 7 * factor] > 0).all()
    even = visualize.placement(None, 8 * factor, 8)
    assert (even.max(axis=0) > 0).all()
    assert even.sum(axis=1) == pytest.approx(np.ones(8))


class TestRefused:
    def test_a_layer_without_feature_maps(self, tuned):
        with pytest.raises(
            ValueError, match=r"dense1 gives .* no feature maps; .*relu"
        ):
            visualize.class_activation_maps(tuned, IMAGES, "dense1")

    def test_a_model_without_feature_maps(self):
        image = keras.Input((8, 8, 1))
        model = keras.Model(image, layers.Dense(2)(layers.Flatten()(image)))
        with pytest.raises(
            ValueError, match="gives feature maps; use a method on the image"
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
