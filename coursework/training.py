"""Compile, fit, test and save: the same way for every network."""

import dataclasses
import math
import time

import keras
from keras import losses, optimizers

from coursework import augment, callbacks, heads, metrics, paths, records, splits

OPTIMIZERS = {
    "Adam": optimizers.Adam,
    "AdamW": optimizers.AdamW,
    "SGD": optimizers.SGD,
}
SCHEDULES = ("cosine", "constant", "plateau")
KEPT = ("best epoch", "last epoch")
SGD_MOMENTUM = 0.9  # Nesterov's
LOSS = "categorical cross-entropy"  # of a network with a single output


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a network is trained.

    The loss is categorical cross-entropy; with heads it is the weighted sum of theirs.

    Attributes:
        epochs: int, passes over the train part.
        batch_size: int, images of a gradient step.
        learning_rate: float, its highest value.
        warmup_epochs: float, epochs in which it rises linearly from zero; at most half
            of all epochs. Only the cosine schedule warms up.
        label_smoothing: float, share of the target that is spread over all classes.
        optimizer: one of ``OPTIMIZERS``.
        schedule: "cosine" decay to zero, "constant", or "plateau": a tenth of the rate
            whenever the train loss stalls, see ``StallDecay``.
        weight_decay: float, for AdamW alone; biases and normalization are left out.
        augmentation: an ``augment.Augmentation`` of the train images, or None.
        kept: "best epoch", the one with the lowest validation loss, or "last epoch".
        loss_weights: dict, head → what its loss is multiplied with; None is 1 for each.
            Only for a network with heads.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_epochs: float = 1
    label_smoothing: float = 0
    optimizer: str = "Adam"
    schedule: str = "cosine"
    weight_decay: float = 0
    augmentation: augment.Augmentation | None = None
    kept: str = "best epoch"
    loss_weights: dict | None = None

    def __post_init__(self):
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("kept", self.kept, KEPT)
        if self.weight_decay and self.optimizer != "AdamW":
            raise ValueError(
                f"weight_decay is {self.weight_decay} but the optimizer is "
                f"{self.optimizer}; only AdamW has one"
            )
        if self.loss_weights is not None:
            heads.check_weights(self.loss_weights)

    def as_record(self, loss=LOSS):
        """The fields of a record that say how a network was trained, with its loss."""
        fields = dataclasses.asdict(self)
        first = {"name": fields.pop("optimizer"), "loss": loss}
        epochs, batch_size = fields.pop("epochs"), fields.pop("batch_size")
        return {
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": first | fields,
        }

    @classmethod
    def from_record(cls, record):
        """The settings that a record tells of; older ones may lack some."""
        told = record | record["optimizer"]
        told["optimizer"] = told["name"]
        if told.get("augmentation"):
            told["augmentation"] = augment.Augmentation(**told["augmentation"])
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: told[name] for name in names if name in told})


