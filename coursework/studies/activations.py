"""What the first filters of a network respond to: Q3/1_activations.

Orientation tuning of trained filters beside that of untrained ones. What can be read
from layers is in ``probes``.
"""

import keras
import numpy as np
from scipy import stats

from coursework.data import lines
from coursework.studies import maps, probes

PREDICT_BATCH = 512
SEEDS = range(1, 11)  # of the untrained filters


def first_of(dataset, indices, classes):
    """The first image of each of some classes.

    Args:
        dataset: has ``images`` and ``classes``.
        indices: (N,) integers, the images to choose from.
        classes: integers.

    Returns:
        (len(classes), height, width, channels) uint8.

    Raises:
        IndexError: there is no image of a class.
    """
    of_all = dataset.classes[indices]
    first = [indices[of_all == label][0] for label in classes]
    return dataset.images[first]


def responses(activation, empty, angles):
    """Mean response of filters to lines of each angle, above that to no line.

    A filter with a positive bias is active on the empty background as well; that is no
    response to a line and is subtracted, position by position.

    Args:
        activation: (N, height, width, C), after the ReLU, for lines.
        empty: (height, width, C), for an image without a line.
        angles: (N,) integers, levels 0…11.

    Returns:
        (C, 12) float64, at least 0.
    """
    strength = np.maximum(activation - empty, 0).mean(axis=(1, 2), dtype=float)
    levels = range(len(lines.ANGLES))
    return np.stack([strength[angles == k].mean(axis=0) for k in levels], axis=1)


def orientation_index(by_angle):
    """How selective filters are for the angle of a line.

    The length of the mean response vector at twice the angle, 1 minus the circular
    variance (Ringach and others, 2002).

    Args:
        by_angle: (C, 12) floats of at least 0, as ``responses`` gives.

    Returns:
        (C,) float64: 0 for equal responses to all angles, or none; 1 for one angle.
    """
    vector = np.abs(by_angle @ np.exp(2j * np.radians(lines.ANGLES)))
    total = by_angle.sum(axis=1)
    return np.divide(vector, total, out=np.zeros_like(total), where=total > 0)


def tuning(network, images, angles, layer="relu1"):
    """Orientation indices of a network's first filters, (C,) float64.

    Args:
        network: a ``keras.Model``; one for gray images gets the lines in gray.
        images: (N, 28, 28, 3) uint8, lines.
        angles: (N,) integers, levels 0…11.
        layer: str, the ReLU after the filters.
    """
    if network.input_shape[-1] == 1:
        images = images.max(axis=-1, keepdims=True)
    inside = keras.Model(network.inputs, network.get_layer(layer).output)
    with_empty = np.concatenate([images, np.zeros_like(images[:1])])
    *active, empty = inside.predict(with_empty, batch_size=PREDICT_BATCH, verbose=0)
    return orientation_index(responses(np.stack(active), empty, angles))


def tunings(networks, images, angles, seeds=SEEDS):
    """Orientation indices of trained and untrained first filters.

    Args:
        networks: dict, name → ``keras.Model``.
        images, angles: as for ``tuning``.
        seeds: ints, one untrained copy of each network for each.

    Returns:
        dict that JSON holds, name → dict: ``trained`` and ``untrained``, lists of
        indices; ``p``, of no difference (Mann-Whitney, Holm).
    """
    found = {}
    for name, network in networks.items():
        first = keras.Model(network.inputs, network.get_layer("relu1").output)
        copies = [probes.untrained(first, seed) for seed in seeds]
        random = np.concatenate([tuning(copy, images, angles) for copy in copies])
        trained = tuning(first, images, angles)
        p = stats.mannwhitneyu(trained, random).pvalue
        both = {"trained": trained.round(4), "untrained": random.round(4)}
        found[name] = {key: value.tolist() for key, value in both.items()} | {"p": p}
    maps.correct_for_many(found)
    return found
