"""One change at a time in the four-head network, against the noise of the base.

The brief names what to vary. All trials of an experiment train on the same images for
the same number of steps and are compared on validation images.
"""

import collections.abc
import dataclasses
import json

import keras
import numpy as np
from keras import optimizers

from coursework import paths, records
from coursework.training import callbacks, heads, networks, runs, variations

BASE_SEEDS = (0, 1, 2, 3, 4)  # what the noise is measured with
CONFIRMING_SEEDS = (1, 2)
EFFECT = 3  # standard deviations of the base


def adam(steps, learning_rate=3e-3):
    """Adam with warm-up and cosine decay, what an experiment's base trains with."""
    return optimizers.Adam(runs.warmup_and_cosine(learning_rate, steps))


@dataclasses.dataclass(frozen=True)
class Variation:
    """One change.

    Attributes:
        group: str, what the brief calls it.
        change: str, what is changed, in words.
        network: dict, the arguments of the network's function that differ.
        optimizer: function from the number of gradient steps to an optimizer; None for
            the base's.
        compile: dict, other arguments of ``compile`` that differ.
        fit: dict, arguments of ``runs.fit`` that differ.
        function: str, another function of ``networks``, with ``network`` as all its
            arguments; None for the base's.
    """

    group: str
    change: str
    network: dict = dataclasses.field(default_factory=dict)
    optimizer: collections.abc.Callable | None = None
    compile: dict = dataclasses.field(default_factory=dict)
    fit: dict = dataclasses.field(default_factory=dict)
    function: str | None = None

    @property
    def name(self):
        return f"{self.group}: {self.change}"


BASE = Variation("base", "nothing")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A base network, how it is trained, and what is varied.

    Attributes:
        name: str, of its file, ``models/variations_NAME.json``.
        dataset: str, the name of the dataset.
        notebook: str, which runs it.
        function: str, of ``networks``, that makes the base network.
        network: dict, its arguments.
        epochs, batch_size: int, the same for all.
        train_images: int, how many of the train part all trainings use.
        variations: tuple of ``Variation``.
        measurements: int, how often in a training the accuracy of each attribute of the
            lines is measured; 0 is never.
    """

    name: str
    dataset: str
    notebook: str
    function: str
    network: dict
    train_images: int
    variations: tuple
    epochs: int = 3
    batch_size: int = 64
    measurements: int = 0

    def quick(self):
        """The same for a quick run: one epoch, three variations."""
        return dataclasses.replace(self, epochs=1, variations=self.variations[:3])

    def variation(self, name):
        """The base or a variation by its name.

        Raises:
            ValueError: there is none; the message has the nearest names.
        """
        return variations.find(name, {v.name: v for v in (BASE, *self.variations)})

    def build(self, variation, images=None):
        """The compiled ``keras.Model`` of a variation.

        Args:
            variation: one of ``variations``, or ``BASE``.
            images: int, how many it will be trained on; ``train_images`` by default.
        """
        function = getattr(networks, variation.function or self.function)
        arguments = {} if variation.function else self.network
        network = function(**arguments | variation.network)
        images = images or self.train_images
        steps = runs.steps_of(images, self.epochs, self.batch_size)
        arguments = {"optimizer": (variation.optimizer or adam)(steps)}
        if heads.are_on(network):
            arguments["loss"] = heads.make_losses()
            arguments["metrics"] = {name: ["accuracy"] for name in heads.NAMES}
        else:
            arguments["loss"] = "categorical_crossentropy"
            arguments["metrics"] = ["accuracy"]
        network.compile(**arguments | variation.compile)
        return network

    def as_record(self):
        """What all its trials share, and what each changes, as JSON can hold it."""
        return {
            "function": self.function,
            "network": self.network,
            "train_images": self.train_images,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "changes": {
                variation.name: {
                    "network": variation.network,
                    "compile": runs.describe_compile(self.build(variation)),
                    "fit": variation.fit,
                }
                for variation in (BASE, *self.variations)
            },
        }


FOUR_HEADS = {
    "filters": ((16,), (32,), (48,)),
    "kernel_sizes": (5, 3, 3),
    "units": 16,
}
# Section 2. The weights of another group (5:2:1:50) are in the order of the heads.
HEAD_VARIATIONS = (
    Variation(
        "loss weights",
        "5:2:1:50",
        compile={"loss_weights": dict(zip(heads.NAMES, (5, 2, 1, 50), strict=True))},
    ),
    Variation(
        "loss weights",
        "1:1:1:2",
        compile={"loss_weights": dict(zip(heads.NAMES, (1, 1, 1, 2), strict=True))},
    ),
    Variation(
        "output",
        "one of 96 classes, no heads",
        FOUR_HEADS | {"units": 53},
        function="tuned_cnn",
    ),
    Variation("connected layer", "one for all heads", {"shared": True}),
    Variation("network", "another group's", function="team5_four_head_cnn"),
    Variation(
        "network",
        "another group's, normalization momentum 0.9",
        {"norm_momentum": 0.9},
        function="team5_four_head_cnn",
    ),
)

EXPERIMENTS = {
    "four_heads": Experiment(
        name="four_heads",
        dataset="lines",
        notebook="Q2/1_four_head_network.ipynb",
        function="four_head_cnn",
        network=FOUR_HEADS,
        train_images=6_400,
        variations=HEAD_VARIATIONS,
        measurements=12,
    ),
}


# --- training one of them, and telling an effect from noise ---------------------------


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of one variation.

    Attributes:
        variation: str, its name.
        seed: int.
        accuracy: float, on all validation images after the last step, 0…1; of all four
            attributes together where the network tells them apart.
        parameters: int, of the network.
        seconds: float, of the training, with all that is measured during it.
        curves: dict of lists, as ``callbacks.AccuraciesByStep`` measures them, or None.
    """

    variation: str
    seed: int
    accuracy: float
    parameters: int
    seconds: float
    curves: dict | None = None


