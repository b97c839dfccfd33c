"""One change at a time in a small network that learns few images completely.

Sections 1.2.2 and 2.4 of the brief. All networks classify their train images without
error, so that what differs is how well they generalize; they are tested on other images
of the train part. A seed fixes the images, the first weights and the order of the
images, for the base and for every variation alike.
"""

import collections.abc
import dataclasses
import difflib
import functools

import keras
import numpy as np
from keras import losses, optimizers

from coursework import paths
from coursework.data import lines, mnist, splits
from coursework.training import heads, networks, runs
from coursework.training.effects import BASE

TESTED = 20_000  # images of the train part that a trial is tested on
WATCHED = 2_000  # of them, to measure the four heads after each epoch
STEPS_PER_EXECUTION = 30  # the same result, a third faster with so small batches
DATASETS = {"lines": lines.load, "mnist": mnist.load_or_stand_in}
NETWORKS = {
    "lines": {"input_shape": (28, 28, 3), "classes": lines.CLASSES},
    "mnist": {"input_shape": (28, 28, 1), "classes": mnist.CLASSES},
}


# --- optimizers, each for a number of gradient steps ----------------------------------


def adam(steps):
    """Adam with warm-up and cosine decay: the optimizer of the base."""
    return optimizers.Adam(runs.warmup_and_cosine(3e-3, steps))


def constant_rate(steps):
    """The same without the decay."""
    return optimizers.Adam(runs.warmup_and_cosine(3e-3, steps, end=1.0))


def sgd(steps):
    schedule = runs.warmup_and_cosine(0.1, steps)
    return optimizers.SGD(schedule, momentum=0.9, nesterov=True)


# --- what is changed ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Variation:
    """One change of the base.

    Attributes:
        name: str, "what the brief calls it: the change".
        network: dict, arguments of the network's function that differ.
        optimizer: function from the number of gradient steps to an optimizer.
        loss: str or ``keras.losses.Loss`` of a network with one output.
        weights: tuple of float, of the losses of the four ``heads``, or None.
        augmentation: dict, the fields of an ``augment.Augmentation``, or None.
    """

    name: str
    network: dict = dataclasses.field(default_factory=dict)
    optimizer: collections.abc.Callable = adam
    loss: str | losses.Loss = "categorical_crossentropy"
    weights: tuple | None = None
    augmentation: dict | None = None


VARIATIONS = (
    Variation("filter size: 5×5", {"kernel_size": 5}),
    Variation("number of filters: half", {"filters": (8, 16, 16)}),
    Variation("number of filters: double", {"filters": (32, 64, 64)}),
    Variation("pooling: stride 2 instead", {"pooling": False}),
    Variation("depth: two convolutions", {"filters": (16, 32)}),
    Variation("depth: four convolutions", {"filters": (16, 32, 32, 32)}),
    Variation("learning rate decay: none", optimizer=constant_rate),
    Variation("regularization: dropout 0.25", {"dropout": 0.25}),
    Variation("regularization: L2 0.001", {"l2": 1e-3}),
    Variation(
        "loss: label smoothing 0.1",
        loss=losses.CategoricalCrossentropy(label_smoothing=0.1),
    ),
    Variation("loss: mean squared error", loss="mean_squared_error"),
    Variation("optimizer: SGD with momentum", optimizer=sgd),
    Variation("batch normalization: none", {"norm": False}),
)
AUGMENTATION = Variation(
    "regularization: augmentation",
    augmentation={"rotation": 15, "scale": 0.15, "shear": 0.15, "shift": 2.5},
)
HEAD_VARIATIONS = (
    # The weights of another group, and twice the weight for the hardest head.
    Variation("loss weights: 5:2:1:50", weights=(5, 2, 1, 50)),
    Variation("loss weights: 1:1:1:2", weights=(1, 1, 1, 2)),
    Variation("heads: one shared dense layer", {"outputs": networks.OUTPUTS[1]}),
    Variation("heads: none, 96 classes", {"outputs": networks.OUTPUTS[2]}),
)


