"""One change at a time from one base network, measured against the base's own noise.

Section 1.2.2 of the brief names what to vary. All trials of a dataset train on the same
images for the same number of steps and are compared on validation images.
"""

import dataclasses
import difflib
import json
import statistics

import keras
import numpy as np

from coursework import augment, networks, paths, records, tables, training

NOTEBOOK = "Q1/3_tuned_cnn.ipynb"
BASE_NETWORK = {
    "filters": ((16,), (32,), (32,)),
    "kernel_sizes": (3, 3, 3),
    "units": 64,
}
BASE_SETTINGS = training.Settings(
    epochs=3, batch_size=64, learning_rate=3e-3, kept="last epoch"
)
# Enough for 95 % on lines and 98.5 % on digits, and little enough to leave errors that
# a change could mend.
TRAIN_IMAGES = {"lines": 12_000, "mnist": 21_600}
BASE_SEEDS = (0, 1, 2, 3, 4)  # what the noise is measured with
CONFIRMING_SEEDS = (1, 2)
EFFECT = 3  # standard deviations of the base


@dataclasses.dataclass(frozen=True)
class Variation:
    """One change.

    Attributes:
        group: str, what the brief calls it.
        change: str, what is changed, in words.
        network: dict, the arguments of ``networks.tuned_cnn`` that differ.
        settings: dict, the fields of ``training.Settings`` that differ.
        datasets: the names of the datasets that it makes sense for.
    """

    group: str
    change: str
    network: dict = dataclasses.field(default_factory=dict)
    settings: dict = dataclasses.field(default_factory=dict)
    datasets: tuple = ("lines", "mnist")

    @property
    def name(self):
        return f"{self.group}: {self.change}"


BASE = Variation("base", "nothing")
VARIATIONS = (
    Variation("filter size", "5×5", {"kernel_sizes": (5, 5, 5)}),
    Variation("filter size", "7×7", {"kernel_sizes": (7, 7, 7)}),
    Variation("filter size", "5×5, then 3×3", {"kernel_sizes": (5, 3, 3)}),
    Variation("number of filters", "half", {"filters": ((8,), (16,), (16,))}),
    Variation("number of filters", "double", {"filters": ((32,), (64,), (64,))}),
    Variation(
        *("pooling", "strided convolution (final map 4×4)"),
        {"downsampling": "strided convolution"},
    ),
    Variation(
        *("depth", "one convolution (final map 14×14)"),
        {"filters": ((16,),), "kernel_sizes": (3,)},
    ),
    Variation(
        *("depth", "two convolutions (final map 7×7)"),
        {"filters": ((16,), (32,)), "kernel_sizes": (3, 3)},
    ),
    Variation(
        *("depth", "four convolutions"),
        {"filters": ((16,), (32, 32), (32,))},
    ),
    Variation("learning rate", "double", settings={"learning_rate": 6e-3}),
    Variation("learning rate decay", "none", settings={"schedule": "constant"}),
    Variation(
        *("learning rate decay", "a tenth when the loss stalls"),
        settings={"schedule": "plateau"},
    ),
    Variation("regularization", "dropout 0.3", {"dropout": 0.3}),
    Variation("regularization", "L2 1e-4", {"l2": 1e-4}),
    Variation(
        *("optimizer", "SGD with momentum, rate 0.1"),
        settings={"optimizer": "SGD", "learning_rate": 0.1},
    ),
    Variation(
        *("optimizer", "AdamW, decay 0.02"),
        settings={"optimizer": "AdamW", "weight_decay": 0.02},
    ),
    Variation("loss", "label smoothing 0.05", settings={"label_smoothing": 0.05}),
    Variation("batch normalization", "none", {"norm_momentum": None}),
    Variation("batch normalization", "momentum 0.99", {"norm_momentum": 0.99}),
    Variation(
        *("augmentation", "rotation, scale, shear, shift"),
        settings={"augmentation": augment.Augmentation(15, 0.15, 0.15, 2.5)},
        datasets=("mnist",),
    ),
)


def of_dataset(name):
    """The variations that make sense for a dataset, by its name, without the base."""
    return [variation for variation in VARIATIONS if name in variation.datasets]


def by_name(name, dataset):
    """The variation of a dataset with this name.

    Raises:
        ValueError: there is none; the message has the nearest names.
    """
    known = {variation.name: variation for variation in (BASE, *of_dataset(dataset))}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0)
        raise ValueError(f"no variation named {name!r}; nearest: {', '.join(near)}")
    return known[name]


