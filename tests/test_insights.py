"""Numbers about layers, on activations whose answer is known."""

import numpy as np
import pytest

from coursework import heads, insights, lines

RANDOM = np.random.default_rng(0)


def test_silent_channels_are_those_that_never_change():
    activation = RANDOM.normal(size=(5, 3, 3, 4))
    activation[..., 1] = 0
    activation[..., 2] = 7
    assert insights.silent_share(activation) == 0.5
    assert insights.silent_share(activation[:, 0, 0]) == 0.5
    activation[4, 2, 2, 1] = 1
    assert insights.silent_share(activation) == 0.25


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
    result = insights.tuning(activation, attributes)
    assert result.orientation == pytest.approx([1, 0, 0, 0.5, 0], abs=1e-6)
    assert result.preferred[[0, 3]] == pytest.approx([45, 165])
    assert result.color == pytest.approx([0, 0, -1, 0, 0])
    assert result.responses.shape == (5, 12, 2)
    assert result.responses[0, 3].tolist() == [1, 1]
    assert result.responses[0].sum() == 2


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
    result = insights.probe(features[parts[0]], train, features[parts[1]], test)
    assert result["first"] > 0.9
    assert result["three"] > 0.6
    assert abs(result["none"] - 0.5) < 0.15
