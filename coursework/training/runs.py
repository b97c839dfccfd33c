"""Saving what a notebook trained, and training a saved network once more.

The notebooks write networks, ``compile`` and ``fit`` out. A record keeps how a network
was trained as Keras itself describes it, so that whatever else needs the network (more
seeds, variations, studies) clones the saved one and compiles the clone in the same way.
"""

import copy
import json
import math
import time

import keras

from coursework import paths, records
from coursework.data import augment, splits
from coursework.training import heads, metrics

PREDICT_BATCH = 512
EXPERIMENTS = {  # study → the network whose clone is trained, and what changes in it
    "padding": ("plain_lines", {"conv1": {"padding": "same"}}),
}


# --- saving ---------------------------------------------------------------------------


def save(
    name,
    network,
    history,
    dataset,
    parts,
    outputs,
    *,
    batch_size,
    seconds,
    augmentation=None,
    seed=0,
):
    """Write a trained network and its record to the models folder of this run.

    The results of other seeds stay in the record if they are of the same network,
    trained in the same way; ``make repeats`` adds them.

    Args:
        name: str, "plain_lines" for example.
        network: the compiled and trained ``keras.Model``.
        history: what ``fit`` returned.
        dataset: has ``images``, ``classes``, ``name`` and ``sha256``.
        parts: the ``splits.Split`` of the dataset.
        outputs: what ``predict`` returns for the images of the test part.
        batch_size: int, of ``fit``.
        seconds: float, time that ``fit`` took.
        augmentation: the ``augment.Augmentation`` of the train images, or None.
        seed: int, which ``keras.utils.set_random_seed`` was given.

    Returns:
        The record, a dict.

    Raises:
        OSError: a file cannot be written.
    """
    evaluation = evaluate(outputs, dataset, parts.test)
    epochs = len(history.epoch)
    record = {
        "network": network.name,
        "question": records.NOTEBOOKS[name].split("/")[0],
        "dataset": describe_dataset(dataset, parts),
        "seed": seed,
        "training": {
            "compile": describe_compile(network),
            "fit": describe_fit(epochs, batch_size, augmentation),
        },
        "parameters": network.count_params(),
        "seconds": round(seconds, 1),
        "test": {
            **evaluation.as_record(),
            "wrong": parts.test[evaluation.wrong].tolist(),
        },
        "history": {key: _rounded(values) for key, values in history.history.items()},
        "confusion": evaluation.confusion.tolist(),
        "versions": records.versions(),
        "machine": records.machine(),
    }
    repeats = [make_repeat(seed, evaluation, parts, seconds)]
    repeats += _other_seeds(name, network, record)
    record["repeats"] = sorted(repeats, key=lambda repeat: repeat["seed"])
    records.save(network, record, name, paths.models())
    return records.read(name, paths.models())


def save_experiment(name, outputs, dataset, parts, *, seconds, seed=0):
    """Add a training of one of ``EXPERIMENTS`` to its record.

    Args:
        name: str, of the experiment.
        outputs, dataset, parts, seconds, seed: as in ``save``.

    Returns:
        List of dict, what the record holds of each seed.

    Raises:
        OSError: the file cannot be written.
    """
    evaluation = evaluate(outputs, dataset, parts.test)
    return add_repeat(name, make_repeat(seed, evaluation, parts, seconds), dataset)


def add_repeat(name, repeat, dataset):
    """As ``save_experiment``, with what ``make_repeat`` gives."""
    repeats = [r for r in repeats_of(name) if r["seed"] != repeat["seed"]]
    repeats = sorted([*repeats, repeat], key=lambda each: each["seed"])
    records.write_study(_setup(name) | {"repeats": repeats}, name, dataset)
    return repeats


def repeats_of(name):
    """What the record of an experiment holds, if it is of the network as it is now."""
    try:
        earlier = records.read_study(name, paths.models())
    except (FileNotFoundError, ValueError):
        return []
    same = all(earlier.get(key) == value for key, value in _setup(name).items())
    return earlier["repeats"] if same else []


