"""60 % train and 40 % test, and the part of train that choices are made on."""

import typing

import numpy as np
from sklearn import model_selection

from coursework import paths

TEST_SHARE = 0.4
VALIDATION_SHARE = 0.1
QUICK_STEP = 40  # a quick run takes every 40th image of each part …
LARGE = 10_000  # … of a dataset that has more images than this


class Split(typing.NamedTuple):
    """Three sorted int64 arrays of image indices that do not overlap.

    Attributes:
        train: what gradients are computed from.
        validation: 10 % of the train part; every choice is made on it.
        test: 40 % of all images; looked at once, when all is chosen.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(classes, seed=0):
    """Split a dataset, stratified by class.

    Args:
        classes: (N,) integers.
        seed: int, which images go where.

    Returns:
        A ``Split`` of all N images: 54 %, 6 % and 40 % of every class. In a quick run,
        every 40th of each part of a large dataset.

    Raises:
        ValueError: a class has too few images to be in all three parts.
    """
    everything = np.arange(len(classes))
    rest, test = _divide(everything, classes, TEST_SHARE, seed)
    train, validation = _divide(rest, classes, VALIDATION_SHARE, seed)
    parts = Split(train, validation, test)
    thin = paths.QUICK and len(classes) > LARGE
    return thinned(parts, QUICK_STEP) if thin else parts


def _divide(indices, classes, share, seed):
    parts = model_selection.train_test_split(
        indices, test_size=share, random_state=seed, stratify=classes[indices]
    )
    return [np.sort(part) for part in parts]


def thinned(parts, step):
    """Every ``step``-th image of each part of a ``Split``."""
    return Split(*(part[::step] for part in parts))


def few(parts, classes, per_class, seed=0):
    """A ``Split`` whose train part has only some images of each class.

    Args:
        parts: a ``Split``.
        classes: (N,) integers.
        per_class: int, images of each class to train on, chosen by chance.
        seed: int, which ones.

    Raises:
        ValueError: a class has not as many.
    """
    order = np.random.default_rng(seed).permutation(parts.train)
    members = [order[classes[order] == label] for label in np.unique(classes)]
    least = min(map(len, members))
    if least < per_class:
        raise ValueError(f"{per_class} images of each class wanted, one has {least}")
    chosen = np.concatenate([indices[:per_class] for indices in members])
    return parts._replace(train=np.sort(chosen))


def sizes(parts):
    """Numbers of images: {"train": …, "validation": …, "test": …}."""
    return {name: len(part) for name, part in parts._asdict().items()}
