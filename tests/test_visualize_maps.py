"""Class activation maps against slow references, and what has no map."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import visualize
from coursework.data import lines
from coursework.training import networks
from coursework.visualize import methods

import foreign_models
from foreign_models import chain

ROUNDING = 1e-5  # of the maximum: networks in float32 against references in float64
IMAGES = lines.build(per_class=1, seed=3).images[::8]  # 12 of them
HEADS = "length", "width", "color", "angle"
GRIDS = {  # layer of the tuned network → start and stride of its receptive fields, px
    "norm1": (0.5, 2.0),
    "conv2": (0.5, 2.0),
    "relu3": (3.5, 8.0),
}


def in_both_precisions(build, seed):
    """A network, and the same in float64, in which references are exact enough."""
    keras.utils.set_random_seed(seed)
    model = foreign_models.shaken(build(), np.random.default_rng(seed))
    keras.config.set_dtype_policy("float64")
    exact = build()
    keras.config.set_dtype_policy("float32")
    exact.set_weights([weights.astype(np.float64) for weights in model.get_weights()])
    return model, exact


@pytest.fixture(scope="module")
def tuned():
    return in_both_precisions(networks.small_cnn, 1)


@pytest.fixture(scope="module")
def four_heads():
    """With so many filters that every head's map has evidence."""
    return in_both_precisions(
        lambda: networks.four_head_cnn(filters=(16, 32, 48), units=16), 4
    )


# --- slow references ------------------------------------------------------------------


def slow_gradient(model, image, layer, head, target):
    """One image at a time, by finite models and a tape, scores by hand."""
    last = model.get_layer(head)
    halves = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        activation, features = halves(image[None].astype(np.float64), training=False)
        scores = features @ last.kernel + last.bias
        score = scores[0, target] if scores.shape[1] > 1 else scores[0, 0]
        score = -score if scores.shape[1] == 1 and target == 0 else score
    return activation[0].numpy(), tape.gradient(score, activation)[0].numpy()


def slow_map(method, activation, gradient):
    """Loops over positions and channels, from the papers' formulas."""
    result = np.zeros(activation.shape[:2])
    for channel in range(activation.shape[-1]):
        a, g = activation[..., channel], gradient[..., channel]
        if method == "gradcam":
            result += g.mean() * a
        elif method == "hirescam":
            result += g * a
        elif method == "layercam":
            result += np.maximum(g, 0) * a
        else:
            weight = 0.0
            for slope in g.ravel():
                bottom = 2 * slope**2 + a.sum() * slope**3
                if bottom != 0:
                    weight += slope**2 / bottom * max(slope, 0)
            result += weight * a
    return np.maximum(result, 0)


def slow_placement(values, start, stride, shape):
    """Every unit's tent, pixel by pixel."""
    placed = np.zeros(shape)
    for (i, j), value in np.ndenumerate(values):
        for row, column in np.ndindex(*shape):
            down = max(0, 1 - abs(row - start - i * stride) / stride)
            across = max(0, 1 - abs(column - start - j * stride) / stride)
            placed[row, column] += value * down * across
    return placed


def assert_same(made, expected):
    assert expected.max() > 0
    assert np.abs(made - expected).max() <= ROUNDING * expected.max()


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "hirescam", "layercam"])
def test_a_map_is_that_of_the_slow_reference(method, tuned):
    """Batched and for several layers in one pass, against one at a time."""
    model, exact = tuned
    asked = [model.get_layer("conv2"), "norm1", "relu3"]
    found = visualize.class_activation_maps(model, IMAGES, asked, method=method)
    assert list(found) == ["conv2", "norm1", "relu3"]
    for layer, maps in found.items():
        assert maps.layer == layer
        assert maps.placed
        for image, target, made in zip(
            IMAGES[:3], maps.targets, maps.maps, strict=False
        ):
            parts = slow_gradient(exact, image, layer, "class", target)
            coarse = slow_map(method, *parts)
            assert_same(made, slow_placement(coarse, *GRIDS[layer], (28, 28)))


@pytest.mark.parametrize("head", HEADS)
def test_every_head_has_its_own_map_of_the_predicted_class(head, four_heads):
    model, exact = four_heads
    found = visualize.class_activation_maps(model, IMAGES, head=head)
    told = dict(zip(HEADS, model.predict(IMAGES, verbose=0), strict=True))[head]
    predicted = told.argmax(axis=1) if head == "angle" else told[:, 0] > 0.5
    assert (found.targets == predicted).all()
    assert (found.predictions == predicted).all()
    expected = told.max(axis=1) if head == "angle" else abs(1 - predicted - told[:, 0])
    assert found.probabilities == pytest.approx(expected, abs=1e-5)
    n = found.without_evidence.argmin()
    parts = slow_gradient(exact, IMAGES[n], "relu3", head, found.targets[n])
    coarse = slow_map("gradcam", *parts)
    assert_same(found.maps[n], slow_placement(coarse, *GRIDS["relu3"], (28, 28)))


