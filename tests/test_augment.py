"""Augmented images: moved by what was asked for, and the same in every run."""

import itertools

import numpy as np
import pytest

from coursework.data import augment


@pytest.fixture
def dot():
    """One bright pixel right of and above the middle."""
    image = np.zeros((1, 29, 29, 1), np.uint8)
    image[0, 10, 20] = 255
    return image


def center(image):
    """(x, y) of the ink, px."""
    rows, columns = np.nonzero(image[:, :, 0])
    ink = image[rows, columns, 0].astype(float)
    return np.array([(columns * ink).sum(), (rows * ink).sum()]) / ink.sum()


def moved_centers(dot, count=300, **limits):
    many = np.repeat(dot, count, axis=0)
    moved = augment.Augmentation(**limits).apply(many, np.random.default_rng(0))
    return np.array([center(image) for image in moved])


def test_nothing_asked_for_is_nothing_done(dot):
    generator = np.random.default_rng(0)
    assert (augment.Augmentation().apply(dot, generator) == dot).all()


def test_a_shift_stays_within_its_limit_and_reaches_it(dot):
    offset = moved_centers(dot, shift=2) - [20, 10]
    assert 1.9 < np.abs(offset).max() < 2.1
    assert np.abs(offset.mean(axis=0)).max() < 0.2


def test_a_rotation_turns_around_the_middle(dot):
    x, y = (moved_centers(dot, rotation=30) - 14).T
    assert np.hypot(x, y) == pytest.approx(np.hypot(6, 4), abs=0.15)
    turned = np.degrees(np.arctan2(y, x) - np.arctan2(-4, 6))
    assert 28 < np.abs(turned).max() < 31
    assert turned.min() < -25
    assert turned.max() > 25


def test_a_scale_moves_along_the_axes(dot):
    x, y = (moved_centers(dot, scale=0.25) - 14).T
    assert x.min() == pytest.approx(6 * 0.75, abs=0.15)
    assert x.max() == pytest.approx(6 * 1.25, abs=0.15)
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(0, abs=0.2)


def test_a_shear_moves_sideways_by_height(dot):
    x, y = (moved_centers(dot, shear=0.5) - 14).T
    assert y == pytest.approx(-4, abs=0.05)
    assert np.abs(x - 6).max() == pytest.approx(0.5 * 4, abs=0.15)


def test_two_channels_of_three_stay_apart():
    image = np.zeros((1, 28, 28, 3), np.uint8)
    image[0, 5:20, 5:20, 2] = 255
    generator = np.random.default_rng(0)
    moved = augment.Augmentation(20, 0.2, 0.1, 3).apply(image, generator)
    assert moved[..., 2].any()
    assert not moved[..., :2].any()


@pytest.fixture
def batches():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1).repeat(28, 1)
    images = images.repeat(28, 2)
    limits = augment.Augmentation(shift=0.4)
    return augment.AugmentedBatches(images, np.arange(10), 4, limits, seed=3)


def targets(batches):
    return [batches[index][1].tolist() for index in range(len(batches))]


def test_an_epoch_has_every_image_once_with_its_target(batches):
    assert [len(batch) for batch in targets(batches)] == [4, 4, 2]
    assert sorted(itertools.chain(*targets(batches))) == list(range(10))
    images, labels = batches[0]
    assert (images[:, 14, 14, 0] == labels).all()


def test_each_epoch_is_another_and_each_run_the_same(batches):
    first = targets(batches)
    again = batches[1][0]
    assert (batches[1][0] == again).all()  # whenever it is made
    batches.on_epoch_end()
    assert targets(batches) != first
    assert (batches[1][0] != again).any()
