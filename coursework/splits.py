"""60 % train and 40 % test, and the part of train that choices are made on."""

import collections
import hashlib
import typing

import numpy as np
from sklearn import model_selection, neighbors

TEST_SHARE = 0.4
VALIDATION_SHARE = 0.1


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
        A ``Split`` of all N images: 54 %, 6 % and 40 % of every class.

    Raises:
        ValueError: a class has too few images to be in all three parts.
    """
    everything = np.arange(len(classes))
    rest, test = _divide(everything, classes, TEST_SHARE, seed)
    train, validation = _divide(rest, classes, VALIDATION_SHARE, seed)
    return Split(train, validation, test)


def _divide(indices, classes, share, seed):
    parts = model_selection.train_test_split(
        indices, test_size=share, random_state=seed, stratify=classes[indices]
    )
    return [np.sort(part) for part in parts]


def thinned(parts, step):
    """Every ``step``-th image of each part of a ``Split``, for quick runs."""
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


class Audit(typing.NamedTuple):
    """What a network could score by memory alone.

    Attributes:
        images: number of images.
        different: number of different images among them.
        colliding: images that also occur under another label.
        test_in_train: test images identical to an image of the train part.
        lookup_accuracy: share of the test images that a table of the train part gets
            right; it answers the most frequent class for an image it does not hold.
    """

    images: int
    different: int
    colliding: int
    test_in_train: int
    lookup_accuracy: float


def audit(images, classes, parts):
    """Look for leaks from train to test.

    Args:
        images: (N, …) array; images are alike when all their bytes are.
        classes: (N,) integers.
        parts: a ``Split``; validation counts as train here.

    Returns:
        An ``Audit``.
    """
    keys = np.array([hashlib.sha256(image).hexdigest() for image in images])
    labels = collections.defaultdict(set)
    for key, label in zip(keys, classes, strict=True):
        labels[key].add(label)
    seen = np.concatenate([parts.train, parts.validation])
    table = _lookup_table(keys[seen], classes[seen])
    default = collections.Counter(classes[seen]).most_common(1)[0][0]
    answers = [table.get(key, default) for key in keys[parts.test]]
    return Audit(
        images=len(images),
        different=len(labels),
        colliding=sum(len(labels[key]) > 1 for key in keys),
        test_in_train=sum(key in table for key in keys[parts.test]),
        lookup_accuracy=float(np.mean(answers == classes[parts.test])),
    )


def nearest_neighbor_accuracy(images, classes, parts, step=20):
    """What the most similar train image says, by the distance of the pixels.

    Args:
        images, classes, parts: as in ``audit``.
        step: int, every how many test images are tried.

    Returns:
        Share of the tried test images that are right, 0…1.
    """
    seen, tried = np.concatenate([parts.train, parts.validation]), parts.test[::step]
    pixels = images.reshape(len(images), -1)
    # float32: whole numbers of this size are exact, and BLAS multiplies them fast.
    memory = neighbors.KNeighborsClassifier(1, algorithm="brute")
    memory.fit(pixels[seen].astype(np.float32), classes[seen])
    return memory.score(pixels[tried].astype(np.float32), classes[tried])


def _lookup_table(keys, classes):
    """From image to its most frequent class."""
    votes = collections.defaultdict(collections.Counter)
    for key, label in zip(keys, classes, strict=True):
        votes[key][label] += 1
    return {key: counter.most_common(1)[0][0] for key, counter in votes.items()}
