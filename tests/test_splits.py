"""60/40, and no leak from train to test."""

import numpy as np
import pytest

from coursework import files, lines, splits

LINES = "d1a99dd908c71f19e14e1a5aa7c0759375376b24972e4fe190253db4943889c4"
DIGITS = "db16635f723ade45693607de4a2231ebeee45544578d957fe85387121f0fcee6"
DIGIT_CLASSES = np.repeat(np.arange(10), 7000)


@pytest.mark.parametrize(
    ("classes", "sizes", "sha256"),
    [
        (np.repeat(np.arange(96), 1000), (51_840, 5_760, 38_400), LINES),
        (DIGIT_CLASSES, (37_800, 4_200, 28_000), DIGITS),
    ],
)
def test_sizes_strata_and_checksum(classes, sizes, sha256):
    parts = splits.split(classes)
    assert tuple(map(len, parts)) == sizes
    together = np.concatenate(parts)
    assert (np.sort(together) == np.arange(len(classes))).all()
    for part in parts:
        assert (np.diff(part) > 0).all()
        counts = np.bincount(classes[part])
        assert (counts == counts[0]).all()
    assert files.sha256_of_arrays(*parts) == sha256


def test_another_seed_is_another_split():
    first, second = splits.split(DIGIT_CLASSES), splits.split(DIGIT_CLASSES, seed=1)
    assert (first.test != second.test).any()


def test_a_class_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="least populated class"):
        splits.split(np.array([0] * 50 + [1]))


def test_thinned():
    parts = splits.thinned(splits.split(DIGIT_CLASSES), 100)
    assert tuple(map(len, parts)) == (378, 42, 280)


def test_lines_do_not_leak(all_lines):
    audit = splits.audit(
        all_lines.images, all_lines.classes, splits.split(all_lines.classes)
    )
    assert audit.different == audit.images == 96_000
    assert audit.test_in_train == audit.colliding == 0
    assert audit.lookup_accuracy == pytest.approx(1 / 96)


def test_the_audit_finds_planted_leaks(few_lines):
    parts = splits.Split(*map(np.array, ([0, 1, 2], [3], [4, 5])))
    images, classes = few_lines.images[:6].copy(), np.array([0, 0, 0, 1, 1, 0])
    assert splits.audit(images, classes, parts) == (6, 6, 0, 0, 0.5)
    images[4] = images[3]  # a test image that is in validation, with the same label
    assert splits.audit(images, classes, parts) == (6, 5, 0, 1, 1.0)
    images[5] = images[3]  # and one with another label
    assert splits.audit(images, classes, parts) == (6, 4, 3, 2, 0.5)


def test_the_nearest_neighbor_answers_with_its_own_class():
    images = np.array([[0, 0], [0, 9], [9, 9], [1, 1], [8, 8], [2, 2]], np.uint8)
    classes = np.array([0, 1, 2, 0, 2, 1])
    parts = splits.Split(*map(np.array, ([0, 1], [2], [3, 4, 5])))
    accuracy = splits.nearest_neighbor_accuracy(images, classes, parts, step=1)
    assert accuracy == pytest.approx(2 / 3)


def test_train_and_test_fill_the_same_box(all_lines):
    """Class by class the mean centres of the parts agree, up to chance."""
    parts = splits.split(all_lines.classes)
    for index in range(0, lines.CLASSES, 5):
        members = all_lines.classes == index
        means = [all_lines.centers[p[members[p]]].mean(axis=0) for p in parts]
        assert np.abs(means[0] - means[2]).max() < 2


def test_few_images_of_each_class_come_from_the_train_part(all_lines):
    parts = splits.split(all_lines.classes)
    few, other = (splits.few(parts, all_lines.classes, 10, seed) for seed in (0, 1))
    assert (np.bincount(all_lines.classes[few.train]) == 10).all()
    assert set(few.train) <= set(parts.train)
    assert set(few.train) != set(other.train)
    assert (few.test == parts.test).all()
    with pytest.raises(
        ValueError, match="541 images of each class wanted, one has 540"
    ):
        splits.few(parts, all_lines.classes, 541)
