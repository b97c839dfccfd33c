"""Models as other people have them: through the functions and the command, or refused.

Maps are compared with an eager tape on a model of plain Keras. Most models of
``keras.applications`` are marked slow: ``pytest -m slow`` runs them.
"""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from coursework import visualize
from coursework.visualize import command

ROUNDING = 1e-5  # of the maximum
RANDOM = np.random.default_rng(0)


def hirescam(model, layer, images, score):
    """HiResCAM by an eager tape: the sum over channels of gradient times activation.

    Args:
        model: a functional ``keras.Model``.
        layer: the symbolic tensor that the map is of.
        images: array.
        score: function of the outputs → (N,).
    """
    both = keras.Model(model.inputs, [layer, *model.outputs])
    with tf.GradientTape() as tape:
        activation, *outputs = both(images, training=False)
        total = tf.reduce_sum(score(outputs[0] if len(outputs) == 1 else outputs))
    gradient = tape.gradient(total, activation)
    return np.maximum((gradient * activation).numpy().sum(axis=-1), 0)


def assert_same(made, expected, rounding=ROUNDING):
    assert expected.max() > 0
    assert np.abs(made - expected).max() <= rounding * expected.max()


@pytest.fixture
def run(tmp_path, capsys):
    """Save a model and run the command on it; returns status, lines printed, errors."""

    def run(model, *arguments, name="model.keras"):
        path = tmp_path / name
        if not path.exists():
            model.save(path)
        Image.new("RGB", (40, 40), (200, 80, 20)).save(tmp_path / "image.png")
        arguments = [a.replace("IMAGE", str(tmp_path / "image.png")) for a in arguments]
        status = command.main([str(path), *arguments, "--out", str(tmp_path / "out")])
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err

    return run


# --- keras.applications ---------------------------------------------------------------

SIZES = {
    "MobileNetV3Small": 32,
    "VGG16": 32,
    "ResNet50": 32,
    "EfficientNetB0": 32,
    "DenseNet121": 32,
    "InceptionV3": 75,
    "ConvNeXtTiny": 32,
    "Xception": 71,
    "NASNetMobile": 32,
    "MobileNetV2": 32,
}
QUICK = ("MobileNetV3Small",)
APPLICATIONS = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in SIZES
]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications(name, run, tmp_path):
    keras.utils.set_random_seed(0)
    shape = (SIZES[name], SIZES[name], 3)
    options = {"weights": None, "classes": 5, "input_shape": shape}
    model = getattr(keras.applications, name)(**options)
    images = RANDOM.uniform(0, 1, (2, *shape)).astype(np.float32)
    found = visualize.class_activation_maps(model, images, target=3, method="hirescam")
    last = model.layers[-1]
    scores = keras.Model(model.inputs, last.input)
    if isinstance(last, layers.Dense):
        linear = layers.Dense(5)
        scores = keras.Model(model.inputs, linear(last.input))
        linear.set_weights(last.get_weights())
    layer = model.get_layer(found.layer).output
    expected = hirescam(scores, layer, images, lambda y: tf.reshape(y, (2, 5))[:, 3])
    assert_same(found.coarse, expected)
    outputs = model.predict(images, verbose=0)
    assert found.probabilities == pytest.approx(outputs[:, 3], abs=1e-6)
    few = visualize.filters(model, found.layer, units=[0, 1], steps=2, pixels=(0, 1))
    assert np.isfinite(few.images).all()
    status, printed, error = run(model, "--list")
    assert (status, error) == (0, "")
    assert f"  {model.output_names[0]}  softmax  5" in printed
    status, _, error = run(model, "--image", "IMAGE", "--layer", found.layer)
    assert (status, error) == (0, "")
    assert (tmp_path / "out" / "summary.json").exists()


def test_the_first_kernels_of_a_network_that_pads_first(run, tmp_path):
    image = keras.Input((12, 12, 3))
    x = layers.ZeroPadding2D(2)(layers.Rescaling(1 / 255)(image))
    x = layers.Conv2D(4, 5, name="conv1")(x)
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert run(model, "--layer", "conv1", "--steps", "2")[0] == 0
    assert (tmp_path / "out" / "kernels_conv1.png").exists()


# --- segmentation, transformers, dictionaries -----------------------------------------


def make_unet():
    image = keras.Input((16, 16, 3))
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(image)
    x = layers.MaxPooling2D(2)(first)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="middle")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, activation="relu", name="up")(x)
    x = layers.Concatenate(name="both")([x, first])
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="last")(x)
    return keras.Model(image, layers.Conv2D(2, 1, activation="softmax", name="out")(x))


