"""What is measured of the four heads while they train."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework.data import splits
from coursework.training import callbacks, heads, metrics, runs

PARTS = splits.split(np.arange(480) % 4)


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(4)(layers.Rescaling(1 / 255)(image))
    x = layers.Flatten()(x)
    network = keras.Model(
        image,
        [
            layers.Dense(units, "sigmoid" if units == 1 else "softmax", name=name)(x)
            for name, units in heads.UNITS.items()
        ],
    )
    measured = {name: ["accuracy"] for name in heads.NAMES}
    network.compile(keras.optimizers.Adam(0.01), heads.make_losses(), metrics=measured)
    return network


@pytest.fixture
def watched(few_lines):
    """The validation part, by which to measure."""
    chosen = PARTS.validation
    return few_lines.images[chosen], few_lines.attributes[chosen]


def joint_accuracy(network, watched):
    images, attributes = watched
    outputs = network.predict(images, verbose=0)
    return metrics.head_accuracies(attributes, outputs)["joint"]


@pytest.mark.parametrize(("every", "validated"), [(1, 4), (2, 2)])
def test_the_history_has_the_joint_accuracy_of_each_validated_epoch(
    network, watched, few_lines, every, validated
):
    options = {"epochs": 4, "batch_size": 32, "validate_every": every}
    watcher = callbacks.JointAccuracy(*watched)
    history, _ = runs.fit(network, few_lines, PARTS, callbacks=[watcher], **options)
    joint = history.history["val_joint_accuracy"]
    assert len(joint) == validated
    assert joint[-1] == joint_accuracy(network, watched)
    for name in heads.NAMES:
        assert len(history.history[f"{name}_accuracy"]) == 4
        alone = np.array(history.history[f"val_{name}_accuracy"])
        assert (alone >= np.array(joint) - 1e-6).all()  # Keras counts in float32