def _setup(name):
    network, changes = EXPERIMENTS[name]
    base = records.read(network)
    fields = {"images": base["dataset"], "training": base["training"]}
    return {"network": network, "changes": changes, **fields}


def describe_compile(network):
    """What ``compile`` was given, as Keras describes it and a record keeps it.

    Keras numbers optimizers (``adam_3``); without the number equal ones are equal.
    """
    config = json.loads(json.dumps(network.get_compile_config()))
    optimizer = config["optimizer"]
    optimizer["config"]["name"] = optimizer["class_name"].lower()
    config["jit_compile"] = "auto"  # Keras notes what it chose for this machine
    return config


def describe_dataset(dataset, parts):
    """A dataset's name and checksum, and how many images each part holds."""
    fields = {"name": dataset.name, "sha256": dataset.sha256}
    return fields | splits.sizes(parts)


def describe_fit(epochs, batch_size, augmentation=None):
    """The arguments of ``fit`` as a record keeps them."""
    amounts = None if augmentation is None else vars(augmentation)
    return {"epochs": epochs, "batch_size": batch_size, "augmentation": amounts}


def make_repeat(seed, evaluation, parts, seconds):
    """What a record keeps of each seed; ``wrong`` are indices into the dataset."""
    return {
        "seed": seed,
        "accuracy": evaluation.accuracy,
        "errors": evaluation.errors,
        "macro_f1": evaluation.macro_f1,
        "seconds": round(seconds, 1),
        "wrong": parts.test[evaluation.wrong].tolist(),
        "machine": records.machine(),
    }


def _other_seeds(name, network, record):
    """Repeats of an earlier record of the same configuration, without this seed."""
    try:
        earlier_network, earlier = records.load(name, paths.models())
    except (FileNotFoundError, ValueError):
        return []
    same = all(earlier[field] == record[field] for field in ("dataset", "training"))
    if not same or records.configuration(earlier_network) != records.configuration(
        network
    ):
        return []
    return [r for r in earlier["repeats"] if r["seed"] != record["seed"]]


def _rounded(values):
    return [float(f"{value:.6g}") for value in values]


# --- training once more ---------------------------------------------------------------


