"""How many images a network needs: the same training on fewer and fewer of them."""

import math

import keras

from coursework import records
from coursework.data import splits
from coursework.training import runs


def train_on_few(network, training, dataset, parts, per_class, steps, seed):
    """Train a clone of a network on few images of each class and test it.

    So that few images do not mean few gradient steps, the epochs of the record are
    raised until there are ``steps``, and its learning rate schedule is as long.

    Args:
        network: a ``keras.Model``, which is left as it is.
        training: ``training`` of its record.
        dataset: has ``images`` and ``classes``.
        parts: the ``splits.Split`` of the dataset.
        per_class: int, images of each class to train on.
        steps: int, gradient steps, at least.
        seed: int, of the choice of images, of the first weights and of their order.

    Returns:
        float, accuracy on the whole test part, 0…1.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    chosen = splits.few(parts, dataset.classes, per_class, seed)
    settings = dict(training["fit"])
    batches = math.ceil(len(chosen.train) / settings["batch_size"])
    settings["epochs"] = max(settings["epochs"], math.ceil(steps / batches))
    everything = runs.steps_of(
        len(parts.train), training["fit"]["epochs"], settings["batch_size"]
    )
    factor = batches * settings["epochs"] / everything
    fresh = runs.clone(network)
    runs.compile_as(fresh, runs.stretched(training["compile"], factor))
    runs.fit(fresh, dataset, chosen, seed=seed, **settings)
    outputs = runs.predict(fresh, dataset, parts.test)
    return runs.evaluate(outputs, dataset, parts.test).accuracy


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
    return records.write_study({"accuracies": accuracies}, name, dataset)
