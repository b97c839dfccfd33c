"""How many images a network needs: the same training on fewer and fewer of them."""

import dataclasses
import math

import keras

from coursework import metrics, records, splits, training


def train_on_few(build, dataset, parts, per_class, settings, seed):
    """Train a fresh network on few images of each class and test it.

    Args:
        build: function that returns an uncompiled network for the dataset.
        dataset: has ``images`` and ``classes``.
        parts: the ``splits.Split`` of the dataset.
        per_class: int, images of each class to train on.
        settings: a ``training.Settings`` that keeps the last epoch.
        seed: int, of the choice of images, of the first weights and of their order.

    Returns:
        float, accuracy on the whole test part, 0…1.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    chosen = splits.few(parts, dataset.classes, per_class, seed)
    run = training.train(
        *(build(), dataset, chosen, settings, seed),
        verbose=0,
        validate_every=settings.epochs,
    )
    truth = dataset.classes[parts.test]
    return metrics.evaluate(truth, training.predict_test(run)).accuracy


def for_steps(settings, steps, images):
    """Settings with as many epochs as ``steps`` gradient steps on ``images`` need.

    The epochs of the settings are the least, and the last one is kept.
    """
    epochs = math.ceil(steps * settings.batch_size / images)
    epochs = max(settings.epochs, epochs)
    return dataclasses.replace(settings, epochs=epochs, kept="last epoch")


def save(accuracies, dataset, name="sample_efficiency"):
    """Write the accuracies beside the networks.

    Args:
        accuracies: dict, network → (images a class → list of accuracies, one a seed).
        dataset: what they were trained on.
        name: str, of the file.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    return records.write_experiment({"accuracies": accuracies}, name, dataset)
