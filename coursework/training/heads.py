"""The four heads of section 2: which attribute of a line each one tells, and how.

A network with heads has one output for each attribute, in the order of ``NAMES``. Those
of ``BINARY`` are a single sigmoid neuron, the probability of level 1; the angle has a
softmax neuron for each level.
"""

import difflib
import math
import numbers

import keras
import numpy as np
from keras import losses

from coursework.data import lines

NAMES = ("length", "width", "color", "angle")
LEVELS = dict(zip(lines.ATTRIBUTES, lines.LEVELS, strict=True))
BINARY = ("length", "width", "color")
UNITS = {name: 1 if name in BINARY else LEVELS[name] for name in NAMES}


def are_on(network):
    """Whether a network has these heads and no other output.

    Raises:
        ValueError: it has several outputs, but not these, or one of another size.
    """
    names = tuple(getattr(network, "output_names", ()))  # a Sequential has none
    if len(names) < 2:
        return False
    if names != NAMES:
        raise ValueError(
            f"the network's heads are {', '.join(names)}; expected {', '.join(NAMES)}, "
            "in this order"
        )
    for name, output in zip(NAMES, network.outputs, strict=True):
        _check_size(name, tuple(output.shape))
    return True


def _check_size(name, shape):
    if len(shape) != 2 or shape[1] != UNITS[name]:
        raise ValueError(f"head {name} gives {shape}; expected (N, {UNITS[name]})")


def check(name):
    """ValueError if there is no head of this name; the message has the nearest."""
    if name not in NAMES:
        near = difflib.get_close_matches(str(name), NAMES, n=1, cutoff=0)
        known = ", ".join(NAMES)
        raise ValueError(f"no head {name!r}; nearest: {near[0]}; heads are {known}")


def make_losses(label_smoothing=0):
    """The loss of each head, as section 2.2 directs: dict, name → ``keras`` loss."""
    binary, categorical = losses.BinaryCrossentropy, losses.CategoricalCrossentropy
    return {
        name: (binary if name in BINARY else categorical)(
            label_smoothing=label_smoothing
        )
        for name in NAMES
    }


def loss_weights(values):
    """Weights of the four losses in their sum, as ``compile`` takes them.

    Args:
        values: four numbers from 0, in the order of ``NAMES``.

    Returns:
        dict, name → float.

    Raises:
        ValueError: these are not four such numbers.
    """
    weights = list(values)
    if len(weights) != len(NAMES) or not all(
        isinstance(weight, numbers.Real) and 0 <= weight < math.inf
        for weight in weights
    ):
        raise ValueError(
            f"loss weights are {values!r}; expected {len(NAMES)} numbers from 0, for "
            f"{', '.join(NAMES)}"
        )
    return dict(zip(NAMES, map(float, weights), strict=True))


def levels_of(attributes):
    """The attributes of lines, by head.

    Args:
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.

    Returns:
        dict, name → (N,) integers, in the order of ``NAMES``.

    Raises:
        ValueError: another shape, or a level that an attribute does not have, as when
            the columns are in another order.
    """
    attributes = np.asarray(attributes)
    order = ", ".join(lines.ATTRIBUTES)
    if attributes.ndim != 2 or attributes.shape[1] != len(NAMES):
        raise ValueError(
            f"attributes have shape {attributes.shape}; expected (N, {len(NAMES)}): "
            f"{order}"
        )
    columns = dict(zip(lines.ATTRIBUTES, attributes.T, strict=True))
    for name, column in columns.items():
        wrong = column[~np.isin(column, range(LEVELS[name]))]
        if len(wrong):
            raise ValueError(
                f"the column of {name} holds {wrong[0]}; expected whole numbers "
                f"0…{LEVELS[name] - 1}, columns in the order {order}"
            )
    return {name: columns[name] for name in NAMES}


def targets(dataset, indices):
    """What ``fit`` compares the outputs with.

    Args:
        dataset: a ``lines.LineDataset``.
        indices: (N,) integers, of the images.

    Returns:
        dict in the order of ``NAMES``, float32: (N, 1) zeros and ones for the binary
        heads, (N, 12) one-hot angles.

    Raises:
        ValueError: as ``levels_of``; or the attributes contradict the classes, or there
            are none.
    """
    if not hasattr(dataset, "attributes"):
        raise ValueError(
            f"the dataset {dataset.name} has no attributes, which the heads tell"
        )
    attributes = dataset.attributes[indices]
    levels = levels_of(attributes)
    if (lines.classes_of(attributes) != dataset.classes[indices]).any():
        raise ValueError(
            "the attributes are not those of the classes; expected columns in the "
            f"order {', '.join(lines.ATTRIBUTES)}"
        )
    return targets_of(levels)


def targets_of(levels):
    """The same for levels, a dict as ``levels_of`` gives."""
    found = {name: np.asarray(levels[name])[:, None] for name in BINARY}
    found["angle"] = keras.utils.to_categorical(levels["angle"], LEVELS["angle"])
    return {name: values.astype(np.float32) for name, values in found.items()}


def probabilities(outputs):
    """The probability of each level.

    Args:
        outputs: what ``predict`` returns: a list in the order of ``NAMES``.

    Returns:
        dict, name → (N, levels) floats that sum to 1.

    Raises:
        ValueError: these are not the outputs of the four heads.
    """
    if not isinstance(outputs, (list, tuple)) or len(outputs) != len(NAMES):
        raise ValueError(
            f"expected a list of {len(NAMES)} arrays, {', '.join(NAMES)}; received "
            f"{len(outputs)} in a {type(outputs).__name__}"
        )
    outputs = dict(zip(NAMES, outputs, strict=True))
    for name, values in outputs.items():
        _check_size(name, values.shape)
    return {
        name: np.hstack([1 - values, values]) if name in BINARY else values
        for name, values in outputs.items()
    }


def class_probabilities(outputs):
    """The probabilities of the 96 classes that the heads imply: products of theirs.

    The most probable class is that of each head's most probable level, so it is right
    where all four heads are.

    Args:
        outputs: what ``predict`` returns: a list in the order of ``NAMES``.

    Returns:
        (N, 96) floats, each row with sum 1.
    """
    shares = probabilities(outputs)
    joint = np.ones((len(outputs[0]), 1), np.float32)
    for name in lines.ATTRIBUTES:  # the class index counts in this order
        joint = (joint[:, :, None] * shares[name][:, None, :]).reshape(len(joint), -1)
    return joint


def predicted(outputs):
    """The most probable level of each attribute.

    Args:
        outputs: what ``predict`` returns, of a network with heads or of one with a
            single output for the 96 classes.

    Returns:
        dict, name → (N,) integers, in the order of ``NAMES``.
    """
    if isinstance(outputs, list):
        return {n: share.argmax(axis=1) for n, share in probabilities(outputs).items()}
    return levels_of(lines.attributes_of(outputs.argmax(axis=1)))