def run_trial(experiment, variation, dataset, parts, seed):
    """Train the base network of an experiment with one change.

    Args:
        experiment: an ``Experiment``.
        variation: one of its ``Variation``s, or ``BASE``.
        dataset: has ``images`` and ``classes``.
        parts: the ``splits.Split`` of the dataset; its test part is not looked at.
        seed: int, of the first weights and of the order of the images.

    Returns:
        A ``Trial``.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    few = subset(parts, experiment.train_images)
    network = experiment.build(variation, len(few.train))
    watchers = _make_watchers(experiment, dataset, few)
    _, seconds = runs.fit(
        network,
        dataset,
        few,
        epochs=experiment.epochs,
        batch_size=experiment.batch_size,
        seed=seed,
        callbacks=watchers,
        **variation.fit,
    )
    outputs = runs.predict(network, dataset, few.validation)
    return Trial(
        variation=variation.name,
        seed=seed,
        accuracy=runs.evaluate(outputs, dataset, few.validation).accuracy,
        parameters=network.count_params(),
        seconds=round(seconds, 1),
        curves=watchers[0].curves if watchers else None,
    )


def _make_watchers(experiment, dataset, parts):
    """What measures the attributes' accuracies, evenly over all gradient steps."""
    if not experiment.measurements:
        return []
    steps = runs.steps_of(len(parts.train), experiment.epochs, experiment.batch_size)
    when = np.linspace(0, steps, experiment.measurements + 1)[1:].astype(int)
    images, attributes = (
        values[parts.validation] for values in (dataset.images, dataset.attributes)
    )
    return [callbacks.AccuraciesByStep(images, attributes, set(when.tolist()))]


def subset(parts, count):
    """A ``Split`` whose train part is thinned evenly to at most ``count``."""
    count = min(count, len(parts.train))
    chosen = np.linspace(0, len(parts.train) - 1, count).astype(int)
    return parts._replace(train=parts.train[chosen])


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A variation beside the base.

    Attributes:
        trials: its ``Trial``s: one, or three where the first was beyond the noise.
        base: the ``Trial``s of the base, with other seeds and nothing changed.
    """

    trials: list
    base: list
    threshold = EFFECT

    @property
    def name(self):
        return self.trials[0].variation

    @property
    def differences(self):
        """Of each trial from the base's mean, in standard deviations of the base."""
        values = np.array([trial.accuracy for trial in self.base])
        difference = np.array([t.accuracy for t in self.trials]) - values.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            in_noise = difference / values.std(ddof=1)
        return np.where(difference == 0, 0.0, in_noise).tolist()

    @property
    def beyond_noise(self):
        """Whether the first trial asks for a confirmation."""
        return abs(self.differences[0]) > EFFECT

    @property
    def effect(self):
        """ "better" or "worse" if all trials say so beyond the noise, else "none"."""
        if all(difference > EFFECT for difference in self.differences):
            return "better"
        if all(difference < -EFFECT for difference in self.differences):
            return "worse"
        return "none"


def compare(experiment, variation, dataset, parts, base):
    """Train a variation once, and twice more if that was beyond the noise.

    Args:
        experiment, variation, dataset, parts: as in ``run_trial``.
        base: list of the base's ``Trial``s, one for each of ``BASE_SEEDS``.

    Returns:
        A ``Comparison``.
    """
    comparison = Comparison([run_trial(experiment, variation, dataset, parts, 0)], base)
    if not comparison.beyond_noise:
        return comparison
    more = [
        run_trial(experiment, variation, dataset, parts, seed)
        for seed in CONFIRMING_SEEDS
    ]
    return Comparison(comparison.trials + more, base)


# --- what came out --------------------------------------------------------------------


def save(experiment, comparisons, dataset):
    """Write all trials of an experiment to ``variations_NAME.json``.

    Args:
        experiment: an ``Experiment``.
        comparisons: list of ``Comparison`` with the same base.
        dataset: what they were trained on.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    results = experiment.as_record() | {
        "base": [_trial_as_record(trial) for trial in comparisons[0].base],
        "variations": [
            [_trial_as_record(trial) for trial in comparison.trials]
            for comparison in comparisons
        ],
    }
    return records.write_study(results, f"variations_{experiment.name}", dataset)


def _trial_as_record(trial):
    fields = dataclasses.asdict(trial)
    return {name: value for name, value in fields.items() if value is not None}


def read(name, folder=None):
    """The comparisons of an experiment that ``save`` wrote.

    Args:
        name: str, of the experiment.
        folder: where from, by default ``paths.models()``.

    Returns:
        List of ``Comparison``.

    Raises:
        FileNotFoundError: there are none; the message names the notebook.
    """
    path = (folder or paths.models()) / f"variations_{name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{paths.relative(path)} is missing: run {EXPERIMENTS[name].notebook}, "
            "which makes it"
        )
    record = json.loads(path.read_text(encoding="utf-8"))
    base = [Trial(**trial) for trial in record["base"]]
    return [
        Comparison([Trial(**trial) for trial in trials], base)
        for trials in record["variations"]
    ]