def _one_of(field, value, known):
    if value not in known:
        raise ValueError(f"{field} is {value!r}; known: {', '.join(known)}")


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained network and how it came about.

    Attributes:
        network: the ``keras.Model``, with the weights of the epoch that is kept.
        dataset: what it was trained on.
        parts: the ``splits.Split`` of the dataset.
        settings: the ``Settings``.
        seed: int.
        history: dict of lists, one number an epoch: accuracy, loss, val_accuracy and
            val_loss; with heads loss and val_loss, these four with each head's name
            before them (val_length_loss), and val_joint_accuracy.
        seconds: float, time that the training took.
    """

    network: keras.Model
    dataset: object
    parts: tuple
    settings: Settings
    seed: int
    history: dict
    seconds: float


def train(
    network, dataset, parts, settings, seed, verbose=2, validate_every=1, watchers=()
):
    """Train a network and keep the epoch that the settings say.

    Args:
        network: an uncompiled ``keras.Model`` that ends in a softmax over classes, or
            in the four ``heads``.
        dataset: has ``images`` (N, height, width, channels) and ``classes`` (N,); for
            heads, a ``lines.LineDataset``.
        parts: the ``splits.Split`` of the dataset; its test part is not looked at.
        settings: a ``Settings``.
        seed: int that ``keras.utils.set_random_seed`` was given, for the record.
        verbose: as in ``fit``.
        validate_every: int, epochs from one validation to the next.
        watchers: further Keras callbacks.

    Returns:
        A ``Run``.

    Raises:
        ValueError: the network's outputs, the settings and the dataset's labels do not
            fit each other; nothing was trained.
    """
    steps = math.ceil(len(parts.train) / settings.batch_size)
    network.compile(
        optimizer=make_optimizer(settings, steps), **_objective(network, settings)
    )
    validation = examples(network, dataset, parts.validation)
    after_epochs = make_callbacks(network, dataset, parts, settings)
    start = time.perf_counter()
    history = network.fit(
        **_train_part(network, dataset, parts, settings, seed),
        validation_data=validation,
        validation_batch_size=settings.batch_size,
        validation_freq=validate_every,
        epochs=settings.epochs,
        callbacks=[*after_epochs, *watchers],
        verbose=verbose,
    )
    seconds = time.perf_counter() - start
    return Run(network, dataset, parts, settings, seed, history.history, seconds)


def _objective(network, settings):
    """The arguments of ``compile`` that say what is minimized and what is measured."""
    smoothing = settings.label_smoothing
    if heads.are_on(network):
        if settings.augmentation is not None:
            raise ValueError(
                "augmentation would change what the heads tell: a turned line has "
                "another angle; expected None for a network with heads"
            )
        return {
            "loss": heads.make_losses(smoothing),
            "loss_weights": settings.loss_weights,
            "metrics": {name: ["accuracy"] for name in heads.NAMES},
        }
    if settings.loss_weights is not None:
        raise ValueError(
            f"loss_weights are {settings.loss_weights}, but the network has a single "
            "output"
        )
    return {
        "loss": losses.CategoricalCrossentropy(label_smoothing=smoothing),
        "metrics": ["accuracy"],
    }


def _train_part(network, dataset, parts, settings, seed):
    """The arguments of ``fit`` that bring the train images, augmented or not."""
    images, targets = examples(network, dataset, parts.train)
    size = settings.batch_size
    if settings.augmentation is None:
        return {"x": images, "y": targets, "batch_size": size}
    batches = augment.AugmentedBatches(
        images, targets, size, settings.augmentation, seed
    )
    return {"x": batches}


def make_optimizer(settings, steps_per_epoch):
    """The optimizer that a ``Settings`` describes, with its learning rate schedule."""
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = _warmup_and_cosine(settings, steps_per_epoch)
    arguments = {}
    if settings.optimizer == "SGD":
        arguments |= {"momentum": SGD_MOMENTUM, "nesterov": True}
    if settings.optimizer == "AdamW":
        arguments |= {"weight_decay": settings.weight_decay}
    optimizer = OPTIMIZERS[settings.optimizer](rate, **arguments)
    if settings.optimizer == "AdamW":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _warmup_and_cosine(settings, steps_per_epoch):
    """Up on a line, then down on a cosine to zero."""
    warmup_epochs = min(settings.warmup_epochs, settings.epochs / 2)
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    return optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=settings.epochs * steps_per_epoch - warmup_steps,
    )


def make_callbacks(network, dataset, parts, settings):
    """What ``fit`` does after each epoch, for the arguments of ``train``."""
    chosen = []
    if heads.are_on(network):
        images, attributes = (
            values[parts.validation] for values in (dataset.images, dataset.attributes)
        )
        chosen.append(callbacks.JointAccuracy(images, attributes))
    if settings.schedule == "plateau":
        chosen.append(callbacks.StallDecay())
    if settings.kept == "best epoch":
        chosen.append(callbacks.keep_best_epoch(settings.epochs))
    return chosen


def examples(network, dataset, indices):
    """Images of one part, and what the network should say of them.

    Returns:
        (n, height, width, channels) uint8, and one-hot classes (n, C) or, for heads,
        what ``heads.targets`` gives.

    Raises:
        ValueError: the dataset's labels are not what the heads need.
    """
    images = dataset.images[indices]
    if heads.are_on(network):
        return images, heads.targets(dataset, indices)
    classes = network.output_shape[-1]
    return images, keras.utils.to_categorical(dataset.classes[indices], classes)


def predict_test(run):
    """What a ``Run``'s network says of the test part.

    Returns:
        Probabilities, (N, C) float32; for heads, a list of such arrays.
    """
    images = run.dataset.images[run.parts.test]
    return run.network.predict(images, batch_size=512, verbose=0)


def evaluate_test(run):
    """The ``metrics.Evaluation``, or ``HeadsEvaluation``, of a ``Run``'s test part."""
    outputs = predict_test(run)
    if heads.are_on(run.network):
        return metrics.evaluate_heads(run.dataset.attributes[run.parts.test], outputs)
    return metrics.evaluate(run.dataset.classes[run.parts.test], outputs)


def save(run, evaluation, name):
    """Write the network and its record to the folder for models of this kind of run.

    The results of other seeds stay in the record if they come from the very same
    configuration; ``make repeats`` adds them.

    Args:
        run: a ``Run``.
        evaluation: what ``evaluate_test`` gives.
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
        **run.settings.as_record(describe_loss(run.network)),
        "architecture_sha256": records.architecture_sha256(run.network),
        "parameters": run.network.count_params(),
        "seconds": round(run.seconds, 1),
        "test": {
            **evaluation.as_record(),
            "wrong": run.parts.test[evaluation.wrong].tolist(),
        },
        "repeats": [make_repeat(run, evaluation)],
        "history": {key: _rounded(values) for key, values in run.history.items()},
        "confusion": evaluation.confusion.tolist(),
        "versions": records.versions(),
        "machine": records.machine(),
    }


def describe_loss(network):
    """What a network is trained with, in words."""
    return heads.LOSS if heads.are_on(network) else LOSS


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
    fields = ("network", "architecture_sha256", "dataset")
    same = all(earlier[field] == record[field] for field in fields)
    same = same and Settings.from_record(earlier) == Settings.from_record(record)
    return [
        repeat
        for repeat in earlier["repeats"]
        if same and repeat["seed"] != record["seed"]
    ]


def _rounded(values):
    return [float(f"{value:.6g}") for value in values]
