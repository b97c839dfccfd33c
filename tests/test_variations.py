"""Variations: one change each, few images, never the test part."""

import dataclasses
import json
import types

import numpy as np
import pytest

from coursework.data import splits
from coursework.training import effects, heads, networks, runs, variations

LINES, DIGITS, HEADS = variations.EXPERIMENTS.values()
every_experiment = pytest.mark.parametrize(
    "experiment", variations.EXPERIMENTS.values(), ids=variations.EXPERIMENTS
)


@pytest.mark.parametrize("experiment", [LINES, DIGITS], ids=["lines", "digits"])
def test_what_the_brief_names_is_varied(experiment):
    groups = {name.partition(":")[0] for name in experiment.rows}
    assert groups >= {
        *("filter size", "number of filters", "pooling", "depth"),
        *("learning rate decay", "regularization", "optimizer", "loss"),
        "batch normalization",
    }


@every_experiment
def test_each_is_one_change_of_the_base(experiment):
    """Of the network, of how it is compiled, or of the images."""
    rows = json.loads(json.dumps(experiment.describe()))["rows"]
    base = rows.pop(effects.BASE)
    rows.pop("heads: none, 96 classes", None)  # another output needs another loss
    for name, row in rows.items():
        assert sum(row[part] != base[part] for part in row) == 1, name


def test_only_digits_are_augmented():
    augmented = [v.name for v in DIGITS.variations if v.augmentation]
    assert augmented == ["regularization: augmentation"]
    assert not any(v.augmentation for v in LINES.variations)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("base", 39_504), ("filter size: 5×5", 64_848), ("pooling: stride 2 instead", 0)],
)
def test_the_rows_are_the_networks_that_their_names_say(name, parameters):
    network = LINES.build(name, images=96)
    assert network.get_layer("flatten").input.shape[1:3] == (
        (3, 3) if parameters else (4, 4)
    )
    if parameters:
        assert network.count_params() == parameters


@pytest.mark.parametrize(
    ("name", "convolutions", "size"),
    [("depth: two convolutions", 2, 7), ("depth: four convolutions", 4, 3)],
)
def test_depth(name, convolutions, size):
    network = LINES.build(name, images=96)
    assert sum(x.name.startswith("conv") for x in network.layers) == convolutions
    assert network.get_layer("flatten").input.shape[1:3] == (size, size)


def test_the_weights_of_the_losses_are_those_of_the_row():
    network = HEADS.build("loss weights: 5:2:1:50", images=96)
    assert network.output_names == list(heads.NAMES)
    weights = network.get_compile_config()["loss_weights"]
    assert weights == {"length": 5, "width": 2, "color": 1, "angle": 50}


def test_the_schedule_ends_with_the_training():
    steps = runs.steps_of(96 * 30, LINES.epochs, LINES.batch_size)
    for name in ("base", "optimizer: SGD with momentum"):
        schedule = LINES.build(name, 96 * 30).optimizer._learning_rate
        assert float(schedule(steps)) < 1e-4 < float(schedule(steps // 4))


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'filter size: 4×4'; nearest: .*5×5"):
        LINES.run_trial("filter size: 4×4", 0)


def test_few_images_and_others_never_of_the_test_part():
    classes = np.arange(40_000) % 4
    parts = splits.split(classes)
    few, other = (variations.few(classes, parts, 30, seed) for seed in (0, 1))
    assert (np.bincount(classes[few.train]) == 30).all()
    assert len(few.validation) == variations.TESTED
    assert not set(few.train) & set(few.validation)
    assert not (set(few.train) | set(few.validation)) & set(parts.test)
    assert len(few.test) == 0
    assert set(few.train) != set(other.train)


@pytest.fixture
def small(few_lines, monkeypatch):
    """An experiment on 480 lines, two images of each class to train on."""
    classes = np.arange(480) % 5  # so that each part has every class
    parts = splits.split(classes)
    data = types.SimpleNamespace(images=few_lines.images, classes=classes)
    monkeypatch.setattr(variations, "load", lambda name: (data, parts))
    return dataclasses.replace(LINES, per_class=2, epochs=1)


def test_a_trial_repeats_and_its_seed_matters(small):
    first, again, other = (small.run_trial("base", seed) for seed in (0, 0, 1))
    assert first["errors"] == again["errors"]
    assert first["parameters"] == networks.small_cnn().count_params()
    assert 0 <= first["train_accuracy"] <= 1
    assert first["tested"] == other["tested"] == 288 - 10
