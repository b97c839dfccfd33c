"""What can be read from the layers of a network: Q3/1_activations.

Linear probes of every layer, each beside the same layer of an untrained network and
beside the pixels.
"""

import itertools
import typing

import keras
import numpy as np
from keras import ops

from coursework.studies import maps
from coursework.training import heads, metrics

COUNTS = 20_000, 4_000, 10_000  # images to fit a probe, to choose its penalty, to test
PENALTIES = (1e-2, 1e-3, 1e-4)
EPOCHS, BATCH, LEARNING_RATE = 8, 512, 0.02  # of a probe
PREDICT_BATCH = 512
UNTRAINED_SEED = 1  # of the control
SIGNIFICANT = 0.05
PROBED = {  # layers at the end of each stage
    "plain_lines": ("pool1", "relu2"),
    "tuned_lines": ("relu1", "relu2", "relu3", "relu4"),
    "four_head_lines": ("relu1", "relu2", "relu3"),
    "plain_mnist": ("pool1", "relu2"),
    "tuned_mnist": ("relu3", "relu4", "relu5"),
}
HEAD_LAYERS = tuple(f"{name}_relu" for name in heads.NAMES)
INK_OF_THICK = 18  # px², halfway from a long thin line (15) to a short thick one (21)
INK_OF_LONG = 11  # px², halfway from a short thin line (7) to a long thin one (15)


class Examples(typing.NamedTuple):
    """Images, or a layer's output for them, and what is to be read from them.

    Attributes:
        values: (N, …) uint8; of layers, dict, layer → (N, …) floats.
        labels: dict, name → (N,) integers.
    """

    values: np.ndarray
    labels: dict


def examples(dataset, parts, counts=COUNTS, seed=0):
    """Images to fit, choose and test probes with, from the three parts of a split.

    Args:
        dataset: of lines or of digits.
        parts: its ``splits.Split``.
        counts: three ints, how many of each part, at most.
        seed: int, which ones.

    Returns:
        List of three ``Examples``; labels of lines are the four attributes.
    """
    random = np.random.default_rng(seed)
    return [
        _labeled(dataset, random.permutation(part)[:count])
        for part, count in zip(parts, counts, strict=True)
    ]


def _labeled(dataset, indices):
    attributes = getattr(dataset, "attributes", None)
    if attributes is None:
        labels = {"digit": dataset.classes[indices].astype(int)}
    else:
        labels = heads.levels_of(attributes[indices].astype(int))
    return Examples(dataset.images[indices], labels)


# --- linear probes --------------------------------------------------------------------


class Probe(typing.NamedTuple):
    """A linear probe of one label.

    Attributes:
        penalty: float, of ``PENALTIES``, the best on validation.
        correct: (N,) bool, test images that are right.
    """

    penalty: float
    correct: np.ndarray


def probe(train, validation, test):
    """Read labels from layers' outputs by one linear function for each level.

    Linear probes as of Alain and Bengio (2016): logistic regression with a squared
    penalty on the weights. The probes of all layers, labels and penalties are columns
    of dense layers that are trained together. Their losses are added and Adam steps
    each weight by its own gradient, so no probe changes another one.

    Args:
        train, validation, test: ``Examples``; values are a dict, layer → (N, …) floats,
            outputs of the layer.

    Returns:
        dict, layer → label → ``Probe``.
    """
    layers = list(train.values)
    by_layer = (_standardized(train, validation, test, layer) for layer in layers)
    features = list(zip(*by_layer, strict=True))
    levels = {name: int(values.max()) + 1 for name, values in train.labels.items()}
    model = _fit(list(features[0]), train.labels, levels)
    chosen, tested = (_predicted(model, list(each), levels) for each in features[1:])
    found = {layer: {} for layer in layers}
    for layer, before, after in zip(layers, chosen, tested, strict=True):
        for name in levels:
            right = (before[name] == validation.labels[name]).mean(axis=1)
            best = int(right.argmax())
            correct = after[name][best] == test.labels[name]
            found[layer][name] = Probe(PENALTIES[best], correct)
    return found


def _standardized(train, validation, test, layer):
    """A layer's outputs as (N, features), mean 0; one scale for all, of train."""
    parts = [part.values[layer] for part in (train, validation, test)]
    flat = [values.reshape(len(values), -1).astype(np.float32) for values in parts]
    mean = flat[0].mean(axis=0)
    scale = (flat[0] - mean).std()
    return [(values - mean) / scale for values in flat]


