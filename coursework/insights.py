"""What a network's layers hold: numbers beside the pictures of section 3.

All functions take activations, as ``visualize.activations`` gives them.
"""

import typing

import numpy as np
from sklearn import linear_model, pipeline, preprocessing

from coursework import heads, lines

RIDGE = 10.0  # penalty of the probe, on standardized features


def silent_share(activation):
    """Share of a layer's channels that say nothing about any of the images.

    Args:
        activation: (N, height, width, C) or (N, C) floats.

    Returns:
        float, 0…1: channels with the same value everywhere and for all images.
    """
    channels = np.moveaxis(activation, -1, 0).reshape(activation.shape[-1], -1)
    return float((np.ptp(channels, axis=1) == 0).mean())


class Tuning(typing.NamedTuple):
    """How filters respond to the angle and the color of lines.

    Attributes:
        responses: (C, 12, 2) float64, mean positive response to each angle and color.
        preferred: (C,) float64, degrees in [0, 180), the angle of the mean response.
        orientation: (C,) float64, 0 if all angles are alike, 1 if only one counts.
        color: (C,) float64, −1 for blue alone, 1 for red alone.
    """

    responses: np.ndarray
    preferred: np.ndarray
    orientation: np.ndarray
    color: np.ndarray


def tuning(activation, attributes):
    """Orientation tuning and color selectivity of a layer's filters.

    The orientation index is the length of the mean response vector at twice the angle
    (1 minus the circular variance; Ringach and others, 2002). Silent filters have 0.

    Args:
        activation: (N, height, width, C), responses to lines.
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.

    Returns:
        ``Tuning``.
    """
    strength = np.maximum(activation, 0).mean(axis=(1, 2))
    levels = heads.levels_of(attributes)
    responses = np.zeros((strength.shape[1], len(lines.ANGLES), 2))
    for angle, color in np.ndindex(responses.shape[1:]):
        chosen = (levels["angle"] == angle) & (levels["color"] == color)
        responses[:, angle, color] = strength[chosen].mean(axis=0)
    by_angle, by_color = responses.sum(axis=2), responses.sum(axis=1)
    vector = by_angle @ np.exp(2j * np.radians(lines.ANGLES))
    return Tuning(
        responses=responses,
        preferred=np.degrees(np.angle(vector)) / 2 % 180,
        orientation=_share(np.abs(vector), by_angle.sum(axis=1)),
        color=_share(by_color[:, 0] - by_color[:, 1], by_color.sum(axis=1)),
    )


def _share(part, whole):
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def probe(train, train_targets, test, test_targets):
    """How well a linear function of a layer's outputs tells the labels apart.

    A linear probe (Alain and Bengio, 2016): ridge regression to one-hot labels, all
    labels at once, on standardized outputs.

    Args:
        train, test: (N, …) floats, the layer's outputs.
        train_targets, test_targets: dict, name → (N,) integers.

    Returns:
        dict, name → float, the share of test images that are right, 0…1.
    """
    sizes = {name: int(values.max()) + 1 for name, values in train_targets.items()}
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.Ridge(RIDGE)
    )
    one_hot = [np.eye(sizes[name])[values] for name, values in train_targets.items()]
    model.fit(train.reshape(len(train), -1), np.hstack(one_hot))
    ends = np.cumsum(list(sizes.values()))[:-1]
    told = np.split(model.predict(test.reshape(len(test), -1)), ends, axis=1)
    return {
        name: float((scores.argmax(axis=1) == test_targets[name]).mean())
        for name, scores in zip(sizes, told, strict=True)
    }
