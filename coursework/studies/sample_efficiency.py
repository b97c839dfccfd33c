"""How many images a network needs: the same training on fewer and fewer of them."""

import dataclasses
import itertools
import math

from coursework import paths, records
from coursework.data import lines, splits
from coursework.training import runs, variations

NETWORKS = ("plain_lines", "tuned_lines")
COUNTS = (5, 10) if paths.QUICK else (10, 30, 100)  # training images a class
STEPS = 20 if paths.QUICK else 300  # gradient steps, at least


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Both networks with few images; ``trials.run`` trains them."""

    name = "sample_efficiency"
    dataset = "lines"
    seeds = (0,) if paths.QUICK else (0, 1)

    @property
    def rows(self):
        """dict: name of a row → (network, images of each class)."""
        pairs = itertools.product(NETWORKS, COUNTS)
        return {f"{network}, {count}": (network, count) for network, count in pairs}

    def describe(self):
        trainings = {name: records.read(name)["training"] for name in NETWORKS}
        return {"rows": self.rows, "training": trainings, "steps": STEPS}

    def run_trial(self, row, seed):
        """Train a clone of a network on few images of each class and test it.

        Args:
            row: str, one of ``rows``.
            seed: int, of the choice of images, of the first weights and of their order.

        Returns:
            dict: ``accuracy`` on the whole test part, 0…1, and ``seconds``.
        """
        name, count = self.rows[row]
        network, record = records.load(name)
        data, parts = variations.load(self.dataset)
        parts = splits.few(parts, data.classes, count, seed)
        training = lengthened(record, len(parts.train), STEPS)
        _, repeat = runs.train_again(network, training, data, parts, seed)
        return {field: repeat[field] for field in ("accuracy", "seconds")}


def lengthened(record, images, steps):
    """The ``training`` of a record with as many epochs as make ``steps``, or more.

    So that few images do not mean few gradient steps. The learning rate schedule is as
    long as the training.
    """
    training, images_before = record["training"], record["dataset"]["train"]
    fit = training["fit"]
    batches = runs.steps_of(images, epochs=1, batch_size=fit["batch_size"])
    epochs = max(fit["epochs"], math.ceil(steps / batches))
    return runs.adapted(training, images_before, images, epochs=epochs)


def accuracies(record):
    """Accuracies by network and number of images, with those of the full trainings.

    Args:
        record: what ``trials.run`` gives for an ``Experiment``.

    Returns:
        dict: network → (images a class → list of accuracies, one for each seed).
    """
    found = {name: {} for name in NETWORKS}
    for row, every in record["trials"].items():
        name, count = record["setup"]["rows"][row]
        found[name][count] = [trial["accuracy"] for trial in every]
    for name, by_count in found.items():
        full = records.read(name)
        everything = full["dataset"]["train"] // lines.CLASSES
        by_count[everything] = [repeat["accuracy"] for repeat in full["repeats"]]
    return found
