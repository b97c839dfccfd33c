"""Variations: one change each, and no effect where there is only noise."""

import dataclasses
import json

import numpy as np
import pytest

from coursework.data import splits
from coursework.training import heads, networks, variations

LINES, DIGITS, HEADS = variations.EXPERIMENTS.values()
ALL = [
    (e, variation)
    for e in variations.EXPERIMENTS.values()
    for variation in e.variations
]
every_experiment = pytest.mark.parametrize(
    "experiment", variations.EXPERIMENTS.values(), ids=variations.EXPERIMENTS
)
SMALL = {"epochs": 1, "batch_size": 32}
SMALL_LINES = dataclasses.replace(LINES, **SMALL)


def test_every_bullet_of_the_brief_is_varied():
    groups = {variation.group for variation in DIGITS.variations}
    assert groups >= {
        *("filter size", "number of filters", "pooling", "depth"),
        *("learning rate decay", "regularization", "optimizer", "loss"),
        *("batch normalization", "augmentation"),
    }


@every_experiment
def test_names_are_different(experiment):
    names = [variation.name for variation in experiment.variations]
    assert len(set(names)) == len(names)


@every_experiment
def test_each_is_one_change_from_what_the_base_has(experiment):
    """Of the network, of how it is compiled, or of how it is trained."""
    told = json.loads(json.dumps(experiment.as_record()))["changes"]
    same = getattr(networks, experiment.function).__kwdefaults__ | experiment.network
    for variation in experiment.variations:
        if variation.function:  # the whole network is another one
            continue
        for argument, value in variation.network.items():
            assert same[argument] != value
        base, mine = told[variations.BASE.name], told[variation.name]
        assert sum(mine[part] != base[part] for part in mine) == 1, variation.name


def test_steps_are_the_same_for_all():
    for _, variation in ALL:
        assert not {"epochs", "batch_size"} & set(variation.fit)


def test_the_rates_are_those_that_the_names_say():
    told = LINES.as_record()["changes"]

    def optimizer(name):
        found = told[name]["compile"]["optimizer"]
        return found["class_name"], found["config"]

    def highest(config):
        return config["learning_rate"]["config"]["warmup_target"]

    kind, base = optimizer("base: nothing")
    _, double = optimizer("learning rate: double")
    assert (kind, highest(double)) == ("Adam", 2 * highest(base))
    _, constant = optimizer("learning rate decay: none")
    assert constant["learning_rate"] == pytest.approx(highest(base))
    kind, sgd = optimizer("optimizer: SGD with momentum, rate 0.1")
    assert (kind, highest(sgd), sgd["momentum"]) == ("SGD", 0.1, 0.9)
    kind, adamw = optimizer("optimizer: AdamW, decay 0.02")
    assert (kind, highest(adamw)) == ("AdamW", highest(base))
    assert adamw["weight_decay"] == 0.02


def test_digits_alone_are_augmented():
    assert variations.AUGMENTATION in DIGITS.variations
    assert [v for v in DIGITS.variations if v not in LINES.variations] == [
        variations.AUGMENTATION
    ]


def test_the_single_output_has_the_size_of_the_four_heads():
    flat = HEADS.variation("output: one of 96 classes, no heads")
    sizes = [HEADS.build(each).count_params() for each in (variations.BASE, flat)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)


def test_a_variation_is_found_by_its_name():
    for experiment, variation in [*ALL, (LINES, variations.BASE)]:
        assert experiment.variation(variation.name) is variation


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'filter size: 4×4'; nearest: .*5×5"):
        LINES.variation("filter size: 4×4")


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


def test_a_trial_tells_what_was_trained(few_lines, parts):
    variation = LINES.variation("number of filters: half")
    trial = variations.run_trial(SMALL_LINES, variation, few_lines, parts, 3)
    assert trial.parameters == LINES.build(variation).count_params()
    assert (trial.variation, trial.seed) == (variation.name, 3)
    assert 0 <= trial.accuracy <= 1
    assert trial.seconds > 0
    assert trial.curves is None


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


@pytest.mark.parametrize("experiment", [LINES, HEADS], ids=["lines", "four_heads"])
def test_a_trial_repeats_and_does_not_look_at_the_test_part(
    experiment, few_lines, parts
):
    poisoned = dataclasses.replace(
        few_lines,
        classes=few_lines.classes.copy(),
        attributes=few_lines.attributes.copy(),
    )
    poisoned.classes[parts.test] = 0
    poisoned.attributes[parts.test] = 99
    small = dataclasses.replace(experiment, **SMALL)
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


def test_depth_alone_leaves_the_last_map_and_what_follows_as_it_is():
    four = LINES.variation("depth: four convolutions")
    shapes = [
        LINES.build(each).get_layer("flatten").output.shape
        for each in (variations.BASE, four)
    ]
    assert shapes[0] == shapes[1]


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
    path = variations.save(SMALL_LINES, comparisons, few_lines)
    assert str(path) == "models/variations_lines.json"
    assert variations.read("lines") == comparisons


def test_missing_trials_name_the_notebook(sandbox):
    with pytest.raises(FileNotFoundError, match=r"lines\.json is missing: run Q1/3"):
        variations.read("lines")


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
            return variations.compare(LINES, variations.BASE, None, None, base)

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