# --- training -------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Experiment:
    """How the base and its variations are trained; ``trials.run`` trains them.

    Attributes:
        name: str, of its record in ``models/``.
        dataset: str, one of ``DATASETS``.
        per_class: int, images of each class that a trial learns.
        epochs: int.
        variations: tuple of ``Variation``.
        network: function of ``networks`` that builds the base.
        watched: int, images on which accuracies are measured after each epoch.
        batch_size: int.
        seeds: tuple of int.
    """

    name: str
    dataset: str
    per_class: int
    epochs: int
    variations: tuple
    network: collections.abc.Callable = networks.small_cnn
    watched: int = 0
    batch_size: int = 32
    seeds: tuple = (0, 1) if paths.QUICK else (0, 1, 2, 3, 4)

    @property
    def rows(self):
        """The base and all variations, by name."""
        return {row.name: row for row in (Variation(BASE), *self.variations)}

    @property
    def arguments(self):
        """Those of ``network`` that all rows share."""
        return NETWORKS[self.dataset] if self.network is networks.small_cnn else {}

    def build(self, name, images):
        """The compiled ``keras.Model`` of a row, to be trained on so many images.

        Raises:
            ValueError: there is no such row; the message has the nearest names.
        """
        row = find(name, self.rows)
        network = self.network(**self.arguments | row.network)
        settings = {"loss": row.loss, "metrics": ["accuracy"]}
        if heads.are_on(network):
            settings = {
                "loss": heads.make_losses(),
                "loss_weights": row.weights and heads.loss_weights(row.weights),
                "metrics": {name: ["accuracy"] for name in heads.NAMES},
            }
        network.compile(
            optimizer=row.optimizer(
                runs.steps_of(images, self.epochs, self.batch_size)
            ),
            steps_per_execution=STEPS_PER_EXECUTION,
            **settings,
        )
        return network

    def describe(self):
        """dict: what all its trials share, and what each row changes."""
        images = self.per_class * NETWORKS[self.dataset]["classes"]
        shared = ("dataset", "per_class", "epochs", "batch_size")
        return {field: getattr(self, field) for field in shared} | {
            "arguments": self.arguments,
            "rows": {
                name: {
                    "network": row.network,
                    "compile": runs.describe_compile(self.build(name, images)),
                    "augmentation": row.augmentation,
                }
                for name, row in self.rows.items()
            },
        }

    def run_trial(self, name, seed):
        """Train a row on few images; test it on many others, both of the train part.

        Args:
            name: str, one of ``rows``.
            seed: int, of the choice of images, the first weights and the order.

        Returns:
            dict: ``errors`` of ``tested`` images, ``train_accuracy`` 0…1,
            ``parameters``, ``seconds`` of the training; if images are ``watched``,
            ``history``: what Keras measured on them after each epoch.
        """
        dataset, parts = load(self.dataset)
        parts = few(dataset.classes, parts, self.per_class, seed)
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        network = self.build(name, len(parts.train))
        history, seconds = runs.fit(
            network,
            dataset,
            parts._replace(validation=parts.validation[: self.watched]),
            epochs=self.epochs,
            batch_size=self.batch_size,
            augmentation=self.rows[name].augmentation,
            seed=seed,
            validate_every=1 if self.watched else 0,
        )
        network.steps_per_execution = 1  # to trace 30 takes longer than to predict
        learnt, tested = (
            runs.evaluate(runs.predict(network, dataset, part), dataset, part)
            for part in (parts.train, parts.validation)
        )
        result = {
            "errors": tested.errors,
            "tested": len(parts.validation),
            "train_accuracy": learnt.accuracy,
            "parameters": network.count_params(),
            "seconds": round(seconds, 2),
        }
        return result | self._measured(history)

    def _measured(self, history):
        accuracies = {
            key.removeprefix("val_"): np.round(values, 5).tolist()
            for key, values in history.history.items()
            if key.startswith("val_") and key.endswith("accuracy")
        }
        return {"history": accuracies} if self.watched else {}


def find(name, rows):
    """A row by its name (ValueError with the nearest names if there is none)."""
    if name not in rows:
        near = difflib.get_close_matches(name, rows, n=3, cutoff=0)
        raise ValueError(f"no variation named {name!r}; nearest: {', '.join(near)}")
    return rows[name]


@functools.cache
def load(name):
    """A dataset and its split; a process loads them once."""
    dataset = DATASETS[name]()
    return dataset, splits.split(dataset.classes)


def few(classes, parts, per_class, seed):
    """Few images to train on and ``TESTED`` others, all of the train part.

    Returns:
        A ``splits.Split``: the images to train on, those to test on as its validation
        part, and no test part.
    """
    train = splits.few(parts, classes, per_class, seed).train
    others = np.setdiff1d(np.concatenate([parts.train, parts.validation]), train)
    tested = np.random.default_rng(seed).permutation(others)[:TESTED]
    return splits.Split(train, np.sort(tested), parts.test[:0])


def _experiment(name, dataset, per_class, variations, **settings):
    epochs = 12
    if paths.QUICK:
        few = variations[:: min(6, len(variations) - 1)]  # and the last of four
        per_class, epochs, variations = 5, 1, few
    return Experiment(name, dataset, per_class, epochs, variations, **settings)


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        _experiment("variations_lines", "lines", 30, VARIATIONS),
        _experiment("variations_mnist", "mnist", 300, (*VARIATIONS, AUGMENTATION)),
        _experiment(
            "variations_four_heads",
            "lines",
            30,
            HEAD_VARIATIONS,
            network=networks.four_head_cnn,
            watched=WATCHED,
        ),
    )
}
