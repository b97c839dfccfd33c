"""The networks, as short functions in Keras' functional API.

Every network takes raw pixels, 0…255, and scales them inside, so that no caller can
scale twice. Layers have names that people type: ``conv1``, ``relu1``, ``norm1`` …
"""

import keras
from keras import layers


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