def make_linear(weights, **options):
    """A network that is a weighted sum of the pixels of an 8×8 image."""
    same = layers.Conv2D(1, 1, use_bias=False, name="same")
    last = layers.Dense(weights.shape[1], name="out", **options)
    model = chain((8, 8, 1), same, layers.Flatten(), last)
    model.set_weights([np.ones((1, 1, 1, 1)), weights, np.zeros(weights.shape[1])])
    return model


def of_one_pixel(*weights):
    """Weights of that pixel of an 8×8 image alone."""
    made = np.zeros((64, len(weights)))
    made[2 * 8 + 5] = weights
    return made


UNSIGNED = ("input_gradient", "smoothgrad", "scorecam", "eigencam")
PIXEL = np.zeros((8, 8, 1), np.float32)
PIXEL[2, 5] = 1


@pytest.mark.parametrize("method", visualize.METHODS)
def test_class_0_of_a_single_sigmoid_is_evidence_against_1(method):
    model = make_linear(of_one_pixel(3), activation="sigmoid")
    against, speaking = (
        visualize.class_activation_maps(model, PIXEL[None], target=t, method=method)
        for t in (0, 1)
    )
    assert speaking.maps[0, 2, 5] == speaking.maps[0].max() > 0
    if method not in UNSIGNED:
        assert against.without_evidence.all()
        assert (against.scaled() == 0).all()
    assert against.probabilities + speaking.probabilities == pytest.approx(1)
    if method == "occlusion":  # what the score loses
        assert speaking.maps[0, 2, 5] == pytest.approx(3)
        assert speaking.maps[0, 7, 0] == 0
        assert (speaking.coarse == speaking.maps).all()


@pytest.mark.parametrize(
    ("weights", "activation", "predicted"),
    [((0, 400), "softmax", 1), ((20, 25, 40, 30), "sigmoid", 2)],
)
def test_a_sure_head_has_a_prediction_and_a_map(weights, activation, predicted):
    """Its probabilities are all 1 in float32, their gradients exactly 0."""
    model = make_linear(of_one_pixel(*weights), activation=activation)
    found = visualize.class_activation_maps(model, PIXEL[None])
    assert found.probabilities[0] == 1
    assert found.predictions.tolist() == found.targets.tolist() == [predicted]
    assert found.maps[0].argmax() == 21


def test_grad_cam_plus_plus_of_a_tiny_gradient_has_evidence():
    model = make_linear(np.full((64, 1), 1e-18))
    options = {"target": 0, "method": "gradcam++"}
    found = visualize.class_activation_maps(model, PIXEL[None], **options)
    assert not found.without_evidence.any()


def test_integrated_gradients_add_up_to_the_difference_of_the_scores():
    """Completeness: with positive parts alone only for a network that is linear."""
    random = np.random.default_rng(0)
    model = make_linear(random.uniform(0, 1, (64, 2)))
    images = random.uniform(0, 1, (3, 8, 8, 1))
    options = {"target": 1, "method": "integrated_gradients"}
    found = visualize.class_activation_maps(model, images, **options)
    scores = model.predict(images, verbose=0)[:, 1]
    assert found.maps.sum(axis=(1, 2)) == pytest.approx(scores, rel=1e-4)


# --- methods without a formula in the gradient ----------------------------------------


