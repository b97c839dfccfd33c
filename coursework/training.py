"""Compile, fit, test and save: the same way for every network."""

import dataclasses
import time

import keras
from keras import callbacks, losses, optimizers

from coursework import paths, records, splits

CONFIGURATION = (
    *("network", "architecture_sha256", "dataset"),
    *("epochs", "batch_size", "optimizer"),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a network is trained: Adam with a warm-up and a cosine decay to zero.

    Attributes:
        epochs: int, passes over the train part.
        batch_size: int, images of a gradient step.
        learning_rate: float, its highest value.
        warmup_epochs: float, epochs in which it rises linearly from zero; at most half
            of all epochs.
        label_smoothing: float, share of the target that is spread over all classes.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_epochs: float = 1
    label_smoothing: float = 0

    def as_record(self):
        """The fields of a record that say how a network was trained."""
        fields = dataclasses.asdict(self)
        epochs, batch_size = fields.pop("epochs"), fields.pop("batch_size")
        fixed = {
            "name": "Adam",
            "schedule": "warm-up, then cosine decay to zero",
            "loss": "categorical cross-entropy",
            "kept": "epoch with the lowest validation loss",
        }
        optimizer = fixed | fields
        return {"epochs": epochs, "batch_size": batch_size, "optimizer": optimizer}

    @classmethod
    def from_record(cls, record):
        """The settings that a record tells of."""
        names = {field.name for field in dataclasses.fields(cls)}
        fields = record | record["optimizer"]
        return cls(**{name: fields[name] for name in names})


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained network and how it came about.

    Attributes:
        network: the ``keras.Model``, with the weights of its best epoch.
        dataset: what it was trained on.
        parts: the ``splits.Split`` of the dataset.
        settings: the ``Settings``.
        seed: int.
        history: dict of lists, one number an epoch: accuracy, loss, val_accuracy and
            val_loss.
        seconds: float, time that the training took.
    """

    network: keras.Model
    dataset: object
    parts: tuple
    settings: Settings
    seed: int
    history: dict
    seconds: float


def train(network, dataset, parts, settings, seed, verbose=2):
    """Train a network and keep the epoch with the lowest validation loss.

    Args:
        network: an uncompiled ``keras.Model`` that ends in a softmax over classes.
        dataset: has ``images`` (N, height, width, channels) and ``classes`` (N,).
        parts: the ``splits.Split`` of the dataset; its test part is not looked at.
        settings: a ``Settings``.
        seed: int that ``keras.utils.set_random_seed`` was given, for the record.
        verbose: as in ``fit``.

    Returns:
        A ``Run``.
    """
    steps = -(-len(parts.train) // settings.batch_size)
    network.compile(
        optimizer=make_optimizer(settings, steps),
        loss=losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    history = network.fit(
        *examples(network, dataset, parts.train),
        validation_data=examples(network, dataset, parts.validation),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        callbacks=[_keep_best_epoch(settings.epochs)],
        verbose=verbose,
    )
    seconds = time.perf_counter() - start
    return Run(network, dataset, parts, settings, seed, history.history, seconds)


def make_optimizer(settings, steps_per_epoch):
    """Adam whose learning rate warms up and then falls on a cosine to zero."""
    warmup_epochs = min(settings.warmup_epochs, settings.epochs / 2)
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    schedule = optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=settings.epochs * steps_per_epoch - warmup_steps,
    )
    return optimizers.Adam(schedule)


def _keep_best_epoch(epochs):
    """Never stops early; sets the best epoch's weights at the end."""
    return callbacks.EarlyStopping(
        monitor="val_loss", patience=epochs, restore_best_weights=True
    )


def examples(network, dataset, indices):
    """Images and one-hot classes of one part."""
    classes = network.output_shape[-1]
    one_hot = keras.utils.to_categorical(dataset.classes[indices], classes)
    return dataset.images[indices], one_hot


def predict_test(run):
    """Probabilities, (N, C) float32, for the test part of a ``Run``."""
    images = run.dataset.images[run.parts.test]
    return run.network.predict(images, batch_size=512, verbose=0)


def save(run, evaluation, name):
    """Write the network and its record to the folder for models of this kind of run.

    The results of other seeds stay in the record if they come from the very same
    configuration; ``make repeats`` adds them.

    Args:
        run: a ``Run``.
        evaluation: the ``metrics.Evaluation`` of its test part.
        name: str, "plain_lines" for example.

    Returns:
        The record, a dict.

    Raises:
        OSError: a file cannot be written.
    """
    folder = paths.models(run.dataset.stand_in)
    record = make_record(run, evaluation, name)
    record["repeats"] += _other_seeds(record, name, folder)
    record["repeats"].sort(key=lambda repeat: repeat["seed"])
    records.save(run.network, record, name, folder)
    return records.read(name, folder)


def make_record(run, evaluation, name):
    """Everything that a record tells, except the checksum of the network's file."""
    return {
        "network": run.network.name,
        "question": records.NOTEBOOKS[name].split("/")[0],
        "dataset": describe_dataset(run.dataset, run.parts),
        "seed": run.seed,
        **run.settings.as_record(),
        "architecture_sha256": records.architecture_sha256(run.network),
        "parameters": run.network.count_params(),
        "seconds": round(run.seconds, 1),
        "test": {
            "accuracy": evaluation.accuracy,
            "errors": evaluation.errors,
            "macro_f1": evaluation.macro_f1,
            "f1": evaluation.f1.round(6).tolist(),
            "wrong": run.parts.test[evaluation.wrong].tolist(),
        },
        "repeats": [make_repeat(run, evaluation)],
        "history": {key: _rounded(values) for key, values in run.history.items()},
        "confusion": evaluation.confusion.tolist(),
        "versions": records.versions(),
        "machine": records.machine(),
    }


def describe_dataset(dataset, parts):
    """A dataset's name and checksum, and how many images each part holds."""
    fields = {"name": dataset.name, "sha256": dataset.sha256}
    return fields | splits.sizes(parts)


def make_repeat(run, evaluation):
    """What a record keeps of each seed."""
    return {
        "seed": run.seed,
        "accuracy": evaluation.accuracy,
        "errors": evaluation.errors,
        "macro_f1": evaluation.macro_f1,
        "seconds": round(run.seconds, 1),
        "machine": records.machine(),
    }


def _other_seeds(record, name, folder):
    """Repeats of an earlier record of the same configuration, without this seed."""
    try:
        earlier = records.read(name, folder)
    except (FileNotFoundError, ValueError):
        return []
    same = all(earlier[field] == record[field] for field in CONFIGURATION)
    return [
        repeat
        for repeat in earlier["repeats"]
        if same and repeat["seed"] != record["seed"]
    ]


def _rounded(values):
    return [float(f"{value:.6g}") for value in values]