def train_again(network, training, dataset, parts, seed, changes=None):
    """Train a clone of a saved network from new weights and test it.

    Args:
        network: a ``keras.Model``, which is left as it is.
        training: ``training`` of its record.
        dataset, parts: as in ``save``.
        seed: int, of the first weights and of the order of the images.
        changes: as in ``clone``.

    Returns:
        The trained ``keras.Model``; its ``make_repeat``, a dict.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    fresh = clone(network, changes)
    compile_as(fresh, training["compile"])
    _, seconds = fit(fresh, dataset, parts, seed=seed, **training["fit"])
    outputs = predict(fresh, dataset, parts.test)
    evaluation = evaluate(outputs, dataset, parts.test)
    return fresh, make_repeat(seed, evaluation, parts, seconds)


def compile_as(network, config):
    """Compile a network as a record says; Keras changes the dict that it is given."""
    network.compile_from_config(copy.deepcopy(config))


def clone(network, changes=None):
    """The same layers with new weights.

    Args:
        network: a functional ``keras.Model``.
        changes: dict, layer name → dict of the arguments of that layer that are other
            than in the network, or None to leave the layer out: ``{"conv1":
            {"padding": "same"}, "norm1": None}``.

    Returns:
        An uncompiled ``keras.Model``.

    Raises:
        ValueError: no layer of such a name, or no such argument.
    """
    changes = changes or {}
    unknown = set(changes) - {layer.name for layer in network.layers}
    if unknown:
        raise ValueError(f"{network.name} has no layer {', '.join(sorted(unknown))}")

    def changed(layer):
        config, other = layer.get_config(), changes.get(layer.name) or {}
        if not set(other) <= set(config):
            raise ValueError(f"{layer.name} has no argument {set(other) - set(config)}")
        return type(layer).from_config(config | other)

    def call(layer, *inputs, **options):
        leave_out = layer.name in changes and changes[layer.name] is None
        return inputs[0] if leave_out else layer(*inputs, **options)

    # In the order of the layers, so that a seed gives the weights of a first building.
    made = {layer.name: changed(layer) for layer in network.layers}
    return keras.models.clone_model(
        network, clone_function=lambda layer: made[layer.name], call_function=call
    )


def fit(
    network,
    dataset,
    parts,
    *,
    epochs,
    batch_size,
    augmentation=None,
    seed=0,
    validate_every=None,
    callbacks=(),
    verbose=0,
):
    """Train a compiled network on the train part.

    Args:
        network: ends in a softmax over classes, or in the four ``heads``.
        dataset, parts: as in ``save``; the test part is not looked at.
        epochs, batch_size: int.
        augmentation: dict, the fields of an ``augment.Augmentation``, or None.
        seed: int, of the augmentation.
        validate_every: int, epochs from one validation to the next; None: only after
            the last; 0: never.
        callbacks, verbose: as in ``keras.Model.fit``.

    Returns:
        The ``keras.callbacks.History``, and the seconds that it took.
    """
    images, targets = examples(network, dataset, parts.train)
    train = {"x": images, "y": targets, "batch_size": batch_size}
    if augmentation is not None:
        amounts = augment.Augmentation(**augmentation)
        batches = augment.AugmentedBatches(images, targets, batch_size, amounts, seed)
        train = {"x": batches}
    if validate_every != 0:
        train |= {
            "validation_data": examples(network, dataset, parts.validation),
            "validation_batch_size": PREDICT_BATCH,
            "validation_freq": validate_every or epochs,
        }
    start = time.perf_counter()
    history = network.fit(
        **train,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=verbose,
    )
    return history, time.perf_counter() - start


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


def predict(network, dataset, indices):
    """Probabilities of some images, (n, C) float32; for heads, a list of arrays."""
    images = dataset.images[indices]
    return network.predict(images, batch_size=PREDICT_BATCH, verbose=0)


def evaluate(outputs, dataset, indices):
    """The ``metrics.Evaluation``, or ``HeadsEvaluation``, of what ``predict`` gives."""
    if isinstance(outputs, list):
        return metrics.evaluate_heads(dataset.attributes[indices], outputs)
    return metrics.evaluate(dataset.classes[indices], outputs)


# --- learning rates -------------------------------------------------------------------


def warmup_and_cosine(learning_rate, steps, warmup=0.125, end=0.0):
    """A learning rate that rises linearly, then falls on a cosine.

    Args:
        learning_rate: float, its highest value.
        steps: int, gradient steps of the whole training.
        warmup: float, share of the steps in which it rises.
        end: float, share of the highest value that it falls to.
    """
    rising = round(steps * warmup)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=learning_rate,
        warmup_steps=rising,
        decay_steps=steps - rising,
        alpha=end,
    )


def steps_of(images, epochs, batch_size):
    """Gradient steps of a training."""
    return math.ceil(images / batch_size) * epochs


def adapted(training, images_before, images, **changes):
    """The ``training`` of a record for other images, epochs or batches.

    The learning rate schedule is made as long as the new training.

    Args:
        training: ``training`` of a record.
        images_before: int, how many the record's network was trained on.
        images: int, how many now.
        changes: arguments of ``fit`` that differ.

    Returns:
        Such a dict.
    """
    fit = training["fit"] | changes
    before, now = (
        steps_of(count, settings["epochs"], settings["batch_size"])
        for count, settings in ((images_before, training["fit"]), (images, fit))
    )
    return {"compile": stretched(training["compile"], now / before), "fit": fit}


def stretched(compile_config, factor):
    """A compile configuration whose learning rate schedule is ``factor`` as long."""
    config = copy.deepcopy(compile_config)
    schedule = config["optimizer"]["config"]["learning_rate"]
    if isinstance(schedule, dict):
        for key in ("warmup_steps", "decay_steps"):
            schedule["config"][key] = round(schedule["config"][key] * factor)
    return config
