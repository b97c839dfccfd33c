"""Variations: one change each, and no effect where there is only noise."""

import dataclasses

import numpy as np
import pytest

from coursework import networks, splits, training, variations

ALL = variations.VARIATIONS
SMALL = training.Settings(epochs=1, batch_size=32, kept="last epoch")


def test_every_bullet_of_the_brief_is_varied():
    groups = {variation.group for variation in ALL}
    assert groups >= {
        *("filter size", "number of filters", "pooling", "depth"),
        *("learning rate decay", "regularization", "optimizer", "loss"),
        *("batch normalization", "augmentation"),
    }


def test_names_are_different():
    names = [variation.name for variation in ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("variation", ALL, ids=lambda variation: variation.name)
def test_one_thing_is_changed(variation):
    """Either the network or its training; and it is not what the base has already."""
    assert bool(variation.network) != bool(variation.settings)
    defaults = networks.tuned_cnn.__kwdefaults__
    for argument, value in variation.network.items():
        assert (defaults | variations.BASE_NETWORK)[argument] != value
    for field, value in variation.settings.items():
        assert getattr(variations.BASE_SETTINGS, field) != value


def test_steps_are_the_same_for_all():
    for variation in ALL:
        assert not {"epochs", "batch_size"} & set(variation.settings)


def test_digits_alone_are_augmented():
    lines, digits = (
        [variation.group for variation in variations.of_dataset(name)]
        for name in ("lines", "mnist")
    )
    assert "augmentation" in digits
    assert lines == [group for group in digits if group != "augmentation"]


def test_a_variation_is_found_by_its_name():
    for variation in (variations.BASE, *ALL):
        assert variations.by_name(variation.name, "mnist") is variation


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'filter size: 4×4'; nearest: .*5×5"):
        variations.by_name("filter size: 4×4", "lines")


def test_the_subset_is_spread_over_the_train_part(monkeypatch):
    monkeypatch.setitem(variations.TRAIN_IMAGES, "lines", 100)
    parts = splits.split(np.arange(2000) % 4)
    few = variations.subset(parts, "lines")
    assert len(few.train) == len(set(few.train)) == 100
    assert set(few.train) <= set(parts.train)
    assert np.bincount(few.train * 4 // 2000).min() > 20
    assert (few.validation == parts.validation).all()
    assert (variations.subset(parts, "stand-in").train == parts.train).all()


@pytest.fixture(scope="module")
def parts(few_lines):
    return splits.split(np.arange(480) % 4)


def test_a_trial_tells_what_was_trained(few_lines, parts):
    variation = variations.by_name("number of filters: half", "lines")
    trial = variations.run_trial(variation, few_lines, parts, 3, SMALL)
    arguments = variations.BASE_NETWORK | variation.network
    assert trial.parameters == networks.tuned_cnn(**arguments).count_params()
    assert (trial.variation, trial.dataset) == (variation.name, "lines")
    assert trial.seed == 3
    assert 0 <= trial.accuracy <= 1
    assert trial.seconds > 0


def test_a_trial_repeats_and_does_not_look_at_the_test_part(few_lines, parts):
    poisoned = dataclasses.replace(few_lines, classes=few_lines.classes.copy())
    poisoned.classes[parts.test] = 0
    first, second = (
        variations.run_trial(variations.BASE, data, parts, 1, SMALL)
        for data in (few_lines, poisoned)
    )
    assert first.accuracy == second.accuracy


def test_depth_alone_leaves_the_last_map_and_what_follows_as_it_is():
    four = variations.by_name("depth: four convolutions", "lines")
    shapes = [
        networks.tuned_cnn(**variations.BASE_NETWORK | changed).get_layer("flatten")
        for changed in ({}, four.network)
    ]
    assert shapes[0].output.shape == shapes[1].output.shape


def make_trials(name, *accuracies):
    return [
        variations.Trial(name, "lines", seed, accuracy, 1234, 2.0)
        for seed, accuracy in enumerate(accuracies)
    ]


def test_trials_survive_their_file(sandbox, few_lines):
    base = make_trials("base: nothing", 0.90, 0.91, 0.89)
    comparisons = [
        variations.Comparison(make_trials("depth: two", 0.95, 0.96, 0.97), base),
        variations.Comparison(make_trials("depth: one", 0.9), base),
    ]
    path = variations.save(comparisons, few_lines, SMALL)
    assert str(path) == "models/variations_lines.json"
    assert variations.read("lines") == comparisons


def test_missing_trials_name_the_notebook(sandbox):
    with pytest.raises(FileNotFoundError, match=r"lines\.json is missing: run Q1/3"):
        variations.read("lines")


def test_the_table_tells_an_effect():
    base = make_trials("base: nothing", 0.90, 0.91, 0.89)
    better = make_trials("depth: two", 0.95, 0.96, 0.97)
    comparisons = [
        variations.Comparison(better, base),
        variations.Comparison(make_trials("depth: one", 0.9), base),
    ]
    lines = variations.table(comparisons).splitlines()[2:]
    assert lines == [
        "| base | 90.00% | noise: 1.000 points |  | 1,234 | 2.0 |",
        "| depth: two | 96.00% | +5.0, +6.0, +7.0 | **better** | 1,234 | 2.0 |",
        "| depth: one | 90.00% | +0.0 |  | 1,234 | 2.0 |",
    ]


class TestComparison:
    """A base of 0.90 ± 0.01, and variations with given accuracies."""

    @pytest.fixture
    def compare(self, monkeypatch):
        base = [self.trial(0.9 + d) for d in (-0.01, 0, 0, 0, 0.01, 0, -0.01, 0.01)]
        sd = np.std([t.accuracy for t in base], ddof=1)

        def compare(*accuracies):
            values = iter(accuracies)
            monkeypatch.setattr(
                *(variations, "run_trial"),
                lambda *_: self.trial(0.9 + next(values) * sd),
            )
            return variations.compare(ALL[0], None, None, base)

        return compare

    @staticmethod
    def trial(accuracy):
        return variations.Trial("x", "lines", 0, accuracy, 1, 1.0)

    @pytest.mark.parametrize("difference", [0, 2.9, -2.9])
    def test_noise_is_no_effect_and_is_not_repeated(self, compare, difference):
        comparison = compare(difference)
        assert comparison.effect == "none"
        assert comparison.differences == pytest.approx([difference], abs=1e-6)

    @pytest.mark.parametrize(("sign", "effect"), [(1, "better"), (-1, "worse")])
    def test_an_effect_is_confirmed_by_two_more_seeds(self, compare, sign, effect):
        comparison = compare(4 * sign, 5 * sign, 3.1 * sign)
        assert comparison.effect == effect
        assert len(comparison.trials) == 3

    @pytest.mark.parametrize("others", [(5, 2.9), (-4, 5), (0, 0)])
    def test_what_two_more_seeds_do_not_confirm_is_no_effect(self, compare, others):
        assert compare(4, *others).effect == "none"

    def test_a_change_that_both_helps_and_harms_is_no_effect(self, compare):
        assert compare(-4, 4, -4).effect == "none"

    def test_a_base_without_any_noise(self):
        base = [self.trial(0.9)] * 2
        same, other = ([self.trial(accuracy)] for accuracy in (0.9, 0.8))
        assert variations.Comparison(same, base).differences == [0]
        assert variations.Comparison(other, base).differences == [-np.inf]
