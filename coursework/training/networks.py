"""The networks, as short functions in Keras' functional API.

Every network takes raw pixels, 0…255, and scales them inside, so that no caller can
scale twice. Layers have names that people type: ``conv1``, ``relu1``, ``norm1`` …
"""

import functools

import keras
from keras import layers, regularizers

from coursework.training import heads


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
        l2: float, factor of the squared weights of all kernels in the loss.

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
    probabilities = layers.Dense(
        classes,
        activation="softmax",
        kernel_regularizer=weights["kernel_regularizer"],
        name="class",
    )(x)
    return keras.Model(image, probabilities, name="small_cnn")


def tuned_cnn(
    input_shape=(28, 28, 3),
    classes=96,
    *,
    filters=((16,), (32,), (48,)),
    kernel_sizes=(5, 3, 3),
    units=56,
):
    """Stages of padded convolutions, a fully connected layer and a softmax.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        classes: int, number of classes.
        filters: for each stage a tuple, the numbers of filters of its convolutions.
        kernel_sizes: for each stage an int, px.
        units: int, size of the fully connected layer.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → (N, classes) probabilities.

    Raises:
        ValueError: the stages' lists differ in length.
    """
    image = keras.Input(input_shape, name="image")
    x = feature_network(image, filters, kernel_sizes)
    x = layers.Dense(units, use_bias=False, name="dense1")(x)
    x = _normalized_relu(x, sum(map(len, filters)) + 1)
    probabilities = layers.Dense(classes, activation="softmax", name="class")(x)
    return keras.Model(image, probabilities, name="tuned_cnn")


def four_head_cnn(
    input_shape=(28, 28, 3),
    *,
    filters=((16,), (32,), (48,)),
    kernel_sizes=(5, 3, 3),
    units=16,
    shared=False,
):
    """One feature network, and on it a head for each attribute of a line.

    Section 2 of the brief. The feature network has the stages of ``tuned_cnn``; a head
    is a fully connected layer and its output.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        filters: for each stage a tuple, the numbers of filters of its convolutions.
        kernel_sizes: for each stage an int, px.
        units: int, size of each head's fully connected layer.
        shared: bool, whether the heads share one fully connected layer, as large as
            theirs together, instead of having one each.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → a list in the order of
        ``heads.NAMES``, (N, 1) probabilities of level 1 of length, width and color, and
        (N, 12) probabilities of the angles.
    """
    image = keras.Input(input_shape, name="image")
    features = feature_network(image, filters, kernel_sizes)
    if shared:
        common = connected(features, units * len(heads.NAMES), "shared")
        outputs = [head_output(common, name) for name in heads.NAMES]
    else:
        outputs = [
            head_output(connected(features, units, name), name) for name in heads.NAMES
        ]
    return keras.Model(image, outputs, name="four_head_cnn")


def connected(x, units, name):
    """A fully connected layer with batch normalization and ReLU, for a head.

    Args:
        x: a Keras tensor, (N, features).
        units: int, size of the layer.
        name: str, what the names of the three begin with.
    """
    x = layers.Dense(units, use_bias=False, name=f"{name}_dense")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def head_output(x, name):
    """A head's last layer: the neurons and the activation that section 2.2 directs.

    Args:
        x: a Keras tensor, (N, features).
        name: one of ``heads.NAMES``.

    Raises:
        ValueError: there is no such head.
    """
    heads.check(name)
    activation = "sigmoid" if name in heads.BINARY else "softmax"
    return layers.Dense(heads.UNITS[name], activation=activation, name=name)(x)


def team5_four_head_cnn(input_shape=(28, 28, 3), *, norm_momentum=0.99):
    """The four-head network of another group (Team 5, 2019), to compare with.

    Two convolutions and large heads. Their text has the pooling move by 2 px, their
    table by 1 px; only the table gives the number of parameters that they report.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        norm_momentum: float, of the batch normalization's averages; theirs is Keras'
            default.

    Returns:
        An uncompiled ``keras.Model`` with the inputs and outputs of ``four_head_cnn``.
    """
    norm = functools.partial(layers.BatchNormalization, momentum=norm_momentum)
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(x)
    x = norm(name="norm1")(x)
    x = layers.MaxPooling2D(2, strides=1, name="pool1")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="conv2")(x)
    x = norm(name="norm2")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = []
    for name in heads.NAMES:
        hidden = layers.Dense(512, activation="relu", name=f"{name}_dense")(x)
        hidden = layers.Dropout(0.4, name=f"{name}_dropout")(hidden)
        outputs.append(head_output(norm(name=f"{name}_norm")(hidden), name))
    return keras.Model(image, outputs, name="team5_four_head_cnn")


def feature_network(image, filters, kernel_sizes):
    """Scaling and stages of convolutions, flattened.

    Each convolution has batch normalization and ReLU; the last one of a stage halves
    the size of the image by max pooling, before them, so that they have less to do.

    Args:
        image: the network's ``keras.Input``, pixels 0…255.
        filters: for each stage a tuple, the numbers of filters of its convolutions.
        kernel_sizes: for each stage an int, px.

    Returns:
        A Keras tensor, (N, features).

    Raises:
        ValueError: the stages' lists differ in length.
    """
    if len(filters) != len(kernel_sizes):
        raise ValueError(
            f"filters has {len(filters)} stages but kernel_sizes {len(kernel_sizes)}"
        )
    x = layers.Rescaling(1 / 255, name="scale")(image)
    number = 0
    for stage, size in zip(filters, kernel_sizes, strict=True):
        for position, count in enumerate(stage, start=1):
            number += 1
            name = f"conv{number}"  # without a bias, which the norm would subtract
            x = layers.Conv2D(count, size, padding="same", use_bias=False, name=name)(x)
            if position == len(stage):
                x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
            x = _normalized_relu(x, number)
    return layers.Flatten(name="flatten")(x)


def _normalized_relu(x, number):
    x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
    return layers.ReLU(name=f"relu{number}")(x)