def make_small(filters=3):
    keras.utils.set_random_seed(3)
    return chain(
        (10, 12, 2),
        layers.Conv2D(filters, 3, activation="relu", name="conv1"),
        layers.AveragePooling2D(2, name="pool1"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", name="out"),
    )


@pytest.fixture(scope="module")
def small():
    return make_small()


SMALL = np.random.default_rng(1).uniform(0, 1, (4, 10, 12, 2)).astype(np.float32)
POOL1 = 1.5, 2.0  # start and stride of its receptive fields, px


def logits(model, images):
    """Scores before the softmax, without any of our code."""
    dense = model.get_layer("out")
    inner = keras.Model(model.inputs, dense.input)(images, training=False)
    return inner @ dense.kernel + dense.bias


def test_score_cam_masks_the_image_with_each_channel(small):
    options = {"target": 1, "method": "scorecam", "background": 0.25}
    found = visualize.class_activation_maps(small, SMALL, "pool1", **options)
    inner = keras.Model(small.inputs, small.get_layer("pool1").output)
    nothing = logits(small, np.full((1, 10, 12, 2), 0.25, np.float32))[0, 1]
    for image, coarse, placed in zip(SMALL, found.coarse, found.maps, strict=True):
        activation = inner(image[None])[0].numpy().astype(np.float64)
        gains = []
        for channel in range(activation.shape[-1]):
            mask = slow_placement(activation[..., channel], *POOL1, (10, 12))
            mask = (mask - mask.min()) / (np.ptp(mask) or 1)
            shown = 0.25 + mask[..., None] * (image - 0.25)
            scores = logits(small, shown[None].astype(np.float32))
            gains.append(float(scores[0, 1] - nothing))
        weights = np.exp(gains) / np.exp(gains).sum()
        assert_same(coarse, np.maximum(activation @ weights, 0))
        assert_same(placed, slow_placement(coarse, *POOL1, (10, 12)))


@pytest.mark.parametrize("filters", [3, 40])
def test_eigen_cam_is_the_first_singular_vector(filters):
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
    inner = keras.Model(small.inputs, small.get_layer("out").input)
    dense = small.get_layer("out")
    for image, made in zip(SMALL, found.maps, strict=True):
        total = np.zeros(image.shape)
        for sample in range(methods.SAMPLES):
            noise = tf.random.stateless_normal((1, *image.shape), [0, sample])
            noisy = image[None] + methods.NOISE * np.ptp(image) * noise
            with tf.GradientTape() as tape:
                tape.watch(noisy)
                score = (inner(noisy) @ dense.kernel)[0, 2]
            total += tape.gradient(score, noisy)[0].numpy()
        assert_same(made, np.abs(total / methods.SAMPLES).max(axis=-1))


def test_portions_and_single_images_have_the_same_maps(tuned):
    model, _ = tuned
    found = visualize.class_activation_maps(model, IMAGES)
    whole = found.maps
    most = np.maximum(whole.max(axis=(1, 2), keepdims=True), 1e-30)
    assert found.scaled() == pytest.approx(whole / most)
    portions = visualize.class_activation_maps(model, IMAGES, batch_size=5).maps
    single = visualize.class_activation_maps(model, IMAGES[3:4]).maps
    assert portions == pytest.approx(whole, rel=1e-4, abs=1e-6)
    assert single[0] == pytest.approx(whole[3], rel=1e-4, abs=1e-6)


def test_functions_are_compiled_once(small):
    calls = []

    def score(outputs):  # called when its graph is made
        calls.append(outputs)
        return outputs[:, 0]

    for _ in range(2):
        visualize.class_activation_maps(small, SMALL, "conv1", score=score)
    assert len(calls) == 1


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


# --- layers ---------------------------------------------------------------------------


def flat(*steps):
    """Those steps for 8×8 images, and two scores of all that they give."""
    return chain((8, 8, 1), *steps, layers.Flatten(), layers.Dense(2, name="out"))


def conv1():
    return layers.Conv2D(4, 3, activation="relu", name="conv1")


def plain():
    return flat(conv1())


def branches(joined):
    """A stem and two branches of it, added or brought together behind their means."""
    image = keras.Input((8, 8, 1))
    stem = layers.Conv2D(2, 2, name="stem")(image)
    left, right = (layers.Conv2D(2, 1, name=name)(stem) for name in ("left", "right"))
    pool = layers.GlobalAveragePooling2D()
    if joined:
        x = pool(keras.ops.relu(left + right))
    else:
        x = layers.Concatenate()([pool(left), pool(right)])
    return keras.Model(image, layers.Dense(2)(x))


def test_a_layer_inside_a_model_inside():
    inner = chain((8, 8, 1), conv1(), layers.MaxPooling2D(2), name="inner")
    nested = flat(inner)
    same = flat(*inner.layers[1:])
    same.set_weights(nested.get_weights())
    images = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1))
    found, expected = (
        visualize.class_activation_maps(model, images, layer, target=1)
        for model, layer in ((nested, "inner/conv1"), (same, "conv1"))
    )
    assert found.layer == "inner/conv1"
    assert_same(found.maps, expected.maps)


