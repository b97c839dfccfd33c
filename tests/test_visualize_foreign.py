"""Models as other people have them: through the functions and the command, or refused.

Maps are compared with an eager tape on a model of plain Keras. Most models of
``keras.applications`` are marked slow: ``pytest -m slow`` runs them.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from coursework import visualize
from coursework.visualize import command

from foreign_models import chain

ROUNDING = 1e-5  # of the maximum


def hirescam(model, layer, images, score):
    """HiResCAM before its ReLU, by an eager tape: gradient times activation.

    Args:
        model: a functional ``keras.Model``.
        layer: the symbolic tensor that the map is of.
        images: array.
        score: function of the outputs → (N,).
    """
    both = keras.Model(model.inputs, [layer, model.output])
    with tf.GradientTape() as tape:
        activation, outputs = both(images, training=False)
        total = tf.reduce_sum(score(outputs))
    gradient = tape.gradient(total, activation)
    return (gradient * activation).numpy().sum(axis=-1)


def assert_same(made, expected):
    assert np.abs(expected).max() > 0
    assert np.abs(made - expected).max() <= ROUNDING * np.abs(expected).max()


@pytest.fixture
def run(tmp_path, capsys):
    """Save a model and run the command on it; returns status, lines printed, errors."""

    def run(model, *arguments):
        path = tmp_path / "model.keras"
        model.save(path)
        Image.new("RGB", (40, 40), (200, 80, 20)).save(tmp_path / "image.png")
        arguments = [a.replace("IMAGE", str(tmp_path / "image.png")) for a in arguments]
        status = command.main([str(path), *arguments, "--out", str(tmp_path / "out")])
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err

    return run


# --- keras.applications ---------------------------------------------------------------

SIZES = {"InceptionV3": 75, "Xception": 71, "ConvNeXtTiny": 64}  # px; else 32
SLOW = "VGG16 ResNet50 EfficientNetB0 DenseNet121 InceptionV3 ConvNeXtTiny Xception"
SLOW += " NASNetMobile MobileNetV2"
NAMES = [pytest.param(name, marks=pytest.mark.slow) for name in SLOW.split()]


@pytest.mark.parametrize("name", ["MobileNetV3Small", *NAMES])
def test_applications(name, run, tmp_path):
    keras.utils.set_random_seed(0)
    shape = (SIZES.get(name, 32),) * 2 + (3,)
    options = {"weights": None, "classes": 5, "input_shape": shape}
    model = getattr(keras.applications, name)(**options)
    for weight in model.weights:  # ConvNeXt's 1e-6 would leave rounding errors alone
        if "layer_scale" in weight.path:
            weight.assign(np.ones(weight.shape))
    images = np.random.default_rng(0).uniform(0, 1, (2, *shape)).astype(np.float32)
    found = visualize.class_activation_maps(model, images, target=3, method="hirescam")
    last = model.layers[-1]
    scores = keras.Model(model.inputs, last.input)
    if isinstance(last, layers.Dense):
        linear = layers.Dense(5)
        scores = keras.Model(model.inputs, linear(last.input))
        linear.set_weights(last.get_weights())
    named = {each.name: each.output for each in model.operations}  # add_17 is no layer
    layer = named[found.layer]
    expected = hirescam(scores, layer, images, lambda y: tf.reshape(y, (2, 5))[:, 3])
    assert_same(found.coarse, np.maximum(expected, 0))
    outputs = model.predict(images, verbose=0)
    assert found.probabilities == pytest.approx(outputs[:, 3], abs=1e-6)
    few = visualize.filters(model, found.layer, units=[0, 1], steps=2, pixels=(0, 1))
    assert np.isfinite(few.images).all()
    status, _, error = run(model, "--image", "IMAGE", "--layer", found.layer)
    assert (status, error) == (0, "")
    assert (tmp_path / "out" / "summary.json").exists()


# --- graphs of all kinds --------------------------------------------------------------


def u_net():
    image = keras.Input((16, 16, 3))
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(image)
    x = layers.MaxPooling2D(2)(first)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="middle")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, activation="relu", name="up")(x)
    x = layers.Concatenate(name="both")([x, first])
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="last")(x)
    return keras.Model(image, layers.Conv2D(2, 1, activation="softmax", name="out")(x))


def ink(outputs):
    return tf.reduce_sum(outputs[..., 1], axis=(1, 2))


def transformer(size=16, patch=4, width=8):
    image = keras.Input((size, size, 3))
    x = layers.Conv2D(width, patch, strides=patch, name="patches")(image)
    x = layers.Reshape(((size // patch) ** 2, width), name="tokens")(x)
    for number in (1, 2):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(2, width, name=f"attention{number}")(y, y)
        x = layers.Add(name=f"attended{number}")([x, y])
        y = layers.Dense(width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add(name=f"block{number}")([x, y])
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(x))
    return keras.Model(image, layers.Dense(3, name="out")(pooled))


def dictionary():
    image = keras.Input((12, 12, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3, activation="relu", name="conv1")(image))
    outputs = {"b": layers.Dense(2)(x), "a": layers.Dense(1)(x)}
    return keras.Model(image, outputs)


def keywords():
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, activation="relu", name="conv1")(inputs=image)
    x = layers.BatchNormalization(name="norm1")(inputs=x)
    x = layers.Dense(4, name="dense1")(inputs=layers.Flatten()(inputs=x))
    return keras.Model(image, layers.Dense(2, name="out")(inputs=x))


def operations():
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, name="conv1")(image / 255.0 - 0.5)
    x = keras.ops.relu(x) * keras.ops.sigmoid(x) + 0.1
    return keras.Model(image, layers.Dense(2, name="out")(keras.ops.mean(x, (1, 2))))


class Halves(layers.Layer):
    """Two outputs."""

    def call(self, x):
        return x[..., :2], x[..., 2:]


def several_outputs():
    image = keras.Input((8, 8, 3))
    left, right = Halves(name="halves")(layers.Conv2D(4, 3, name="conv1")(image))
    x = layers.GlobalAveragePooling2D()(layers.Multiply()([left, right]))
    return keras.Model(image, layers.Dense(2)(x))


def rank(spatial, channels):
    """Of sequences, images or volumes."""
    kinds = [getattr(layers, f"{name}{spatial}D") for name in ("Conv", "MaxPooling")]
    return chain(
        (9,) * spatial + (channels,),
        kinds[0](3, 2, activation="relu", name="conv1"),
        kinds[1](2, name="pool1"),
        getattr(layers, f"GlobalAveragePooling{spatial}D")(),
        layers.Dense(2, name="out"),
    )


def sequences():
    return rank(1, 6)


def channels_first():
    return chain(
        (9, 9, 1),
        layers.Conv2D(3, 2, activation="relu", name="conv1"),
        layers.Permute((3, 1, 2)),
        layers.Conv2D(5, 3, data_format="channels_first", name="conv2"),
        layers.GlobalAveragePooling2D(data_format="channels_first"),
        layers.Dense(2, name="out"),
    )


def second(outputs):
    return outputs[:, 1]


def to_grid(tokens):
    return tf.reshape(tokens, (-1, 4, 4, tokens.shape[-1]))


GRAPHS = {  # a model, a layer, a score, and further options of the map
    "u-net": (u_net, "middle", ink, {}),
    "transformer": (transformer, "block1", second, {"reshape": to_grid}),
    "dictionary": (dictionary, "conv1", lambda y: second(y["b"]), {}),
    "keywords": (keywords, "conv1", second, {}),
    "operations": (operations, "conv1", second, {}),
    "several outputs": (several_outputs, "halves:1", second, {}),
    "1D": (sequences, "pool1", second, {}),
    "2D": (lambda: rank(2, 5), "conv1", second, {}),
    "3D": (lambda: rank(3, 2), "conv1", second, {}),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_map_is_that_of_an_eager_tape(name):
    """Of a score and of its negative, so that nothing hides behind the ReLU."""
    build, layer, score, options = GRAPHS[name]
    keras.utils.set_random_seed(2)
    model = build()
    shape = (2, *model.input_shape[1:])
    images = np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    path, _, output = layer.partition(":")
    symbolic = keras.tree.flatten(model.get_layer(path).output)[int(output or 0)]
    expected = hirescam(model, symbolic, images, score)
    options = options | {"method": "hirescam"}
    most, least = (
        visualize.class_activation_maps(model, images, layer, score=each, **options)
        for each in (score, lambda y: -score(y))
    )
    assert_same(most.coarse - least.coarse, expected.reshape(most.coarse.shape))
    assert most.maps.shape == images.shape[:-1]
    assert most.layer == layer
    assert most.placed == ("reshape" not in options and layer != "halves:1")
    assert most.head == score.__name__.replace("<lambda>", "score")
    assert most.probabilities == pytest.approx(score(model(images)), abs=1e-6)


def test_a_channels_first_convolution_has_the_map_of_its_like():
    first, images = (
        channels_first(),
        np.random.default_rng(0).uniform(0, 1, (2, 9, 9, 1)),
    )
    last = chain(
        (9, 9, 1),
        layers.Conv2D(3, 2, activation="relu"),
        layers.Conv2D(5, 3, name="conv2"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, name="out"),
    )
    last.set_weights(first.get_weights())
    found, expected = (
        visualize.class_activation_maps(model, images, target=1, method="layercam")
        for model in (first, last)
    )
    assert found.layer == "conv2"
    assert_same(found.coarse, expected.coarse)


def test_several_outputs_of_a_layer():
    model, images = several_outputs(), np.ones((2, 8, 8, 3), np.float32)
    made = visualize.activations(model, images)
    both = np.concatenate([made["halves"], made["halves:1"]], -1)
    assert (both == made["conv1"]).all()
    assert len(visualize.activations(model, images, "halves")) == 2


@pytest.mark.parametrize("spatial", [1, 3])
def test_sequences_and_volumes_have_all_methods_and_filters(spatial):
    model = rank(spatial, 2)
    images = np.random.default_rng(0).uniform(0, 1, (2, *model.input_shape[1:]))
    for method in visualize.METHODS:
        made = visualize.class_activation_maps(model, images, method=method)
        assert made.maps.shape == images.shape[:-1]
    settings = {"blur": 0.5, "decorrelate": True, "total_variation": 0.1, "jitter": 1}
    kept = visualize.filters(model, "conv1", steps=5, pixels=(0, 1), **settings)
    assert kept.images.shape == (3, *images.shape[1:])
    assert (kept.after > 0).any()


# --- through the command --------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "line", "status", "said"),
    [
        (u_net, "--image IMAGE", 0, "no map: head out gives (None, 16, 16, 2)"),
        (transformer, "--image IMAGE", 0, "block1: gives 16×8, which is not drawn"),
        (transformer, "--image IMAGE --layer block1", 0, "no map: layer block1 gives"),
        (dictionary, "--list", 0, "  a  linear  1"),
        (dictionary, "--image IMAGE --head b --target 1", 0, "pixels: 0..255"),
        (operations, "--layer conv1 --steps 2", 0, "conv1: 3 filters"),
        (sequences, "--list", 0, "layers (name, kind, output shape):"),
        (sequences, "--image IMAGE", 2, "the model takes arrays of shape"),
        (several_outputs, "--list", 2, "needs the class Halves, which is not part"),
    ],
)
def test_the_command_takes_or_refuses_it(build, line, status, said, run):
    found, printed, error = run(build(), *line.split())
    assert found == status
    lines = error.splitlines() if status else printed
    assert any(said in line for line in lines)
    assert len(error.splitlines()) == bool(status)


# --- code of their own ----------------------------------------------------------------


class Subclassed(keras.Model):
    """Layers called by code of its own, which works on symbolic tensors."""

    def __init__(self, **options):
        super().__init__(**options)
        self.convolution = layers.Conv2D(3, 3, activation="relu", name="conv1")
        self.pool = layers.GlobalAveragePooling2D()
        self.out = layers.Dense(2, activation="softmax", name="out")

    def call(self, x, training=False):
        return self.out(self.pool(self.convolution(x / 255.0)))


class Opaque(Subclassed):
    """Code of its own that needs numbers."""

    def call(self, x, training=False):
        return super().call(x * float(np.asarray(x).max()))


class Inverted(keras.Model):
    """A functional model that does something else than its layers."""

    def call(self, x, training=False):
        return 1 - super().call(x, training=training)


IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 12, 12, 3)).astype(np.float32)


def test_a_subclassed_model_is_opened():
    keras.utils.set_random_seed(0)
    model = Subclassed()
    outputs = np.asarray(model(IMAGES))
    found = visualize.class_activation_maps(model, IMAGES, target=1)
    assert found.layer == "conv1"
    assert found.probabilities == pytest.approx(outputs[:, 1], abs=1e-6)
    assert np.asarray(model(IMAGES)) == pytest.approx(outputs)
    assert visualize.sanity_check(model, IMAGES).layers == ["out", "conv1"]


def make_inverted():
    plain = rank(2, 3)
    return Inverted(plain.inputs, plain.outputs)


def called(model):
    model(IMAGES)
    return model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Subclassed, "Subclassed whose layers cannot be seen"),
        (lambda: called(Opaque()), "Opaque whose layers cannot be seen"),
        (make_inverted, "does not follow from its layers"),
    ],
)
def test_code_that_cannot_be_followed_is_refused(build, message):
    with pytest.raises(ValueError, match=message) as error:
        visualize.class_activation_maps(build(), IMAGES[:, :9, :9])
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, run):
    keras.config.set_dtype_policy(policy)
    try:
        model = chain(
            (12, 12, 3),
            layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.Rescaling(0.01),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", dtype="float32"),
        )
        for method in visualize.METHODS:
            visualize.class_activation_maps(model, IMAGES, method=method)
        options = {"steps": 2, "l2": 1e-6, "total_variation": 1e-6}
        visualize.filters(model, "conv1", **options)
        visualize.sanity_check(model, IMAGES)
    finally:
        keras.config.set_dtype_policy("float32")
    assert run(model, "--image", "IMAGE")[0] == 0
