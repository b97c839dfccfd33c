"""A model taken apart: every layer is found, and nothing of the model is changed."""

import gc
import random
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import visualize
from coursework.visualize import network as networks

import foreign_models
from foreign_models import chain

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 12, 12, 3)).astype(np.float32)


def make_backbone(name):
    convolution = layers.Conv2D(4, 3, activation="relu", name="conv1")
    norm = layers.BatchNormalization(name="norm1")
    return chain((12, 12, 3), convolution, norm, name=name)


def make_nested(softmax="softmax"):
    """Two models inside, with layers of the same names, and heads of every kind."""
    image = keras.Input((12, 12, 3), name="image")
    left, right = make_backbone("left")(image), make_backbone("right")(image)
    x = layers.Concatenate(name="both")([left, right])
    x = layers.Flatten(name="flatten")(layers.Rescaling(0.1, name="scale")(x))
    heads = [
        layers.Dense(3, activation="softmax", name="argument")(x),
        layers.Activation("softmax", name="layer")(layers.Dense(3, name="before")(x)),
        layers.Softmax(name="softmax_layer")(layers.Dense(3)(x)),
        layers.Dropout(0.5, name="dropped")(layers.Dense(3, activation="softmax")(x)),
        layers.Reshape((3,), name="moved")(layers.Softmax()(layers.Dense(3)(x))),
        layers.Dense(3, activation=softmax, name="of_tensorflow")(x),
        layers.Activation(layers.Softmax(), name="of_a_layer")(layers.Dense(3)(x)),
        layers.Dense(1, activation="sigmoid", name="one")(x),
        layers.Dense(4, activation="sigmoid", name="many")(x),
        layers.Dense(2, name="linear")(x),
        keras.ops.softmax(layers.Dense(3, name="raw")(x)),
    ]
    return keras.Model(image, heads)


KINDS = ["softmax"] * 7 + ["sigmoid", "sigmoid", "linear", "softmax"]
CLASSES = [3] * 7 + [2, 4, 2, 3]


@pytest.fixture(scope="module")
def nested():
    return foreign_models.make(lambda: make_nested(tf.nn.softmax))


def test_paths_lead_into_models_inside(nested):
    made = visualize.activations(nested, IMAGES)
    assert list(made)[:6] == [
        *("left/conv1", "left/norm1", "right/conv1", "right/norm1"),
        *("both", "scale"),
    ]
    plain = keras.Model(nested.inputs, nested.get_layer("both").output)
    assert made["both"] == pytest.approx(plain.predict(IMAGES, verbose=0), abs=1e-5)
    portions = visualize.activations(nested, IMAGES, batch_size=2)
    for path, values in made.items():
        assert portions[path] == pytest.approx(values, rel=1e-5, abs=1e-5)
    some = visualize.activations(nested, IMAGES, ["both", "left", "right/conv1"])
    assert list(some) == ["left/norm1", "right/conv1", "both"]


def test_a_layer_that_is_called_twice_has_two_steps():
    convolution = layers.Conv2D(3, 3, padding="same", name="again")
    model = chain((8, 8, 3), convolution, convolution)
    made = visualize.activations(model, np.ones((1, 8, 8, 3)))
    assert list(made) == ["again", "again@2"]
    assert (made["again"] != made["again@2"]).any()


@pytest.mark.parametrize("index", range(len(KINDS)))
def test_scores_are_those_before_the_activation(nested, index):
    network = networks.of(nested)
    head, kind = network.heads[index], KINDS[index]
    assert (head.kind, head.classes) == (kind, CLASSES[index])
    scores = head.scores(network.graph.run(IMAGES)).numpy()
    told = nested.predict(IMAGES, verbose=0)[index]
    activation = getattr(keras.activations, kind)
    assert np.asarray(activation(scores)) == pytest.approx(told, abs=1e-5)
    if kind == "softmax":  # not the probabilities themselves
        assert np.abs(scores.sum(axis=1) - 1).max() > 0.01


def state(model):
    flags = [(layer.name, layer.trainable) for layer in model._flatten_layers()]
    arrays = [*model.get_weights(), *model.predict(IMAGES, verbose=0)]
    return model.get_config(), flags, [array.tolist() for array in arrays]