# --- training one of them, and telling an effect from noise ---------------------------


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of one variation.

    Attributes:
        variation: str, its name.
        dataset: str, the dataset's name.
        seed: int.
        accuracy: float, on all validation images after the last step, 0…1.
        parameters: int, of the network.
        seconds: float, of the training, validation included.
    """

    variation: str
    dataset: str
    seed: int
    accuracy: float
    parameters: int
    seconds: float


def run_trial(variation, dataset, parts, seed, settings=BASE_SETTINGS):
    """Train the base network with one change.

    Args:
        variation: a ``Variation``.
        dataset: has ``images``, ``classes`` and ``name``.
        parts: the ``splits.Split`` of the dataset; its test part is not looked at.
        seed: int, of the first weights and of the order of the images.
        settings: the ``training.Settings`` of the base.

    Returns:
        A ``Trial``.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    shape, classes = dataset.images.shape[1:], int(dataset.classes.max()) + 1
    arguments = BASE_NETWORK | variation.network
    network = networks.tuned_cnn(shape, classes, **arguments)
    changed = dataclasses.replace(settings, **variation.settings)
    few = subset(parts, dataset.name)
    run = training.train(
        *(network, dataset, few, changed, seed),
        verbose=0,
        validate_every=changed.epochs,
    )
    return Trial(
        variation=variation.name,
        dataset=dataset.name,
        seed=seed,
        accuracy=run.history["val_accuracy"][-1],
        parameters=network.count_params(),
        seconds=round(run.seconds, 1),
    )


def subset(parts, dataset):
    """A ``Split`` whose train part is thinned evenly to ``TRAIN_IMAGES``.

    Args:
        parts: a ``Split``.
        dataset: str, its name; of one that ``TRAIN_IMAGES`` does not know (the stand-in
            for MNIST) everything is taken.
    """
    count = min(TRAIN_IMAGES.get(dataset, len(parts.train)), len(parts.train))
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


def compare(variation, dataset, parts, base, settings=BASE_SETTINGS):
    """Train a variation once, and twice more if that was beyond the noise.

    Args:
        variation, dataset, parts: as in ``run_trial``.
        base: list of the base's ``Trial``s, one for each of ``BASE_SEEDS``.
        settings: the ``training.Settings`` of the base.

    Returns:
        A ``Comparison``.
    """
    comparison = Comparison([run_trial(variation, dataset, parts, 0, settings)], base)
    if not comparison.beyond_noise:
        return comparison
    more = [
        run_trial(variation, dataset, parts, seed, settings)
        for seed in CONFIRMING_SEEDS
    ]
    return Comparison(comparison.trials + more, base)


# --- what came out --------------------------------------------------------------------


def table(comparisons):
    """All variations and their base in Markdown, accuracies as means over the seeds."""
    base = comparisons[0].base
    noise = statistics.stdev(trial.accuracy for trial in base)
    rows = [
        ("base", _accuracy(base), f"noise: {noise * 100:.3f} points", "", *_cost(base))
    ]
    for comparison in comparisons:
        differences = ", ".join(f"{value:+.1f}" for value in comparison.differences)
        effect = "" if comparison.effect == "none" else f"**{comparison.effect}**"
        trials = comparison.trials
        rows.append(
            (comparison.name, _accuracy(trials), differences, effect, *_cost(trials))
        )
    columns = [
        *("what changed", "validation accuracy", "difference of each seed, in noise"),
        *("effect", "parameters", "seconds"),
    ]
    return tables.markdown(columns, rows)


def _accuracy(trials):
    return f"{statistics.mean(trial.accuracy for trial in trials):.2%}"


def _cost(trials):
    seconds = statistics.mean(trial.seconds for trial in trials)
    return f"{trials[0].parameters:,}", f"{seconds:.1f}"


def save(comparisons, dataset, settings=BASE_SETTINGS):
    """Write all trials of a dataset to ``variations_NAME.json`` beside the networks.

    Args:
        comparisons: list of ``Comparison`` with the same base.
        dataset: what they were trained on.
        settings: the ``training.Settings`` of the base.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    results = {
        "train_images": TRAIN_IMAGES.get(dataset.name),
        "network": BASE_NETWORK,
        **settings.as_record(),
        "base": [dataclasses.asdict(trial) for trial in comparisons[0].base],
        "variations": [
            [dataclasses.asdict(trial) for trial in comparison.trials]
            for comparison in comparisons
        ],
    }
    return records.write_experiment(results, f"variations_{dataset.name}", dataset)


def read(name, folder=None):
    """The comparisons of a dataset that ``save`` wrote.

    Args:
        name: str, of the dataset.
        folder: where from, by default ``paths.models()``.

    Returns:
        List of ``Comparison``.

    Raises:
        FileNotFoundError: there are none; the message names the notebook.
    """
    path = (folder or paths.models()) / f"variations_{name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{paths.relative(path)} is missing: run {NOTEBOOK}, which makes it"
        )
    record = json.loads(path.read_text(encoding="utf-8"))
    base = [Trial(**trial) for trial in record["base"]]
    return [
        Comparison([Trial(**trial) for trial in trials], base)
        for trials in record["variations"]
    ]
