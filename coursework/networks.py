"""The networks, as short functions in Keras' functional API.

Every network takes raw pixels, 0…255, and scales them inside, so that no caller can
scale twice. Layers have names that people type: ``conv1``, ``relu1``, ``norm1`` …
"""

import keras
from keras import layers, regularizers

DOWNSAMPLING = ("max pooling", "strided convolution")


def plain_cnn(input_shape=(28, 28, 3), classes=96):
    """The network that section 1.2.1 of the brief specifies, and a softmax layer.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        classes: int, number of classes.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → (N, classes) probabilities.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    x = layers.Conv2D(32, 7, strides=1, name="conv1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm1")(x)
    x = layers.MaxPooling2D(2, strides=2, name="pool1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1024, name="dense1")(x)
    x = layers.ReLU(name="relu2")(x)
    probabilities = layers.Dense(classes, activation="softmax", name="class")(x)
    return keras.Model(image, probabilities, name="plain_cnn")


def tuned_cnn(
    input_shape=(28, 28, 3),
    classes=96,
    *,
    filters=((16,), (32,), (48,)),
    kernel_sizes=(5, 3, 3),
    downsampling="max pooling",
    units=56,
    dropout=0.0,
    l2=0.0,
    norm_momentum=0.9,
):
    """A small deep network; the variations vary its arguments.

    Stages of padded convolutions with batch normalization and ReLU; the last one of a
    stage halves the size of the picture. Pooling stands before normalization and ReLU,
    which then have a quarter of the work.

    Args:
        input_shape: (height, width, channels) of the images, pixels 0…255.
        classes: int, number of classes.
        filters: for each stage a tuple, the numbers of filters of its convolutions.
        kernel_sizes: for each stage an int, px.
        downsampling: one of ``DOWNSAMPLING``.
        units: int, size of the fully connected layer.
        dropout: float, share of these units that a training step sets to zero.
        l2: float, factor of the squared weights of all kernels in the loss.
        norm_momentum: float, of the batch normalization's averages; None is none.

    Returns:
        An uncompiled ``keras.Model``: (N, *input_shape) → (N, classes) probabilities.

    Raises:
        ValueError: the stages' lists differ in length, or ``downsampling`` is unknown.
    """
    if downsampling not in DOWNSAMPLING:
        known = ", ".join(DOWNSAMPLING)
        raise ValueError(f"downsampling is {downsampling!r}; known: {known}")
    if len(filters) != len(kernel_sizes):
        raise ValueError(
            f"filters has {len(filters)} stages but kernel_sizes {len(kernel_sizes)}"
        )
    weights = {
        "use_bias": norm_momentum is None,  # normalization would take a bias out again
        "kernel_regularizer": regularizers.L2(l2) if l2 else None,
    }
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    for number, plan in enumerate(_plan(filters, kernel_sizes, downsampling), start=1):
        x = _convolution(x, number, *plan, weights)
        x = _normalized_relu(x, number, norm_momentum)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, name="dense1", **weights)(x)
    x = _normalized_relu(x, number + 1, norm_momentum)
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    probabilities = layers.Dense(
        classes,
        activation="softmax",
        kernel_regularizer=weights["kernel_regularizer"],
        name="class",
    )(x)
    return keras.Model(image, probabilities, name="tuned_cnn")


def _plan(filters, kernel_sizes, downsampling):
    """Filters, kernel size and way of halving (or None) of each convolution."""
    return [
        (count, kernel_size, downsampling if position == len(stage) else None)
        for stage, kernel_size in zip(filters, kernel_sizes, strict=True)
        for position, count in enumerate(stage, start=1)
    ]


def _convolution(x, number, filters, kernel_size, shrink, weights):
    """A padded convolution that may halve the picture, in one of two ways."""
    stride = 2 if shrink == "strided convolution" else 1
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding="same",
        name=f"conv{number}",
        **weights,
    )(x)
    if shrink == "max pooling":
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return x


def _normalized_relu(x, number, momentum):
    """Batch normalization, unless its momentum is None, and ReLU."""
    if momentum is not None:
        x = layers.BatchNormalization(momentum=momentum, name=f"norm{number}")(x)
    return layers.ReLU(name=f"relu{number}")(x)