def test_a_u_net_by_a_score(run):
    keras.utils.set_random_seed(0)
    model = make_unet()
    images = RANDOM.uniform(0, 1, (2, 16, 16, 3)).astype(np.float32)

    def score(outputs):
        return tf.reduce_sum(outputs[..., 1], axis=(1, 2))

    options = {"score": score, "method": "hirescam"}
    found = visualize.class_activation_maps(model, images, "middle", **options)
    layer = model.get_layer("middle").output
    assert_same(found.coarse, hirescam(model, layer, images, score))
    assert visualize.class_activation_maps(model, images, **options).layer == "last"
    with pytest.raises(ValueError, match=r"head out gives \(None, 16, 16, 2\).*score="):
        visualize.class_activation_maps(model, images)
    status, printed, _ = run(model, "--image", "IMAGE")
    assert status == 0
    assert any(line.startswith("no map: head out gives") for line in printed)


def make_transformer(size=16, patch=4, width=8):
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


def test_a_vision_transformer_by_its_tokens(run):
    keras.utils.set_random_seed(0)
    model = make_transformer()
    images = RANDOM.uniform(0, 1, (2, 16, 16, 3)).astype(np.float32)
    found = visualize.class_activation_maps(
        *(model, images, "block1"),
        target=2,
        method="hirescam",
        reshape=lambda x: tf.reshape(x, (-1, 4, 4, x.shape[-1])),
    )
    layer = model.get_layer("block1").output
    expected = hirescam(model, layer, images, lambda y: y[:, 2])
    assert_same(found.coarse, expected.reshape(2, 4, 4))
    assert visualize.class_activation_maps(model, images).layer == "patches"
    assert visualize.activations(model, images, "block2")["block2"].shape == (2, 16, 8)
    assert visualize.filters(model, "block1", units=[1], steps=2).units == [1]
    status, printed, _ = run(model, "--image", "IMAGE")
    assert status == 0
    assert "block1: gives 16×8, which is not drawn" in printed
    status, printed, _ = run(model, "--image", "IMAGE", "--layer", "block1")
    assert status == 0
    assert any(line.startswith("no map: layer block1 gives") for line in printed)


def test_outputs_in_a_dictionary(run):
    image = keras.Input((12, 12, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3, activation="relu", name="conv1")(image))
    outputs = {"b": layers.Dense(2, activation="softmax")(x), "a": layers.Dense(1)(x)}
    model = keras.Model(image, outputs)
    status, printed, _ = run(model, "--list")
    assert status == 0
    assert printed[-2:] == ["  a  linear  1", "  b  softmax  2"]
    assert run(model, "--image", "IMAGE", "--head", "b", "--target", "1")[0] == 0


# --- graphs that are made in other ways -----------------------------------------------


def make_keywords(image):
    x = layers.Conv2D(3, 3, activation="relu", name="conv1")(inputs=image)
    x = layers.BatchNormalization(name="norm1")(inputs=x)
    x = layers.Dense(4, name="dense1")(inputs=layers.Flatten()(inputs=x))
    return layers.Dense(2, name="out")(inputs=x)


def make_operations(image):
    x = layers.Conv2D(3, 3, name="conv1")(image / 255.0 - 0.5)
    x = keras.ops.relu(x) * keras.ops.sigmoid(x) + 0.1
    return layers.Dense(2, name="out")(keras.ops.mean(x, axis=(1, 2)))


def make_logits(image):
    x = layers.Conv2D(3, 3, activation="relu", name="conv1")(image)
    return layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("make", [make_keywords, make_operations, make_logits])
def test_keywords_operations_and_logits(make, run):
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3))
    model = keras.Model(image, make(image))
    images = RANDOM.uniform(0, 255, (2, 12, 12, 3)).astype(np.float32)
    for target in (0, 1):
        options = {"target": target, "method": "hirescam"}
        found = visualize.class_activation_maps(model, images, "conv1", **options)
        layer = model.get_layer("conv1").output
        expected = hirescam(model, layer, images, lambda y, t=target: y[:, t])
        assert np.abs(found.coarse - expected).max() <= ROUNDING * expected.max()
    for arguments in (["--list"], ["--image", "IMAGE"], ["--layer", "conv1"]):
        status, _, error = run(model, *arguments, "--steps", "2")
        assert (status, error) == (0, "")


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


def test_a_subclassed_model_is_opened(run):
    keras.utils.set_random_seed(0)
    model, images = Subclassed(), RANDOM.uniform(0, 255, (3, 12, 12, 3))
    outputs = np.asarray(model(images.astype(np.float32)))
    found = visualize.class_activation_maps(model, images, target=1)
    assert found.layer == "conv1"
    assert found.probabilities == pytest.approx(outputs[:, 1], abs=1e-6)
    assert np.asarray(model(images.astype(np.float32))) == pytest.approx(outputs)
    assert visualize.sanity_check(model, images).layers == ["out", "conv1"]
    status, _, error = run(model, "--list")
    assert status == 2
    assert "needs the class Subclassed, which is not part of Keras" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("called", [False, True])
