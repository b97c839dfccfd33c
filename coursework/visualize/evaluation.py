"""How well maps agree with masks, and how the score depends on their pixels."""

import dataclasses

import numpy as np
from scipy import ndimage

from . import network as networks

BLOB = 0.15  # of the image's height: the standard deviation of the center blob


@dataclasses.dataclass(frozen=True)
class Scores:
    """How maps agree with masks, means over the images whose map has evidence.

    Attributes:
        pointing: share of maps whose highest pixel is on the mask.
        energy: share of a map's sum that is on the mask.
        rank_accuracy: share of the mask among the map's |mask| highest pixels.
        without_evidence: share of the maps without evidence, which count in no other
            score.
        images: int, how many were given.
    """

    pointing: float
    energy: float
    rank_accuracy: float
    without_evidence: float
    images: int


def evaluate_maps(maps, masks):
    """Compare maps with masks of what they should be on.

    Pointing game: Zhang and others, 2016; energy: Wang and others, 2020; rank accuracy:
    Arras and others, 2022. Where several pixels are highest, or equal in rank, each
    counts with the same share.

    Args:
        maps: (N, height, width), at least 0, as ``Maps.maps``: not scaled, and no
            minimum subtracted.
        masks: (N, height, width) bool, each with at least one pixel.

    Returns:
        ``Scores``; NaN where no map has evidence.

    Raises:
        ValueError: shapes differ, a map is negative or not finite, a mask is empty.
    """
    maps, masks = np.asarray(maps, np.float64), np.asarray(masks, bool)
    _check_maps(maps, masks)
    empty = maps.max(axis=(1, 2)) <= 0
    maps, masks = (a[~empty].reshape(-1, a[0].size) for a in (maps, masks))
    each = _pointing(maps, masks), _energy(maps, masks), _rank_accuracy(maps, masks)
    means = [float(values.mean()) if len(values) else float("nan") for values in each]
    return Scores(*means, without_evidence=float(empty.mean()), images=len(empty))


def _check_maps(maps, masks):
    if maps.ndim != 3 or maps.shape != masks.shape or not len(maps):
        raise ValueError(
            f"maps have shape {maps.shape} and masks {masks.shape}; expected the same "
            "(N, height, width), N at least 1"
        )
    if not np.isfinite(maps).all() or maps.min() < 0:
        raise ValueError("maps hold values that are negative or not finite")
    if not masks.any(axis=(1, 2)).all():
        raise ValueError("a mask is empty: there is nothing to point at")


def _pointing(maps, masks):
    highest = maps == maps.max(axis=1, keepdims=True)
    return (highest & masks).sum(axis=1) / highest.sum(axis=1)


def _energy(maps, masks):
    return (maps * masks).sum(axis=1) / maps.sum(axis=1)


def _rank_accuracy(maps, masks):
    size = masks.sum(axis=1)
    ordered = -np.sort(-maps, axis=1)
    least = np.take_along_axis(ordered, size[:, None] - 1, axis=1)
    above, equal = maps > least, maps == least
    left = size - above.sum(axis=1)  # ranks that pixels of equal value share
    hits = (above & masks).sum(axis=1)
    shared = (equal & masks).sum(axis=1) * left / equal.sum(axis=1)
    return (hits + shared) / size


def baselines(images, masks):
    """What maps without any network score.

    Args:
        images: (N, height, width, channels).
        masks: (N, height, width) bool.

    Returns:
        dict, name → ``Scores``: "area" (the same value everywhere, so all scores are
        the mask's share of the image), "center blob", and "Sobel" (edges of the image,
        which are nonzero only where the image changes).
    """
    down, across = (
        (np.arange(size) - (size - 1) / 2) / (BLOB * masks.shape[1])
        for size in masks.shape[1:]
    )
    blob = np.exp(-(down[:, None] ** 2 + across**2) / 2)
    return {
        "area": evaluate_maps(np.ones(masks.shape), masks),
        "center blob": evaluate_maps(np.broadcast_to(blob, masks.shape), masks),
        "Sobel": evaluate_maps(sobel(images), masks),
    }


def sobel(images):
    """(N, height, width) float64, the strength of the edges in any channel."""
    images = np.asarray(images, np.float64)
    edges = [
        ndimage.correlate1d(
            ndimage.correlate1d(images, (-1, 0, 1), axis=along), (1, 2, 1), axis=across
        )
        for along, across in ((1, 2), (2, 1))
    ]
    return np.hypot(*edges).max(axis=-1)


def deletion_and_insertion(model, images, maps, steps=28, background=0.0, seed=0):
    """Remove, or put back, the highest pixels first (Petsiuk and others, 2018).

    Pixels that are equally high, such as all those where a map is 0, are taken in a
    random order: in that of the image they would go from the top to the bottom.

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model.
        maps: ``Maps`` of these images and of a head.
        steps: int, how many portions of pixels there are.
        background: float, or one for each channel, the pixel value that stands for
            nothing.
        seed: int, of the order of pixels that are equally high.

    Returns:
        Two (N,) float64: the mean probability of the map's class while pixels are
        removed (low is good) and while they are put on the background (high is good).
        NaN for maps without evidence, which put no pixel before another.

    Raises:
        ValueError: as many maps as images are needed, and at least one step.
    """
    network = networks.of(model)
    head = network.head(maps.head)
    images = networks.check_images(network, images)
    if len(images) != len(maps.maps) or steps < 1:
        raise ValueError(
            f"received {len(images)} images, {len(maps.maps)} maps and {steps} steps; "
            "expected a map for each image, and at least one step"
        )
    ranks = _ranks(maps.maps, np.random.default_rng(seed))
    shares = np.linspace(0, 1, steps + 1) * maps.maps[0].size
    background = np.asarray(background, np.float32)
    curves = np.zeros((2, len(shares), len(images)))
    for position, share in enumerate(shares):
        removed = (ranks < share)[..., None]
        for row, kept in enumerate((~removed, removed)):
            given = _probabilities(network, head, np.where(kept, images, background))
            curves[row, position] = given[np.arange(len(given)), maps.targets]
    deletion, insertion = np.trapezoid(curves, dx=1 / steps, axis=1)
    deletion[maps.without_evidence] = insertion[maps.without_evidence] = np.nan
    return deletion, insertion


def _probabilities(network, head, images):
    """(N, classes) of a head, by one compiled function."""

    def run(batch):
        return [head.scores(network.graph.run(batch, head.needs))]

    (scores,) = network.run(("scores", head.name), lambda: run, images)
    return head.probabilities(scores)


def _ranks(maps, random):
    """(N, height, width) int64: 0 for the highest pixel of a map, then 1 …"""
    flat = maps.reshape(len(maps), -1)
    order = np.lexsort((random.random(flat.shape), -flat), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None, :], axis=1)
    return ranks.reshape(maps.shape)