def test_the_model_is_as_it_was():
    model = make_nested()
    model.get_layer("argument").trainable = False
    before, numbers = state(model), random.getstate()
    visualize.activations(model, IMAGES)
    assert random.getstate() == numbers
    visualize.class_activation_maps(model, IMAGES, head="one", target=0)
    visualize.filters(model, "left/conv1", steps=2)
    visualize.sanity_check(model, IMAGES)
    assert state(model) == before


# --- receptive fields -----------------------------------------------------------------


def center(size, **options):
    """A convolution whose every unit gives the pixel under its kernel's center."""
    kernel = np.zeros((size, size, 1, 1), np.float32)
    kernel[size // 2, size // 2] = 1
    start = keras.initializers.Constant(kernel)
    return layers.Conv2D(1, size, use_bias=False, kernel_initializer=start, **options)


def summing_model(*steps):
    """The sum of all units of the last step, so that every unit counts alike."""
    return chain((20, 20, 1), *steps, layers.GlobalAveragePooling2D())


STACKS = {  # the stride in px, and the steps
    "valid 3": (1, lambda: [center(3)]),
    "valid 7": (1, lambda: [center(7)]),
    "same 5": (1, lambda: [center(5, padding="same")]),
    "dilated": (1, lambda: [center(3, dilation_rate=2)]),
    "strided valid": (2, lambda: [center(3, strides=2)]),
    "strided same": (2, lambda: [center(3, strides=2, padding="same")]),
    "strided same 5 by 3": (3, lambda: [center(5, strides=3, padding="same")]),
    "pool": (2, lambda: [layers.MaxPooling2D(2)]),
    "pool 3": (3, lambda: [layers.MaxPooling2D(3)]),
    "same pool": (2, lambda: [layers.MaxPooling2D(3, strides=2, padding="same")]),
    "plain": (2, lambda: [center(7), layers.ReLU(), layers.MaxPooling2D(2)]),
    "tuned": (4, lambda: [center(5), layers.MaxPooling2D(2), layers.MaxPooling2D(2)]),
    "padded": (2, lambda: [layers.ZeroPadding2D(1), center(3, strides=2)]),
    "cropped": (1, lambda: [layers.Cropping2D(((3, 1), (0, 2)))]),
    "enlarged": (2, lambda: [layers.MaxPooling2D(2), layers.UpSampling2D(2)]),
    "flipped": (1, lambda: [layers.RandomFlip(), center(7)]),
    "unit": (1, lambda: [layers.UnitNormalization(), center(7)]),
    "normalized": (1, lambda: [layers.Normalization(mean=0, variance=1), center(7)]),
    "resized": (1, lambda: [layers.Resizing(20, 20), center(7)]),
    "center crop": (1, lambda: [layers.CenterCrop(18, 18), center(7)]),
}


@pytest.mark.parametrize("name", STACKS)
def test_the_peak_is_on_the_pixel(name):
    """For every pixel that a unit sees; for the others there is no evidence."""
    stride, steps = STACKS[name]
    model = summing_model(*steps())
    pixels = [(row, column) for row in range(20) for column in (0, 1, 4, 9, 12, 18, 19)]
    images = np.zeros((len(pixels), 20, 20, 1), np.float32)
    for image, pixel in zip(images, pixels, strict=True):
        image[pixel] = 1
    seen = model.predict(images, verbose=0)[:, 0] > 0
    assert seen.any()
    found = visualize.class_activation_maps(model, images, method="hirescam", target=0)
    assert found.placed
    assert (found.without_evidence == ~seen).all()
    for pixel, values in zip(np.array(pixels)[seen], found.maps[seen], strict=True):
        peak = np.unravel_index(values.argmax(), values.shape)
        assert np.abs(peak - pixel).max() <= stride / 2 + 0.5


def test_a_layer_of_unknown_geometry_is_spread_evenly():
    class Mystery(layers.Layer):
        def call(self, x):
            return x[:, ::-1]

    model = summing_model(center(3), Mystery())
    found = visualize.class_activation_maps(model, np.ones((1, 20, 20, 1)), target=0)
    assert not found.placed
    assert (found.maps[0] > 0).all()


def test_branches_are_joined_where_their_centers_are_the_same():
    image = keras.Input((16, 16, 1))
    near, far = (
        layers.Conv2D(1, size, padding="same", dilation_rate=size // 2)(image)
        for size in (3, 5)
    )
    left = layers.Conv2D(1, 3, strides=2, padding="same")(image)
    right = layers.Conv2D(1, 1, strides=2)(image)
    outputs = [
        layers.Add(name="joined")([near, far, image]),
        layers.Add(name="apart")([left, right]),
    ]
    model = keras.Model(image, outputs)
    assert visualize.receptive_fields(model, "joined")[0] == visualize.Axis(0, 1, 9)
    assert visualize.receptive_fields(model, "apart") is None


def test_the_size_of_a_receptive_field_is_what_changes_a_unit():
    """Pixel by pixel, on a network in which every pixel of it counts."""
    model = chain(
        (32, 32, 1),
        layers.Conv2D(1, 5, padding="same", kernel_initializer="ones"),
        layers.AveragePooling2D(2),
        layers.Conv2D(1, 3, dilation_rate=2, kernel_initializer="ones"),
        layers.AveragePooling2D(3, strides=1, name="last"),
    )
    single = np.eye(32, dtype=np.float32)[:, :, None, None] * np.ones((1, 32, 1))
    rows = visualize.activations(model, single, "last")["last"]  # one row lit in each
    axis = visualize.receptive_fields(model, "last")[0]
    for unit in range(rows.shape[1]):
        seen = np.flatnonzero(rows[:, unit, unit, 0])
        middle, half = axis.start + unit * axis.stride, (axis.size - 1) / 2
        assert (seen[0], seen[-1]) == (max(middle - half, 0), min(middle + half, 31))


# --- models that change, names that come again ----------------------------------------


def test_layers_may_be_frozen_between_two_calls(nested):
    before = visualize.class_activation_maps(nested, IMAGES)
    nested.trainable = False
    after = visualize.class_activation_maps(nested, IMAGES, method="hirescam")
    nested.trainable = True
    assert (before.predictions == after.predictions).all()


def test_a_model_that_has_grown_is_taken_apart_anew():
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Flatten()])
    assert len(visualize.activations(model, IMAGES)) == 1
    model.add(layers.Dense(2))
    assert len(visualize.activations(model, IMAGES)) == 2


