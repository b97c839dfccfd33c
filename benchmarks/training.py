"""How soon a network is good enough: tuned, and plain by Keras' defaults.

    python benchmarks/training.py

Both are trained one after the other in one run, since machines differ: compare the
ratios. Plain is trained as one would without any tuning: Adam at 1e-3 without decay,
batch normalization with momentum 0.99. The tuned network follows its record, so its
rate decays over the epochs of its full training.
"""

import time

import keras

from coursework import paths, records
from coursework.figures import tables
from coursework.training import runs, variations

TARGETS = {"lines": 0.999, "mnist": 0.99}
PLAIN_EPOCHS = 15  # after which the plain network counts as never getting there
DEFAULT_MOMENTUM = 0.99


class StopAt(keras.callbacks.Callback):
    """Stops the training once the validation accuracy is reached."""

    def __init__(self, accuracy):
        super().__init__()
        self.accuracy = accuracy
        self.reached = False

    def on_train_begin(self, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs = epoch + 1
        self.seconds = time.perf_counter() - self._start
        self.reached = logs["val_accuracy"] >= self.accuracy
        self.model.stop_training = self.reached


def main():
    rows = []
    for name, accuracy in TARGETS.items():
        dataset, parts = variations.load(name)
        target = f"{name}, {accuracy:.1%}"
        watchers = [StopAt(accuracy), StopAt(accuracy)]
        for prepare, watcher in zip((plain, tuned), watchers, strict=True):
            keras.utils.set_random_seed(0)
            network, settings = prepare(name)
            runs.fit(
                network,
                dataset,
                parts,
                validate_every=1,
                callbacks=[watcher],
                **settings,
            )
        rows.append((target, "plain, defaults", *described(watchers[0]), ""))
        rows.append((target, "tuned", *described(watchers[1]), ratio(*watchers)))
    columns = ["validation accuracy", "network", "epochs", "seconds", "times as fast"]
    print(tables.markdown(columns, rows))


def plain(name):
    """The baseline as one would train it by Keras' defaults, and arguments of fit."""
    network, _ = records.load(f"plain_{name}", paths.ROOT / "models")
    network = runs.clone(network, {"norm1": {"momentum": DEFAULT_MOMENTUM}})
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return network, {"epochs": PLAIN_EPOCHS, "batch_size": 128}


def tuned(name):
    """The tuned network, compiled as its record says, and arguments of fit."""
    network, record = records.load(f"tuned_{name}", paths.ROOT / "models")
    network = runs.clone(network)
    runs.compile_as(network, record["training"]["compile"])
    return network, record["training"]["fit"]


def described(watcher):
    sign = "" if watcher.reached else "more than "
    return f"{sign}{watcher.epochs}", f"{sign}{watcher.seconds:.0f}"


def ratio(plain, tuned):
    """How many times as fast the tuned network gets there; at least, if plain fails."""
    if not tuned.reached:
        return ""
    sign = "" if plain.reached else "more than "
    return f"{sign}{plain.seconds / tuned.seconds:.1f}"


if __name__ == "__main__":
    main()
