"""Lines outside the dataset, and what is asked of the networks with them."""

import keras
import numpy as np
import pytest

from coursework.data import lines, unseen
from coursework.studies import unseen_lines
from coursework.training import heads, networks


@pytest.fixture(scope="module")
def chosen():
    return unseen.sample(40, seed=0)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return networks.four_head_cnn(filters=(4, 4, 4), units=4)


def ink_of(images):
    return images.sum(axis=(1, 2, 3), dtype=float)


class TestSample:
    def test_its_lines_are_of_the_dataset_and_inside(self, chosen):
        levels = [chosen.levels()[name] for name in lines.ATTRIBUTES]
        classes = lines.classes_of(np.transpose(levels))
        measured = lines.measure(chosen.draw())
        assert len(set(classes)) > 20
        assert measured.length == pytest.approx(chosen.lengths, abs=0.2)
        assert measured.width == pytest.approx(chosen.widths, abs=0.2)

    def test_one_quantity_is_changed_and_the_others_stay(self, chosen):
        longer = chosen.but(lengths=20)
        assert (longer.lengths == 20).all()
        assert all(a is b for a, b in zip(longer[1:], chosen[1:], strict=True))

    def test_dimming_and_gaps_take_ink_away(self, chosen):
        half = chosen.dimmed(0.5).draw()
        assert ink_of(half) == pytest.approx(ink_of(chosen.draw()) / 2, rel=0.02)
        gap = unseen.with_gap(chosen.but(lengths=15), 6)
        shorter = chosen.but(lengths=9).draw()
        assert ink_of(gap) == pytest.approx(ink_of(shorter), rel=0.02)


class TestCorruptions:
    @pytest.mark.parametrize("name", unseen.CORRUPTIONS)
    def test_each_changes_the_images_more_and_more(self, name, chosen):
        clean = chosen.draw().astype(float)
        _, severities, _ = unseen.CORRUPTIONS[name]
        images = [unseen.corrupt(name, chosen, severity) for severity in severities]
        changes = [np.abs(each - clean).mean() for each in images]
        assert len(severities) >= 4
        assert images[0].dtype == np.uint8
        assert changes[0] > 0
        if name != "cut by the border":  # which moves the line far away at once
            assert changes == sorted(changes)
        assert (unseen.corrupt(name, chosen, 0) == clean).all()
        again = unseen.corrupt(name, chosen, severities[0])
        assert (again == images[0]).all()

    def test_a_line_is_cut_by_as_much_as_was_asked_for(self, chosen):
        level = chosen.but(angles=0)
        whole = ink_of(level.draw())
        cut = unseen.corrupt("cut by the border", level, 0.4)
        assert ink_of(cut) == pytest.approx(whole * 0.6, rel=0.03)

    def test_an_unknown_one(self, chosen):
        with pytest.raises(ValueError, match="no corruption 'blurr'; nearest: blur"):
            unseen.corrupt("blurr", chosen, 1)

    @pytest.mark.parametrize("severity", [-1, float("nan")])
    def test_a_severity_that_is_none(self, severity, chosen):
        with pytest.raises(ValueError, match="expected a number from 0"):
            unseen.corrupt("blur", chosen, severity)


class TestAnswers:
    def test_of_96_classes_are_added_up_by_attribute(self):
        random = np.random.default_rng(0).dirichlet(np.ones(96), 5).astype(np.float32)
        image = keras.Input((28, 28, 3))
        fixed = keras.layers.Lambda(lambda x: keras.ops.convert_to_tensor(random))
        network = keras.Model(image, fixed(image))
        found = unseen_lines.answers(network, np.zeros((5, 28, 28, 3)))
        assert list(found) == list(heads.NAMES)
        attributes = lines.attributes_of(np.arange(96))
        for name, column in zip(lines.ATTRIBUTES, attributes.T, strict=True):
            for level in range(heads.LEVELS[name]):
                expected = random[:, column == level].sum(axis=1)
                assert found[name][:, level] == pytest.approx(expected, abs=1e-6)

    def test_a_curve_is_the_mean_over_the_lines(self, network, chosen):
        found = unseen_lines.curve(network, "length", chosen, [7, 15])
        alone = network.predict(chosen.but(lengths=15).draw(), verbose=0)[0]
        assert found[1, 0] == pytest.approx(alone.mean(), abs=1e-6)
        assert found[1, 1] == pytest.approx(alone.std(), abs=1e-6)

    def test_an_unknown_head(self, network, chosen):
        with pytest.raises(ValueError, match="no head 'colour'; nearest: color"):
            unseen_lines.curve(network, "colour", chosen, [0])

    def test_a_threshold_is_where_one_half_is_crossed(self):
        value, slope = unseen_lines.threshold([1, 2, 4], [0.1, 0.25, 0.75])
        assert (value, slope) == pytest.approx((3, 0.25))
        assert np.isnan(unseen_lines.threshold([1, 2], [0.1, 0.2])).all()

    def test_interventions_hold_the_ink(self, network, chosen):
        found = unseen_lines.interventions(network, "length", chosen)
        assert found["length varied"][-1] == found["darker"][-1]
        assert found["length varied"][0] == found["length varied, same ink"][0]
        whole = found["length varied"][-1]
        assert found["gap in the middle"][-1] == pytest.approx(whole, abs=1e-3)

    def test_confidence_and_entropy(self):
        even = {n: np.full((1, k), 1 / k) for n, k in heads.LEVELS.items()}
        found = unseen_lines.sureness_of(even)
        assert found["confidence"] == pytest.approx(1 / 96)
        assert found["entropy"] == pytest.approx(np.log(96))


def test_augmented_batches_repeat_and_have_the_labels_of_the_lines(few_lines):
    order = np.arange(96)
    given = few_lines.images[order], heads.targets(few_lines, order), 32
    made = [unseen_lines.AugmentedBatches(*given) for _ in range(2)]
    (images, targets), (again, _) = made[0][1], made[1][1]
    assert len(made[0]) == 6
    assert images.shape == (32, 28, 28, 3)
    assert (images == again).all()
    assert {n: len(v) for n, v in targets.items()} == dict.fromkeys(heads.NAMES, 32)
    made[0].on_epoch_end()
    assert (made[0][1][0] != images).any()
    drawn, levels = unseen.varied(50, 0, 0)
    measured = lines.measure(drawn)
    assert ((measured.length > 11) == levels["length"]).all()
