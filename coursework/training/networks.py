"""The networks, as short functions in Keras' functional API.

Every network takes raw pixels, 0…255, and scales them inside, so that no caller can
scale twice. Layers have names that people type: ``conv1``, ``relu1``, ``norm1`` …
"""

import keras
from keras import layers, regularizers

from coursework.data import lines
from coursework.training import heads

OUTPUTS = ("four heads", "four heads on a shared layer", "96 classes")


def small_cnn(
    input_shape=(28, 28, 3),
    classes=96,
    *,
    filters=(16, 32, 32),
    kernel_size=3,
    pooling=True,
    norm=True,
    dropout=0.0,
    l2=0.0,
):
    """The small network of Q1/3_variations, whose arguments are what is varied.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        classes: int, number of classes.
        filters: tuple of int, filters of each convolution; the first three halve the
            size of the image.
        kernel_size: int, px, of all convolutions.
        pooling: bool, whether 2×2 max pooling halves it; else the convolution's stride.
        norm: bool, whether batch normalization is before each ReLU.
        dropout: float, share of the units that a training step sets to zero.
        l2: float, factor of the L2 loss on all kernels but the last.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → (N, classes) probabilities.
    """
    weights = {"use_bias": not norm, "kernel_regularizer": regularizers.L2(l2)}
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    for number, count in enumerate(filters, start=1):
        halves = number <= 3
        x = layers.Conv2D(
            count,
            kernel_size,
            strides=2 if halves and not pooling else 1,
            padding="same",
            name=f"conv{number}",
            **weights,
        )(x)
        if halves and pooling:
            x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
        if norm:
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, name="dense1", **weights)(x)
    number = len(filters) + 1
    if norm:
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
    x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="class")(x)
    return keras.Model(image, probabilities, name="small_cnn")


def four_head_cnn(
    input_shape=(28, 28, 3),
    *,
    filters=(16, 24, 32),
    units=14,
    outputs="four heads",
):
    """The network of Q2/1_four_head_network: convolutions, and on them four heads.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        filters: tuple of int, of each convolution.
        units: int, size of each head's fully connected layer.
        outputs: one of ``OUTPUTS``. With a shared layer the heads have one fully
            connected layer, as large as theirs together; "96 classes" is one softmax on
            such a layer, without heads.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → a list in the order of
        ``heads.NAMES``, (N, 1) probabilities of level 1 of length, width and color, and
        (N, 12) of the angles; for "96 classes" (N, 96).

    Raises:
        ValueError: ``outputs`` is unknown.
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs is {outputs!r}; known: {', '.join(OUTPUTS)}")
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    for number, count in enumerate(filters, start=1):
        size = 5 if number == 1 else 3
        name = f"conv{number}"  # without a bias, which the norm would subtract
        x = layers.Conv2D(count, size, padding="same", use_bias=False, name=name)(x)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    features = layers.Flatten(name="flatten")(x)
    if outputs == "four heads":
        before = {name: _connected(features, units, name) for name in heads.NAMES}
    else:
        shared = _connected(features, units * len(heads.NAMES), "shared")
        before = dict.fromkeys(heads.NAMES, shared)
    if outputs == "96 classes":
        found = layers.Dense(lines.CLASSES, activation="softmax", name="class")(shared)
    else:
        found = [_output(x, name) for name, x in before.items()]
    return keras.Model(image, found, name="four_head_cnn")


def team5_four_head_cnn(input_shape=(28, 28, 3)):
    """The four-head network of another group (Team 5, 2019), to compare with.

    Two convolutions and large heads. Their text has the pooling move by 2 px, their
    table by 1 px; only the table gives the number of parameters that they report.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.

    Returns:
        An uncompiled ``keras.Model`` with the inputs and outputs of ``four_head_cnn``.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(x)
    x = layers.BatchNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(2, strides=1, name="pool1")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="conv2")(x)
    x = layers.BatchNormalization(name="norm2")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = []
    for name in heads.NAMES:
        hidden = layers.Dense(512, activation="relu", name=f"{name}_dense")(x)
        hidden = layers.Dropout(0.4, name=f"{name}_dropout")(hidden)
        hidden = layers.BatchNormalization(name=f"{name}_norm")(hidden)
        outputs.append(_output(hidden, name))
    return keras.Model(image, outputs, name="team5_four_head_cnn")


def _connected(x, units, name):
    x = layers.Dense(units, use_bias=False, name=f"{name}_dense")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _output(x, name):
    """A head's last layer: the neurons and the activation that section 2.2 directs."""
    activation = "sigmoid" if name in heads.BINARY else "softmax"
    return layers.Dense(heads.UNITS[name], activation=activation, name=name)(x)
