"""What a network's layers hold: numbers beside the pictures of section 3.

All functions take activations, as ``visualize.activations`` gives them.
"""

import typing

import numpy as np
from sklearn import linear_model, pipeline, preprocessing

from coursework.data import lines
from coursework.training import heads

RIDGE = 10.0  # penalty of the probe, on standardized features


def never_firing(activation):
    """How many channels of a layer are not above 0 for any of the images.

    Meant for what a ReLU gives: before it, a channel that changes may still come to
    nothing.

    Args:
        activation: (N, height, width, C) or (N, C) floats.

    Returns:
        int, 0…C.
    """
    return int((activation.reshape(-1, activation.shape[-1]) <= 0).all(axis=0).sum())


class Tuning(typing.NamedTuple):
    """How filters respond to the angle and the color of lines.

    Attributes:
        responses: (C, 12, 2) float64, mean response to each angle and color, as far as
            it is above that to an empty image.
        preferred: (C,) float64, degrees in [0, 180), the angle of the mean response.
        orientation: (C,) float64, 0 if all angles are alike, 1 if only one counts.
        color: (C,) float64, −1 for blue alone, 1 for red alone.
    """

    responses: np.ndarray
    preferred: np.ndarray
    orientation: np.ndarray
    color: np.ndarray


def tuning(activation, empty, attributes):
    """Orientation tuning and color selectivity of a layer's filters.

    The orientation index is the length of the mean response vector at twice the angle
    (1 minus the circular variance; Ringach and others, 2002). Filters that no line
    excites have 0. What a filter with a positive bias gives on the empty background is
    no response to a line and is taken off, place by place.

    Args:
        activation: (N, height, width, C), responses to lines.
        empty: (height, width, C), the responses to an image without a line.
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.

    Returns:
        ``Tuning``.
    """
    strength = np.maximum(activation - empty, 0).mean(axis=(1, 2))
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

    A linear probe (Alain and Bengio, 2016): one linear layer over the whole output,
    here ridge regression to one-hot labels, all labels at once, on standardized
    outputs, with the penalty ``RIDGE`` for every layer.

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


class Places(typing.NamedTuple):
    """Where each pixel lies as seen from an image's line, (N, 28, 28) float64, px.

    Attributes:
        along: distance from the line's middle in the line's direction.
        across: distance from the line's axis.
    """

    along: np.ndarray
    across: np.ndarray


def places(attributes, centers):
    """The pixels of images of lines in the coordinates of their lines.

    Args:
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.
        centers: (N, 2) floats, x and y of the lines' middles, px.

    Returns:
        ``Places``.
    """
    angles = np.radians(np.take(lines.ANGLES, heads.levels_of(attributes)["angle"]))
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    pixels = np.arange(lines.SIZE) + 0.5
    right = pixels[None, None, :] - centers[:, 0, None, None]
    up = centers[:, 1, None, None] - pixels[None, :, None]
    return Places(
        along=np.abs(right * cosine + up * sine),
        across=np.abs(right * sine - up * cosine),
    )


def share_within(maps, region):
    """Share of the maps' sums that lies in a region, mean over those not blank.

    Args:
        maps: (N, height, width) floats of at least 0.
        region: (N, height, width) bool.

    Returns:
        float, 0…1; NaN if all maps are blank.
    """
    totals = maps.sum(axis=(1, 2))
    inside = (maps * region).sum(axis=(1, 2))
    shown = totals > 0
    return float((inside[shown] / totals[shown]).mean()) if shown.any() else np.nan


def visibility(masks, kernel):
    """How much of a line a convolution without padding sees.

    A pixel in the middle of an image lies under every place of the kernel, kernel²
    units see it; one in the corner is seen by a single unit.

    Args:
        masks: (N, size, size) bool, the pixels of the line.
        kernel: int, width of the convolution's square kernel, stride 1.

    Returns:
        (N,) float64, 0…1: the mean share of those units over the line's pixels.
    """
    size = masks.shape[1]
    seen = np.convolve(np.ones(size - kernel + 1), np.ones(kernel)) / kernel
    share = seen[:, None] * seen[None, :]
    return (masks * share).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))


def without_pixels(images, order, count):
    """Images whose brightest spots by some order are made black.

    Args:
        images: (N, height, width, channels) uint8.
        order: (N, height, width) floats; only pixels with ink compete.
        count: int, how many pixels are taken from each image, those highest in order.

    Returns:
        (N, height, width, channels) uint8, a copy.
    """
    ink = images.max(axis=-1) > 0
    competing = np.where(ink, order, -np.inf).reshape(len(images), -1)
    chosen = np.argsort(-competing, axis=1, kind="stable")[:, :count]
    left = images.reshape(len(images), competing.shape[1], -1).copy()
    left[np.arange(len(images))[:, None], chosen] = 0
    return left.reshape(images.shape)
