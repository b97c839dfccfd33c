"""The four heads' variations: one change each, no effect where there is only noise."""

import dataclasses
import json

import numpy as np
import pytest

from coursework.data import splits
from coursework.training import head_variations as variations
from coursework.training import heads, networks

(HEADS,) = variations.EXPERIMENTS.values()
SMALL = {"epochs": 1, "batch_size": 32}
SMALL_HEADS = dataclasses.replace(HEADS, **SMALL)


def test_names_are_different():
    names = [variation.name for variation in HEADS.variations]
    assert len(set(names)) == len(names)


def test_each_is_one_change_from_what_the_base_has():
    """Of the network, of how it is compiled, or of how it is trained."""
    told = json.loads(json.dumps(HEADS.as_record()))["changes"]
    same = getattr(networks, HEADS.function).__kwdefaults__ | HEADS.network
    for variation in HEADS.variations:
        if variation.function:  # the whole network is another one
            continue
        for argument, value in variation.network.items():
            assert same[argument] != value
        base, mine = told[variations.BASE.name], told[variation.name]
        assert sum(mine[part] != base[part] for part in mine) == 1, variation.name


def test_the_single_output_has_the_size_of_the_four_heads():
    flat = HEADS.variation("output: one of 96 classes, no heads")
    sizes = [HEADS.build(each).count_params() for each in (variations.BASE, flat)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)


def test_a_variation_is_found_by_its_name():
    for variation in (*HEADS.variations, variations.BASE):
        assert HEADS.variation(variation.name) is variation


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'loss weights: 5:2'; nearest: .*5:2:1"):
        HEADS.variation("loss weights: 5:2")


def test_the_subset_is_spread_over_the_train_part():
    parts = splits.split(np.arange(2000) % 4)
    few = variations.subset(parts, 100)
    assert len(few.train) == len(set(few.train)) == 100
    assert set(few.train) <= set(parts.train)
    assert np.bincount(few.train * 4 // 2000).min() > 20
    assert (few.validation == parts.validation).all()
    assert (variations.subset(parts, 10**6).train == parts.train).all()


@pytest.fixture(scope="module")
def parts(few_lines):
    return splits.split(np.arange(480) % 4)


@pytest.mark.parametrize(
    "name", ["base: nothing", "output: one of 96 classes, no heads"]
)
def test_a_trial_of_heads_has_curves_that_end_with_its_accuracy(name, few_lines, parts):
    """The single output's classes are taken apart, so that it can be compared."""
    variation = HEADS.variation(name)
    changes = SMALL | {"measurements": 3, "epochs": 2}
    experiment = dataclasses.replace(HEADS, **changes)
    trial = variations.run_trial(experiment, variation, few_lines, parts, 0)
    steps = 2 * -(-len(parts.train) // 32)
    assert trial.curves["step"] == [steps // 3, 2 * steps // 3, steps]
    assert trial.curves["joint"][-1] == pytest.approx(trial.accuracy)
    for name in heads.NAMES:
        assert min(trial.curves[name]) >= trial.accuracy


def test_a_trial_repeats_and_does_not_look_at_the_test_part(few_lines, parts):
    poisoned = dataclasses.replace(
        few_lines,
        classes=few_lines.classes.copy(),
        attributes=few_lines.attributes.copy(),
    )
    poisoned.classes[parts.test] = 0
    poisoned.attributes[parts.test] = 99
    small = dataclasses.replace(HEADS, **SMALL)
    first, second = (
        variations.run_trial(small, variations.BASE, data, parts, 1)
        for data in (few_lines, poisoned)
    )
    assert first.accuracy == second.accuracy
    assert first.curves == second.curves


def test_a_quick_run_is_an_epoch_of_three_variations():
    quick = HEADS.quick()
    assert (quick.epochs, quick.batch_size) == (1, HEADS.batch_size)
    assert quick.variations == HEADS.variations[:3]


def make_trials(name, *accuracies):
    return [
        variations.Trial(name, seed, accuracy, 1234, 2.0)
        for seed, accuracy in enumerate(accuracies)
    ]


def test_trials_survive_their_file(sandbox, few_lines):
    base = make_trials("base: nothing", 0.90, 0.91, 0.89)
    comparisons = [
        variations.Comparison(make_trials("depth: two", 0.95, 0.96, 0.97), base),
        variations.Comparison(make_trials("depth: one", 0.9), base),
        variations.Comparison(
            [variations.Trial("x", 0, 0.5, 7, 1.0, {"step": [3], "joint": [0.5]})], base
        ),
    ]
    path = variations.save(SMALL_HEADS, comparisons, few_lines)
    assert str(path) == "models/variations_four_heads.json"
    assert variations.read("four_heads") == comparisons


def test_missing_trials_name_the_notebook(sandbox):
    with pytest.raises(
        FileNotFoundError, match=r"four_heads\.json is missing: run Q2/1"
    ):
        variations.read("four_heads")


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
            return variations.compare(HEADS, variations.BASE, None, None, base)

        return compare

    @staticmethod
    def trial(accuracy):
        return variations.Trial("x", 0, accuracy, 1, 1.0)

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
