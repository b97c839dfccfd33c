"""One change at a time from one base network, measured against the base's own noise.

Section 1.2.2 of the brief names what to vary. All trials of a dataset train on the same
images for the same number of steps and are compared on validation images.
"""

import dataclasses
import difflib
import statistics

import keras
import numpy as np

from coursework import augment, networks, training

BASE_NETWORK = {
    "filters": ((16,), (32,), (32,)),
    "kernel_sizes": (3, 3, 3),
    "units": 64,
}
BASE_SETTINGS = training.Settings(
    epochs=4, batch_size=64, learning_rate=3e-3, kept="last epoch"
)
TRAIN_IMAGES = 9600
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
    Variation("number of filters", "half", {"filters": ((8,), (16,), (16,))}),
    Variation("number of filters", "double", {"filters": ((32,), (64,), (64,))}),
    Variation(
        *("pooling", "strided convolution"), {"downsampling": "strided convolution"}
    ),
    Variation(
        *("depth", "one convolution"), {"filters": ((16,),), "kernel_sizes": (3,)}
    ),
    Variation(
        *("depth", "two convolutions"),
        {"filters": ((16,), (32,)), "kernel_sizes": (3, 3)},
    ),
    Variation(
        *("depth", "four convolutions"),
        {"filters": ((16,), (32,), (32,), (32,)), "kernel_sizes": (3, 3, 3, 3)},
    ),
    Variation("learning rate decay", "none", settings={"schedule": "constant"}),
    Variation(
        *("learning rate decay", "tenth when the loss stalls"),
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
    Variation("loss", "label smoothing 0.1", settings={"label_smoothing": 0.1}),
    Variation("batch normalization", "none", {"norm_momentum": None}),
    Variation("batch normalization", "momentum 0.99", {"norm_momentum": 0.99}),
    Variation(
        *("augmentation", "rotation, scale, shear, shift"),
        settings={"augmentation": augment.Augmentation(10, 0.1, 0.1, 2)},
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


def run_trial(variation, dataset, parts, seed, base=BASE_SETTINGS):
    """Train the base network with one change.

    Args:
        variation: a ``Variation``.
        dataset: has ``images``, ``classes`` and ``name``.
        parts: the ``splits.Split`` of the dataset; its test part is not looked at.
        seed: int, of the first weights and of the order of the images.
        base: the ``training.Settings`` of the base.

    Returns:
        A ``Trial``.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    shape, classes = dataset.images.shape[1:], int(dataset.classes.max()) + 1
    arguments = BASE_NETWORK | variation.network
    network = networks.tuned_cnn(shape, classes, **arguments)
    settings = dataclasses.replace(base, **variation.settings)
    run = training.train(network, dataset, subset(parts), settings, seed, verbose=0)
    return Trial(
        variation=variation.name,
        dataset=dataset.name,
        seed=seed,
        accuracy=run.history["val_accuracy"][-1],
        parameters=network.count_params(),
        seconds=round(run.seconds, 1),
    )


def subset(parts):
    """A ``Split`` whose train part is thinned evenly to ``TRAIN_IMAGES``."""
    count = min(TRAIN_IMAGES, len(parts.train))
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

    @property
    def differences(self):
        """Of each trial from the base's mean, in standard deviations of the base."""
        values = [trial.accuracy for trial in self.base]
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        return [(trial.accuracy - mean) / deviation for trial in self.trials]

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
