"""Models that this project did not train, and how tests make small ones."""

import keras
import numpy as np
from keras import layers


def chain(shape, *steps, **options):
    """A functional model of steps in a row, layers or functions, for a shape."""
    image = x = keras.Input(shape)
    for step in steps:
        x = step(x)
    return keras.Model(image, x, **options)


def two_heads():
    """Padding, biases, activations inside of layers, a head each of two kinds."""
    image = keras.Input((24, 20, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(image)
    x = layers.AveragePooling2D(2, name="half")(x)
    x = layers.Conv2D(12, 3, activation="elu", name="second")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    kind = layers.Dense(4, activation="softmax", name="kind")(x)
    there = layers.Dense(1, activation="sigmoid", name="there")(x)
    return keras.Model(image, [kind, there])


def strided():
    """Strides and uneven padding, without any pooling."""
    return chain(
        (33, 30, 1),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(8, 5, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.LeakyReLU(negative_slope=0.1, name="leaky"),
        layers.Conv2D(8, (3, 2), strides=(2, 1), padding="same"),
        layers.Activation("tanh", name="tanh"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(7, name="scores"),
        layers.Softmax(name="answer"),
    )


def mobile():
    """MobileNet as Keras has it, a quarter as wide."""
    return keras.applications.MobileNet(
        input_shape=(64, 64, 3), alpha=0.25, weights=None, classes=10
    )


def residual():
    """Blocks with a way around them, as in ResNet, one inside of another model."""

    def block(x, width, strides):
        short = layers.Conv2D(width, 1, strides=strides)(x)
        y = layers.ZeroPadding2D(1)(x)
        y = layers.Conv2D(width, 3, strides=strides)(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(y))
        return layers.ReLU()(layers.Add()([short, y]))

    inner = keras.Input((16, 16, 8))
    nested = keras.Model(inner, block(inner, 12, 2), name="nested")
    image = keras.Input((32, 32, 3))
    x = block(image, 8, 2)
    x = layers.GlobalMaxPooling2D()(nested(x))
    return keras.Model(image, layers.Dense(5, activation="softmax", name="answer")(x))


def branches():
    """Branches that are joined, separable convolutions, a gate, two heads."""
    image = keras.Input((28, 28, 1))
    a = layers.SeparableConv2D(6, 3, padding="same", activation="silu")(image)
    b = layers.Conv2D(6, 3, padding="same", dilation_rate=2, activation="gelu")(image)
    x = layers.Concatenate(name="joined")([a, b])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(12, 1, activation="hard_sigmoid")(gate)
    x = layers.Multiply(name="gated")([x, gate])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6")(x)
    flat = layers.Flatten()(layers.MaxPooling2D(4)(x))
    many = layers.Dense(6, activation="softmax", name="many")(flat)
    three = layers.Dense(3, activation="sigmoid", name="three")(flat)
    return keras.Model(image, [many, three])


ALL = (two_heads, strided, mobile, residual, branches)


def make(build, seed=0):
    """A model with random weights and random statistics of its normalizations."""
    keras.utils.set_random_seed(seed)
    return shaken(build(), np.random.default_rng(seed))


def shaken(model, random):
    """A model whose normalizations are not the identity, as after a training."""
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            size = layer.moving_mean.shape
            layer.gamma.assign(random.uniform(0.5, 1.5, size))
            layer.beta.assign(random.normal(0, 0.1, size))
            layer.moving_mean.assign(random.normal(0, 0.1, size))
            layer.moving_variance.assign(random.uniform(0.5, 2, size))
    return model