def test_a_model_is_freed_with_all_that_was_made_for_it():
    model = make_backbone("backbone")
    visualize.activations(model, IMAGES)
    gone = weakref.ref(model)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert gone() is None


# --- what is refused ------------------------------------------------------------------


def two_inputs():
    two = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    return keras.Model(two, layers.Add()(two))


def images_first():
    return chain((3, 9, 9), layers.Conv2D(3, 2, data_format="channels_first", name="a"))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (two_inputs, "has 2 inputs; expected one image"),
        (lambda: chain((8,), layers.Dense(2)), r"shape \(None, 8\); expected \(N, hei"),
        (images_first, "layer a takes channels first"),
        (object, "expected a keras.Model; received a object"),
    ],
)
def test_models_that_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        visualize.activations(build(), IMAGES)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((12, 12, 3)), {}, r"shape \(12, 12, 3\); expected \(N, 12, 12, 3\)"),
        (np.zeros((2, 10, 12, 3)), {}, r"shape \(2, 10, 12, 3\)"),
        (IMAGES[:0], {}, "N at least 1"),
        (np.full((1, 12, 12, 3), np.nan), {}, "not finite"),
        (IMAGES, {"layers": "left/conv2"}, "named 'left/conv2'; nearest: left/c"),
        (IMAGES, {"layers": "conv1"}, "named conv1: left/conv1, right/conv1"),
    ],
)
def test_images_and_layers_that_do_not_fit(nested, images, options, message):
    with pytest.raises(ValueError, match=message):
        visualize.activations(nested, images, **options)
