"""60/40, and no image in two parts."""

import numpy as np
import pytest

from coursework import files, paths
from coursework.data import lines, splits

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


def test_a_quick_run_takes_a_few_images_of_each_part(monkeypatch):
    full = splits.split(DIGIT_CLASSES)
    monkeypatch.setattr(paths, "QUICK", True)
    quick = splits.split(DIGIT_CLASSES)
    assert tuple(map(len, quick)) == (945, 105, 700)
    for few, all_of_them in zip(quick, full, strict=True):
        assert set(few) <= set(all_of_them)


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
