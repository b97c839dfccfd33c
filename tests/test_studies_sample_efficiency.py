"""Training on few images: as many as asked for, and long enough."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from coursework import paths
from coursework.data import splits
from coursework.studies import sample_efficiency
from coursework.training import runs

PARTS = splits.Split(  # three images of each class to train on
    np.flatnonzero(np.arange(480) % 5 < 3), np.arange(480)[3::5], np.arange(480)[4::5]
)


@pytest.fixture(scope="module")
def network():
    """A small network, compiled for two epochs of nine steps."""
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(7)(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(96, activation="softmax")(layers.Flatten()(x))
    network = keras.Model(image, x)
    rate = runs.warmup_and_cosine(0.01, steps=18)
    network.compile(keras.optimizers.Adam(rate), "categorical_crossentropy")
    return network


@pytest.fixture
def train(network, few_lines, monkeypatch):
    """A function that trains on few and tells the arguments of ``runs.fit``, too."""
    calls, fit = [], runs.fit

    def watch(fresh, dataset, parts, **options):
        calls.append((fresh, parts, options))
        return fit(fresh, dataset, parts, **options)

    def train(per_class, steps, seed):
        training = {
            "compile": runs.describe_compile(network),
            "fit": runs.describe_fit(epochs=2, batch_size=32),
        }
        arguments = (network, training, few_lines, PARTS)
        accuracy = sample_efficiency.train_on_few(*arguments, per_class, steps, seed)
        return accuracy, *calls.pop()

    monkeypatch.setattr(runs, "fit", watch)
    return train


@pytest.mark.parametrize(
    ("per_class", "steps", "epochs"), [(1, 1, 2), (1, 7, 3), (2, 7, 2), (1, 40, 14)]
)
def test_at_least_so_many_steps_and_epochs(train, per_class, steps, epochs):
    _, fresh, _, options = train(per_class, steps, seed=0)
    assert options["epochs"] == epochs
    done = int(fresh.optimizer.iterations)
    assert done == epochs * 3 * per_class >= steps
    assert float(fresh.optimizer.learning_rate) == pytest.approx(0, abs=1e-8)


def test_a_network_learns_from_the_images_it_is_given(train, few_lines):
    (first, _, one, _), (again, _, same, _), (_, _, other, _) = (
        train(1, 6, seed) for seed in (0, 0, 1)
    )
    assert first == again
    for parts in (one, same, other):
        assert (few_lines.classes[parts.train] == np.arange(96)).all()
        assert set(parts.train) <= set(PARTS.train)
    assert (one.train == same.train).all()
    assert (one.train != other.train).any()


def test_accuracies_are_written_beside_the_networks(sandbox, few_lines):
    accuracies = {"plain CNN": {10: [0.5, 0.75]}}
    path = sample_efficiency.save(accuracies, few_lines)
    record = json.loads((paths.ROOT / path).read_text())
    assert record["accuracies"] == {"plain CNN": {"10": [0.5, 0.75]}}
    assert record["dataset"]["sha256"] == few_lines.sha256
