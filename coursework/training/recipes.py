"""The recipes of the tuned networks with one thing changed, at full length.

*Ablation*: one ingredient taken out, trained on the whole train part and tested on the
test part when the recipe had long been chosen. *Candidates*: what was tried to get the
recipe for digits, trained on two thirds of the train part and tested on the last third:
all of them on one fold, the best two (*finalists*) on the other two as well.
"""

import dataclasses

import numpy as np
from sklearn import model_selection

from coursework import paths, records
from coursework.data import splits
from coursework.training import runs, variations
from coursework.training.effects import BASE

FOLDS = 3
SGD = {"momentum": 0.9, "nesterov": True}


@dataclasses.dataclass(frozen=True)
class Change:
    """What differs from the training of a saved network.

    Attributes:
        layers: dict, as ``runs.clone`` takes it.
        learning_rate: float, the highest of the schedule, or None.
        optimizer: dict, arguments of the optimizer that differ.
        sgd: bool, whether the optimizer is SGD with momentum, on the same schedule.
        loss: str, or None.
        fit: dict, arguments of ``runs.fit`` that differ.
    """

    layers: dict = dataclasses.field(default_factory=dict)
    learning_rate: float | None = None
    optimizer: dict = dataclasses.field(default_factory=dict)
    sgd: bool = False
    loss: str | None = None
    fit: dict = dataclasses.field(default_factory=dict)

    def apply(self, training, images, images_before):
        """The ``training`` of a record with this change, for so many images.

        The schedule of the learning rate is as long as the training.
        """
        training = runs.adapted(training, images_before, images, **self.fit)
        compiled = training["compile"]
        optimizer = compiled["optimizer"]["config"]
        if self.learning_rate is not None:
            optimizer["learning_rate"]["config"]["warmup_target"] = self.learning_rate
        optimizer |= self.optimizer
        if self.sgd:
            rate = {"learning_rate": optimizer["learning_rate"], "name": "sgd"}
            compiled["optimizer"] |= {"class_name": "SGD", "config": SGD | rate}
        compiled["loss"] = self.loss or compiled["loss"]
        return training


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Changes of one saved network; ``trials.run`` trains them.

    Attributes:
        name: str, of its record in ``models/``.
        network: str, the saved network.
        changes: dict, name of the row → ``Change``.
        on_test: bool, whether the whole train part is trained on and the test part
            tested; else seed k trains on all but fold k of the train part.
        seeds: tuple of int.
    """

    name: str
    network: str
    changes: dict
    on_test: bool = True
    seeds: tuple = (0, 1, 2)

    @property
    def dataset(self):
        return self.network.removeprefix("tuned_")

    @property
    def rows(self):
        return {BASE: Change()} | self.changes

    def describe(self):
        """dict: the network's configuration and what each row changes."""
        record = records.read(self.network, paths.ROOT / "models")
        return {
            "network": self.network,
            "dataset": record["dataset"],
            "training": record["training"],
            "parameters": record["parameters"],
            "tested on": "test part" if self.on_test else f"{FOLDS} folds of train",
            "rows": {name: dataclasses.asdict(row) for name, row in self.rows.items()},
        }

    def run_trial(self, name, seed):
        """Train a clone of the network with one change.

        Args:
            name: str, one of ``rows``.
            seed: int, of the first weights and the order of the images.

        Returns:
            dict: ``errors`` of ``tested`` images, ``parameters``, and ``seconds`` that
            the training took.
        """
        network, record = records.load(self.network, paths.ROOT / "models")
        dataset, parts = variations.load(self.dataset)
        images_before = len(parts.train)
        if not self.on_test:
            parts = fold(dataset.classes, parts, seed % FOLDS)
        change = self.rows[name]
        training = change.apply(record["training"], len(parts.train), images_before)
        fresh, repeat = runs.train_again(
            network, training, dataset, parts, seed, change.layers
        )
        return {
            "errors": repeat["errors"],
            "tested": len(parts.test),
            "parameters": fresh.count_params(),
            "seconds": repeat["seconds"],
        }


def fold(classes, parts, number):
    """All but a third of the train part to train on, and that third to test on.

    Returns:
        A ``splits.Split`` whose images are all of the train part of ``parts``.
    """
    everything = np.sort(np.concatenate([parts.train, parts.validation]))
    folds = model_selection.StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    train, test = list(folds.split(everything, classes[everything]))[number]
    return splits.Split(everything[train], everything[test], everything[test])


def _augmentation(rotation, share, shift):
    return {"rotation": rotation, "scale": share, "shear": share, "shift": shift}


def _without(*numbers):
    """Leave out the convolutions of these numbers and what follows each."""
    kinds = ("conv", "norm", "relu")
    return {f"{kind}{number}": None for number in numbers for kind in kinds}


CANDIDATES = {
    "epochs: 32": Change(fit={"epochs": 32}),
    "weights: averaged": Change(optimizer={"use_ema": True, "ema_momentum": 0.998}),
    "second stage: 80 filters": Change(
        {"conv2": {"filters": 80}, "conv3": {"filters": 80}}
    ),
    "augmentation: milder": Change(fit={"augmentation": _augmentation(10, 0.1, 2.0)}),
    "augmentation: stronger": Change(fit={"augmentation": _augmentation(20, 0.2, 3.0)}),
    "batch size: 64": Change(fit={"batch_size": 64}),
    "dense layer: none": Change({"dense1": None, "norm5": None, "relu5": None}),
}
FINALISTS = ("epochs: 32",)  # fewest errors on fold 0

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "ablation_lines",
            "tuned_lines",
            {
                "padding: none": Change(
                    {f"conv{number}": {"padding": "valid"} for number in (1, 2, 3)}
                ),
                "depth: two convolutions": Change(_without(3)),
                "batch normalization: none": Change(
                    {f"norm{number}": None for number in (1, 2, 3, 4)}
                    | {f"conv{number}": {"use_bias": True} for number in (1, 2, 3)}
                    | {"dense1": {"use_bias": True}}
                ),
                "learning rate: 0.001": Change(learning_rate=1e-3),
                "learning rate decay: none": Change(optimizer={"learning_rate": 6e-3}),
            },
        ),
        Experiment(
            "ablation_mnist",
            "tuned_mnist",
            {
                "augmentation: none": Change(fit={"augmentation": None}),
                "label smoothing: none": Change(loss="categorical_crossentropy"),
                "second convolution: none": Change(_without(2)),
                "epochs: half": Change(fit={"epochs": 12}),
                "filters: half": Change(
                    {
                        "conv1": {"filters": 16},
                        "conv2": {"filters": 32},
                        "conv3": {"filters": 32},
                        "conv4": {"filters": 48},
                    }
                ),
            },
        ),
        Experiment(
            "candidates_mnist", "tuned_mnist", CANDIDATES, on_test=False, seeds=(0,)
        ),
        Experiment(
            "finalists_mnist",
            "tuned_mnist",
            {name: CANDIDATES[name] for name in FINALISTS},
            on_test=False,
            seeds=(1, 2),
        ),
    )
}