def test_a_subclassed_model_that_cannot_be_opened_is_refused(called):
    model = Opaque() if called else Subclassed()
    if called:
        model(np.ones((1, 12, 12, 3), np.float32))
    with pytest.raises(ValueError, match="layers cannot be seen") as error:
        visualize.activations(model, np.ones((1, 12, 12, 3)))
    assert len(str(error.value).splitlines()) == 1


def test_mixed_precision(run):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        image = keras.Input((12, 12, 3))
        model = keras.Model(image, make_keywords(image))
    finally:
        keras.config.set_dtype_policy("float32")
    assert run(model, "--image", "IMAGE")[0] == 0
    assert run(model, "--layer", "conv1", "--steps", "2")[0] == 0


def test_several_outputs_of_a_layer():
    class Halves(layers.Layer):
        def call(self, x):
            return x[..., :2], x[..., 2:]

    image = keras.Input((8, 8, 3))
    left, right = Halves(name="halves")(layers.Conv2D(4, 3, name="conv1")(image))
    x = layers.GlobalAveragePooling2D()(layers.Multiply()([left, right]))
    model = keras.Model(image, layers.Dense(2)(x))
    images = RANDOM.uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    made = visualize.activations(model, images)
    assert (
        np.concatenate([made["halves"], made["halves:1"]], -1) == made["conv1"]
    ).all()
    assert list(visualize.activations(model, images, "halves")) == [
        *("halves", "halves:1"),
    ]
    options = {"target": 0, "method": "hirescam"}
    found = visualize.class_activation_maps(model, images, "halves:1", **options)
    expected = hirescam(model, right, images, lambda y: y[:, 0])
    assert found.layer == "halves:1"
    assert np.abs(found.coarse - expected).max() <= ROUNDING


# --- sequences, volumes, channels -----------------------------------------------------


def make_any_rank(rank, channels, size=9):
    kind = getattr(layers, f"Conv{rank}D"), getattr(layers, f"MaxPooling{rank}D")
    image = keras.Input((size,) * rank + (channels,))
    x = kind[1](2, name="pool1")(kind[0](3, 2, activation="relu", name="conv1")(image))
    x = getattr(layers, f"GlobalAveragePooling{rank}D")()(x)
    return keras.Model(image, layers.Dense(2, name="out")(x))


@pytest.mark.parametrize(("rank", "channels"), [(1, 6), (3, 2), (2, 5)])
def test_sequences_volumes_and_many_channels(rank, channels, run):
    keras.utils.set_random_seed(2)
    model = make_any_rank(rank, channels)
    images = RANDOM.uniform(0, 1, (2, *(9,) * rank, channels)).astype(np.float32)
    for layer in ("conv1", "pool1"):
        options = {"target": 1, "method": "layercam"}
        found = visualize.class_activation_maps(model, images, layer, **options)
        symbolic = model.get_layer(layer).output
        both = keras.Model(model.inputs, [symbolic, model.outputs[0]])
        with tf.GradientTape() as tape:
            activation, outputs = both(images)
            score = tf.reduce_sum(outputs[:, 1])
        gradient = np.maximum(tape.gradient(score, activation).numpy(), 0)
        expected = (gradient * activation.numpy()).sum(axis=-1)
        assert_same(found.coarse, expected)
        assert found.maps.shape == images.shape[:-1]
        assert found.placed
        assert found.scaled().max() == 1
    for method in visualize.METHODS:
        made = visualize.class_activation_maps(model, images, method=method)
        assert made.maps.shape == images.shape[:-1]
    settings = {"blur": 0.5, "decorrelate": True, "total_variation": 0.1, "jitter": 1}
    kept = visualize.filters(model, "conv1", steps=5, pixels=(0, 1), **settings)
    assert kept.images.shape == (3, *images.shape[1:])
    assert (kept.after > 0).any()
    assert run(model, "--list")[0] == 0
    status, _, error = run(model, "--image", "IMAGE")
    assert status == 2
    assert "the model takes arrays of shape" in error
    assert len(error.splitlines()) == 1


def test_a_keras_2_file(run, tmp_path):
    path = tmp_path / "model.h5"
    make_any_rank(2, 3).save(path)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "2.11.0"
    status, _, error = run(None, "--list", name="model.h5")
    assert status == 2
    assert "was written by Keras 2.11.0; expected a model of Keras 3" in error
    assert len(error.splitlines()) == 1
