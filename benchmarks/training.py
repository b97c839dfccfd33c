"""How soon a network is good enough: tuned, and plain by Keras' defaults.

    python benchmarks/training.py

Both are trained one after the other in one run, since machines differ: compare the
ratios. Plain is trained as one would without any tuning: Adam at 1e-3 without decay,
batch normalization with momentum 0.99. The tuned network follows its record, so its
rate decays over the epochs of its full training.
"""

import time

import keras

from coursework import (
    lines,
    mnist,
    networks,
    paths,
    records,
    splits,
    tables,
    training,
)

DATASETS = {"lines": lines.load, "mnist": mnist.load}
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
        dataset = DATASETS[name]()
        parts = splits.split(dataset.classes)
        target = f"{name}, {accuracy:.1%}"
        plain = time_training(*plain_by_defaults(dataset), dataset, parts, accuracy)
        tuned = time_training(*tuned_by_record(name), dataset, parts, accuracy)
        rows.append((target, "plain, defaults", *described(plain), ""))
        rows.append((target, "tuned", *described(tuned), ratio(plain, tuned)))
    columns = ["validation accuracy", "network", "epochs", "seconds", "times as fast"]
    print(tables.markdown(columns, rows))


def plain_by_defaults(dataset):
    classes = int(dataset.classes.max()) + 1
    network = networks.plain_cnn(dataset.images.shape[1:], classes)
    network.get_layer("norm1").momentum = DEFAULT_MOMENTUM
    settings = training.Settings(
        epochs=PLAIN_EPOCHS, learning_rate=1e-3, schedule="constant"
    )
    return network, settings


def tuned_by_record(name):
    network, record = records.load(f"tuned_{name}", paths.ROOT / "models")
    return network, training.Settings.from_record(record)


def time_training(network, settings, dataset, parts, accuracy):
    """Train with seed 0 until the accuracy is reached; returns the watcher."""
    keras.utils.set_random_seed(0)
    network = keras.models.clone_model(network)  # fresh weights, of this seed
    watcher = StopAt(accuracy)
    training.train(
        *(network, dataset, parts, settings), seed=0, verbose=0, watchers=[watcher]
    )
    return watcher


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