MOVES = {
    "swapped": lambda: layers.Permute((2, 1, 3)),
    "channels first": lambda: layers.Permute((3, 1, 2)),
    "reshaped": lambda: layers.Reshape((4, 9, 4)),
    "transposed": lambda: lambda x: keras.ops.transpose(x, (0, 2, 1, 3)),
    "flipped": lambda: lambda x: keras.ops.flip(x, axis=2),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_layer_that_moves_axes_has_no_map(name):
    model = flat(conv1(), MOVES[name]())
    assert visualize.class_activation_maps(model, PIXEL[None]).layer == "conv1"
    moved = model.operations[2].name
    with pytest.raises(ValueError, match="whose axes may have moved"):
        visualize.class_activation_maps(model, PIXEL[None], moved)


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (make_small, "pool1"),
        (lambda: branches(joined=False), "stem"),
        (lambda: branches(joined=True), "relu"),
    ],
)
def test_the_default_layer_is_the_last_that_every_way_passes(build, layer):
    model = build()
    images = np.ones((1, *model.input_shape[1:]))
    assert visualize.class_activation_maps(model, images).layer.startswith(layer)


def test_receptive_fields_larger_than_the_image_are_spread_evenly():
    keras.utils.set_random_seed(0)
    model = flat(
        layers.Conv2D(2, 5, strides=2, padding="same", name="near"),
        layers.Conv2D(2, 5, padding="same", activation="relu", name="far"),
    )
    images = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 1))
    found = visualize.class_activation_maps(model, images, ["near", "far"], target=1)
    assert found["near"].placed
    assert not found["far"].placed
    resized = tf.image.resize(found["far"].coarse[..., None], (8, 8))[..., 0]
    assert_same(found["far"].maps, resized.numpy())


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_evidence_narrower_than_a_pixel_is_not_lost(factor):
    matrix = visualize.placement(visualize.Axis(0, 1 / factor), 8 * factor, 8)
    assert (matrix.max(axis=0)[: 7 * factor] > 0).all()
    even = visualize.placement(None, 8 * factor, 8)
    assert (even.max(axis=0) > 0).all()
    assert even.sum(axis=1) == pytest.approx(np.ones(8))


# --- what is refused ------------------------------------------------------------------


def apart():
    """Two heads, each of a layer of its own."""
    image = keras.Input((8, 8, 1))
    pool = layers.GlobalAveragePooling2D
    return keras.Model(
        image,
        [pool(name=f"head_{n}")(layers.Conv2D(2, 3, name=n)(image)) for n in "ab"],
    )


def parts():
    softmax = layers.Conv2D(3, 3, activation="softmax")
    return chain((8, 8, 1), softmax, layers.Flatten(name="out"))


def blocked():
    return flat(conv1(), keras.ops.stop_gradient)


def broken(value):
    return make_linear(np.full((64, 2), value), activation="softmax")


def one_score(outputs):
    return outputs[:, 0]


REFUSED = [
    (plain, {"layer": "out"}, "out gives .*no feature maps; .*: conv1"),
    (plain, {"layer": []}, "no layer in the list"),
    (plain, {"layer": "conv2"}, "no layer named 'conv2'; nearest: co"),
    (plain, {"layer": layers.Dense(2, name="x")}, "x is not part of"),
    (plain, {"head": "hue"}, "no head named 'hue'; nearest: out"),
    (plain, {"method": "cam"}, "no method 'cam'; known: gradcam, "),
    (plain, {"background": [0, 0]}, r"background has shape \(2,\)"),
    (plain, {"score": one_score, "head": "out"}, "expected score="),
    (plain, {"score": one_score, "target": 1}, "score= gives the"),
    (
        plain,
        {"layer": "out", "reshape": one_score},
        r"reshape gives shape \(None,\); ex",
    ),
    (flat, {}, "gives feature maps; use a method on the image"),
    (apart, {"layer": "b", "head": "head_a"}, "head_a does not depend on layer b"),
    (parts, {}, "head out is a softmax over parts of its 108"),
    (blocked, {"layer": "conv1"}, "has no gradient there: an operation on the"),
    (lambda: broken(np.nan), {}, "layer out has weights that are not finite"),
    (lambda: broken(np.inf), {}, "layer out has weights that are not finite"),
    (lambda: broken(3e38), {}, "scores that are not finite numbers"),
    (lambda: broken(3e38), {"method": "occlusion"}, "scores that are not finite num"),
    (lambda: chain((8, 8, 1), conv1()), {}, r"head conv1 gives \(None, 6, 6, 4\)"),
    *((plain, {"target": target}, "target is") for target in (2, -1, 1.5, [0, 1], "3")),
]


@pytest.mark.parametrize(("build", "options", "message"), REFUSED)
def test_what_has_no_map(build, options, message):
    with pytest.raises(ValueError, match=message):
        visualize.class_activation_maps(build(), 9 * PIXEL[None], **options)


def test_a_model_without_feature_maps_has_one_on_the_image():
    found = visualize.class_activation_maps(flat(), PIXEL[None], method="occlusion")
    assert found.maps.shape == (1, 8, 8)