def _fit(features, labels, levels):
    """For each layer's features a dense layer: a column by penalty, label and level."""
    wanted = np.hstack([np.eye(levels[name])[labels[name]] for name in levels])
    width, ends = sum(levels.values()), np.cumsum([0, *levels.values()]).tolist()
    penalties = np.repeat(PENALTIES, width).astype(np.float32)

    def penalty(weights):
        return ops.sum(penalties / 2 * ops.square(weights))

    def loss(wanted, scores):
        scores, total = ops.reshape(scores, (-1, len(PENALTIES), width)), 0
        for start, end in itertools.pairwise(ends):
            logarithms = ops.log_softmax(scores[..., start:end])
            total -= ops.sum(wanted[:, None, start:end] * logarithms, axis=(1, 2))
        return total

    inputs = [keras.Input(values.shape[1:]) for values in features]
    options = {"kernel_initializer": "zeros", "kernel_regularizer": penalty}
    outputs = [keras.layers.Dense(len(penalties), **options)(x) for x in inputs]
    model = keras.Model(inputs, outputs)
    steps = -(-len(wanted) // BATCH) * EPOCHS
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    losses = [loss] * len(outputs)
    model.compile(keras.optimizers.Adam(schedule), loss=losses, jit_compile=False)
    targets = [wanted] * len(outputs)
    model.fit(features, targets, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def _predicted(model, features, levels):
    """List, for each layer, of dict, label → (penalties, N) integers."""
    scores = model.predict(features, batch_size=4 * BATCH, verbose=0)
    scores = scores if isinstance(scores, list) else [scores]
    ends, found = np.cumsum(list(levels.values()))[:-1], []
    for each in scores:
        parts = np.split(each.reshape(len(each), len(PENALTIES), -1), ends, axis=2)
        levels_of = [part.argmax(axis=2).T for part in parts]
        found.append(dict(zip(levels, levels_of, strict=True)))
    return found


def outputs_of(network, layers, images):
    """Outputs of layers, dict, name → (N, …) float32; images are raw pixels."""
    inside = keras.Model(network.inputs, [network.get_layer(n).output for n in layers])
    outputs = inside.predict(images, batch_size=PREDICT_BATCH, verbose=0)
    return dict(zip(layers, outputs, strict=True))


def probe_layers(network, layers, parts):
    """Probes of layers: dict, layer → label → ``Probe``.

    Args:
        network: a ``keras.Model``.
        layers: at least two names.
        parts: three ``Examples`` of images, as ``examples`` gives.
    """
    outputs = (outputs_of(network, layers, part.values) for part in parts)
    read = [p._replace(values=v) for p, v in zip(parts, outputs, strict=True)]
    return probe(*read)


def untrained(network, seed=UNTRAINED_SEED):
    """The same layers with new random weights; sets Keras' global seed."""
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(network)


def untrained_heads(network):
    """The trained shared layers with untrained heads behind them."""
    control = untrained(network)
    for layer in network.layers:
        if not layer.name.startswith(heads.NAMES):
            control.get_layer(layer.name).set_weights(layer.get_weights())
    return control


# --- what pixels hold -----------------------------------------------------------------


def sums_of_pixels(images):
    """Labels of lines that one sum over the pixels and a threshold give.

    Args:
        images: (N, 28, 28, 3) uint8, lines of the dataset.

    Returns:
        dict, label → (N,) bool, level 1: long, thick, blue.
    """
    ink = images.sum(axis=(1, 2), dtype=float) / 255
    return {
        "length": ink.sum(axis=1) > INK_OF_LONG,
        "width": ink.sum(axis=1) > INK_OF_THICK,
        "color": ink[:, 2] > ink[:, 0],
    }


def probe_pixels(parts):
    """What can be read from the pixels: the better of a linear probe and a sum.

    Args:
        parts: three ``Examples`` of images.

    Returns:
        dict, label → (N,) bool, test images that are right; dict for the record, label
        → ``probe`` and, for lines, ``sum``, shares 0…1.
    """
    scaled = [
        part._replace(values={"pixels": part.values / np.float32(255)})
        for part in parts
    ]
    found = probe(*scaled)["pixels"]
    correct = {name: each.correct for name, each in found.items()}
    record = {name: {"probe": float(right.mean())} for name, right in correct.items()}
    test = parts[2]
    if "color" in correct:
        for name, answer in sums_of_pixels(test.values).items():
            right = answer == test.labels[name]
            record[name]["sum"] = float(right.mean())
            correct[name] = max(correct[name], right, key=np.mean)
    return correct, record


def probe_networks(networks, parts):
    """Probes of all networks on one dataset, beside untrained ones and the pixels.

    Args:
        networks: dict, name of ``PROBED`` → ``keras.Model``.
        parts: three ``Examples`` of images.

    Returns:
        dict that JSON holds: ``images``, how many were tested; ``pixels``, as
        ``probe_pixels`` gives; ``layers``, network → layer → label → dict of
        ``trained`` and ``untrained``, shares 0…1, ``penalty``, ``gain`` of the trained
        over the better of untrained and pixels, and its ``p`` (McNemar, Holm). Layers
        of heads are untrained behind trained shared layers.
    """
    pixels, record = probe_pixels(parts)
    found, cells = {}, []
    for name, network in networks.items():
        layers = PROBED[name]
        control = probe_layers(untrained(network), layers, parts)
        if heads.are_on(network):
            layers += HEAD_LAYERS
            control |= probe_layers(untrained_heads(network), HEAD_LAYERS, parts)
        both = probe_layers(network, layers, parts), control
        found[name] = {layer: {} for layer in layers}
        for layer in layers:
            for label, reference in pixels.items():
                pair = [probes[layer][label] for probes in both]
                found[name][layer][label] = _compared(*pair, reference)
                cells.append(found[name][layer][label])
    maps.correct_for_many(dict(enumerate(cells)))
    return {"images": len(parts[2].values), "pixels": record, "layers": found}


def _compared(trained, control, pixels):
    """The record of one probe; the p of its gain (McNemar) is not yet corrected."""
    reference = max(control.correct, pixels, key=np.mean)
    wrong = [np.flatnonzero(~right) for right in (trained.correct, reference)]
    return {
        "trained": float(trained.correct.mean()),
        "untrained": float(control.correct.mean()),
        "penalty": trained.penalty,
        "gain": float(trained.correct.mean() - reference.mean()),
        "p": metrics.mcnemar(*wrong).p,
    }


def added(cell):
    """Whether training made a label easier to read than pixels and untrained do."""
    return cell["gain"] > 0 and cell["p"] < SIGNIFICANT
