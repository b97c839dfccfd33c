"""Training on few images: as many as asked for, and long enough."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from coursework import paths, sample_efficiency, splits, training


@pytest.mark.parametrize(
    ("images", "epochs"),
    [(128, 100), (256, 50), (1280, 10), (1281, 10), (12_800, 6), (10**6, 6)],
)
def test_at_least_so_many_steps_and_epochs(images, epochs):
    settings = training.Settings(epochs=6, batch_size=128)
    longer = sample_efficiency.for_steps(settings, 100, images)
    assert longer.epochs == epochs
    assert longer.kept == "last epoch"


def test_a_network_learns_from_the_images_it_is_given(few_lines, monkeypatch):
    seen = []
    train = training.train

    def watch(network, dataset, parts, *arguments, **options):
        seen.append(parts.train)
        return train(network, dataset, parts, *arguments, **options)

    monkeypatch.setattr(training, "train", watch)
    train_part = np.flatnonzero(np.arange(480) % 5 < 3)
    parts = splits.Split(train_part, np.arange(480)[3::5], np.arange(480)[4::5])
    settings = training.Settings(epochs=2, learning_rate=0.01, kept="last epoch")
    first, again, _ = (
        sample_efficiency.train_on_few(small, few_lines, parts, 1, settings, seed)
        for seed in (0, 0, 1)
    )
    assert first == again
    for indices in seen:
        assert (few_lines.classes[indices] == np.arange(96)).all()
        assert set(indices) <= set(train_part)
    assert (seen[0] == seen[1]).all()
    assert (seen[0] != seen[2]).any()


def small():
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(7)(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(96, activation="softmax")(layers.Flatten()(x))
    return keras.Model(image, x)


def test_accuracies_are_written_beside_the_networks(sandbox, few_lines):
    accuracies = {"plain CNN": {10: [0.5, 0.75]}}
    path = sample_efficiency.save(accuracies, few_lines)
    record = json.loads((paths.ROOT / path).read_text())
    assert record["accuracies"] == {"plain CNN": {"10": [0.5, 0.75]}}
    assert record["dataset"]["sha256"] == few_lines.sha256
