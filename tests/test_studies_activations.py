"""Numbers about layers, on activations whose answer is known."""

import numpy as np
import pytest

from coursework.data import lines
from coursework.studies import activations
from coursework.training import heads

RANDOM = np.random.default_rng(0)


def test_a_channel_that_is_above_zero_anywhere_fires():
    activation = np.maximum(RANDOM.normal(size=(5, 3, 3, 4)), 0)
    activation[..., 1:3] = 0
    assert activations.never_firing(activation) == 2
    assert activations.never_firing(activation[:, 0, 0]) >= 2
    activation[4, 2, 2, 1] = 1
    assert activations.never_firing(activation) == 1
    assert activations.never_firing(activation - 10) == 4


@pytest.fixture(scope="module")
def attributes(few_lines):
    return few_lines.attributes


def responses(attributes, *functions):
    """A map of one place for each image, one channel for each function of a line."""
    levels = heads.levels_of(attributes)
    angles = np.array(lines.ANGLES)[levels["angle"]]
    channels = [function(angles, levels["color"]) for function in functions]
    return np.stack(channels, axis=-1)[:, None, None, :].astype(float)


def test_tuning_of_filters_that_are_made_so(attributes):
    activation = responses(
        attributes,
        lambda angles, colors: angles == 45,
        lambda angles, colors: 1 + 0 * angles,
        lambda angles, colors: colors == 1,
        lambda angles, colors: 1 + np.cos(2 * np.radians(angles - 165)),
        lambda angles, colors: 0 * angles - 3,
    )
    result = activations.tuning(activation, np.zeros((1, 1, 5)), attributes)
    assert result.orientation == pytest.approx([1, 0, 0, 0.5, 0], abs=1e-6)
    assert result.preferred[[0, 3]] == pytest.approx([45, 165])
    assert result.color == pytest.approx([0, 0, -1, 0, 0])
    assert result.responses.shape == (5, 12, 2)
    assert result.responses[0, 3].tolist() == [1, 1]
    assert result.responses[0].sum() == 2


def test_what_a_filter_gives_on_an_empty_image_is_no_response(attributes):
    """With a background of 10 a sharply tuned filter would seem to take all angles."""
    activation = responses(
        attributes,
        lambda angles, colors: angles == 45,
        lambda angles, colors: 0 * angles,
        lambda angles, colors: -1.0 * (angles == 90),
    )
    result = activations.tuning(activation + 10, np.full((1, 1, 3), 10.0), attributes)
    assert result.orientation == pytest.approx([1, 0, 0])
    assert result.responses.sum(axis=(1, 2)) == pytest.approx([2, 0, 0])


def test_a_probe_finds_what_is_there_and_not_what_is_not():
    features = RANDOM.normal(size=(600, 2, 2, 3))
    flat = features.reshape(600, -1)
    targets = {
        "first": (flat[:, 0] > 0).astype(int),
        "three": np.digitize(flat[:, 1] + flat[:, 2], [-0.7, 0.7]),
        "none": RANDOM.integers(0, 2, 600),
    }
    parts = slice(0, 400), slice(400, 600)
    train, test = ({k: v[part] for k, v in targets.items()} for part in parts)
    result = activations.probe(features[parts[0]], train, features[parts[1]], test)
    assert result["first"] > 0.9
    assert result["three"] > 0.6
    assert abs(result["none"] - 0.5) < 0.15


def test_the_line_lies_along_its_own_direction(few_lines):
    """Every pixel with ink is within half the length and half the width, and a pixel's
    diagonal, from the middle; the pixels at the ends are that far away."""
    seen = activations.places(few_lines.attributes, few_lines.centers)
    ink = lines.masks(few_lines.images)
    levels = heads.levels_of(few_lines.attributes)
    for values, sizes in ((seen.along, lines.LENGTHS), (seen.across, lines.WIDTHS)):
        name = "length" if sizes is lines.LENGTHS else "width"
        half = np.take(sizes, levels[name]) / 2
        farthest = np.where(ink, values, 0).max(axis=(1, 2))
        assert (farthest <= half + 0.75).all()
        assert (farthest >= half - 0.75).all()


def test_share_within_leaves_blank_maps_out():
    maps, region = np.zeros((3, 2, 2)), np.zeros((3, 2, 2), bool)
    maps[0] = [[1, 3], [0, 0]]
    maps[1, 1, 1] = 2
    region[:, 0, 1] = True
    assert activations.share_within(maps, region) == pytest.approx((0.75 + 0) / 2)
    assert np.isnan(activations.share_within(maps[2:], region[2:]))


def test_visibility_counts_the_units_that_see_a_pixel():
    masks = np.zeros((3, 28, 28), bool)
    masks[0, 14, 14] = masks[1, 0, 0] = masks[2, 0, 14] = True
    masks[2, 14, 14] = True
    expected = [1, 1 / 49, (7 / 49 + 1) / 2]
    assert activations.visibility(masks, 7) == pytest.approx(expected)
    whole = np.ones((1, 28, 28), bool)
    units = (28 - 6) ** 2 * 49  # each sees 49 pixels
    assert activations.visibility(whole, 7)[0] == pytest.approx(units / 49 / 28**2)


def test_only_pixels_with_ink_are_taken(few_lines):
    images = few_lines.images[::60]
    before = images.copy()
    order = RANDOM.random(images.shape[:3])
    left = activations.without_pixels(images, order, 3)
    assert (images == before).all()
    gone = (images != left).any(axis=-1)
    assert (gone.sum(axis=(1, 2)) == 3).all()
    assert (left[gone] == 0).all()
    ink = lines.masks(images)
    highest = np.where(ink, order, -1)
    for row, taken in zip(highest, gone, strict=True):
        assert row[taken].min() >= np.sort(row.ravel())[-3]


def test_pixels_are_taken_until_no_ink_is_left(few_lines):
    images = few_lines.images[:2]
    assert activations.without_pixels(images, np.ones((2, 28, 28)), 784).max() == 0
