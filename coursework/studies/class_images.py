"""Images made for the classes of a network, and whether another one recognizes them."""

import keras
import numpy as np
from scipy import special

from coursework.data import lines
from coursework.studies import filters
from coursework.training import heads, metrics

OTHERS = {  # who judges the images of a network's classes: trained independently of it
    "plain_lines": "tuned_lines",
    "tuned_lines": "plain_lines",
    "four_head_lines": "tuned_lines",
    "plain_mnist": "tuned_mnist",
    "tuned_mnist": "plain_mnist",
}


def class_scores(model, head):
    """The scores of the classes of a head, before softmax or sigmoid.

    A single sigmoid neuron of score z has two classes of scores −z/2 and z/2, of which
    a softmax makes the very probabilities of the sigmoid.

    Args:
        model: a ``keras.Model``.
        head: name of the dense layer that gives the output.

    Returns:
        A ``keras.Model``, images → (N, classes) floats.
    """
    layer = model.get_layer(head)
    weights = layer.get_weights()
    if layer.units == 1:
        weights = [np.concatenate([-w, w], axis=-1) / 2 for w in weights]
    linear = keras.layers.Dense(len(weights[1]), name=head)
    scores = linear(layer.input)
    linear.set_weights(weights)
    return keras.Model(model.inputs, scores)


def outputs(names):
    """(network, head) of every output of some networks."""
    return [
        (name, head)
        for name in names
        for head in (heads.NAMES if name == "four_head_lines" else ("class",))
    ]


def class_names(names):
    """dict, (network, head) → the names of its classes."""
    return {(name, head): names_of(name, head) for name, head in outputs(names)}


def names_of(network, head="class"):
    """Names of the classes of an output of a network, or of a dataset."""
    if head != "class":
        return list(lines.ATTRIBUTE_NAMES[head])
    if network.endswith("mnist"):
        return list(map(str, range(10)))
    return [lines.class_name(label) for label in range(lines.CLASSES)]


def as_record(judged):
    """What ``judge`` gives, as JSON can hold it: "network: head" → kind → who."""
    record = {}
    for (kind, name, head), found in judged.items():
        record.setdefault(f"{name}: {head}", {})[kind] = found
    return record


def judge(classes, models):
    """What a network and another one, trained independently, take class images for.

    Args:
        classes: dict, (kind, network, head) → (C, height, width, channels), 0…255, the
            image of each class.
        models: dict, network → ``keras.Model``.

    Returns:
        dict, (kind, network, head) → {"itself": …, "other": …}, each what
        ``recognized`` gives.
    """
    judged = {}
    for (kind, name, head), images in classes.items():
        scores = filters.predict(class_scores(models[name], head), images)
        other = models[OTHERS[name]]
        others = filters.predict(class_scores(other, other.output_names[-1]), images)
        if head != "class":
            others = attribute_scores(others, head)
        truth = np.arange(len(images))
        judged[kind, name, head] = {
            "itself": recognized(scores, truth),
            "other": recognized(others, truth),
        }
    return judged


def attribute_scores(scores, attribute):
    """Scores of the levels of one attribute from those of the 96 classes.

    Args:
        scores: (N, 96) floats, of ``class_scores``.
        attribute: one of ``heads.NAMES``.

    Returns:
        (N, levels) floats, of which a softmax makes the sums of the probabilities.
    """
    grid = np.asarray(scores, np.float64).reshape(-1, *lines.LEVELS)
    axis = 1 + lines.ATTRIBUTES.index(attribute)
    rest = tuple({1, 2, 3, 4} - {axis})
    return special.logsumexp(grid, axis=rest)


def recognized(scores, classes):
    """How many images a network takes for what they were made for.

    Args:
        scores: (N, C) floats, of ``class_scores``, of any network.
        classes: (N,) ints.

    Returns:
        dict: ``correct`` and ``images``, ints; ``interval``, Wilson's at 95 %;
        ``chance``, 1 ÷ C; ``probabilities``, N floats, of the intended class.
    """
    scores = np.asarray(scores, np.float64)
    probabilities = special.softmax(scores, axis=1)[np.arange(len(scores)), classes]
    correct = int((scores.argmax(axis=1) == classes).sum())
    return {
        "correct": correct,
        "images": len(scores),
        "interval": metrics.wilson(correct, len(scores)),
        "chance": 1 / scores.shape[1],
        "probabilities": probabilities.round(4).tolist(),
    }
