"""The tuned networks with one thing changed."""

import json

import numpy as np
import pytest

from coursework import paths, records
from coursework.data import splits
from coursework.training import effects, recipes, runs

every_experiment = pytest.mark.parametrize(
    "experiment", recipes.EXPERIMENTS.values(), ids=recipes.EXPERIMENTS
)


@pytest.fixture
def saved(experiment):
    return records.load(experiment.network, paths.ROOT / "models")


@every_experiment
def test_each_row_can_be_built_and_is_another_training(experiment, saved):
    network, record = saved
    base = record["training"], record["parameters"]
    for name, change in experiment.rows.items():
        images = record["dataset"]["train"]
        training = change.apply(record["training"], images, images)
        fresh = runs.clone(network, change.layers)
        runs.compile_as(fresh, training["compile"])
        same = [layer.get_config() for layer in fresh.layers] == [
            layer.get_config() for layer in network.layers
        ]
        assert (same and training == base[0]) == (name == effects.BASE)


@every_experiment
def test_the_schedule_is_as_long_as_the_training(experiment, saved):
    _, record = saved
    for change in experiment.rows.values():
        training = change.apply(record["training"], 28_000, record["dataset"]["train"])
        fit = training["fit"]
        optimizer = training["compile"]["optimizer"]["config"]
        if isinstance(optimizer["learning_rate"], float):
            continue  # no schedule
        schedule = optimizer["learning_rate"]["config"]
        steps = runs.steps_of(28_000, fit["epochs"], fit["batch_size"])
        assert schedule["warmup_steps"] + schedule["decay_steps"] == pytest.approx(
            steps, abs=2
        )


@every_experiment
def test_it_is_described_in_json(experiment):
    assert json.loads(json.dumps(experiment.describe()))["rows"]


def test_folds_are_of_the_train_part_and_cover_it():
    classes = np.arange(5000) % 10
    parts = splits.split(classes)
    folds = [recipes.fold(classes, parts, number) for number in range(recipes.FOLDS)]
    everything = np.concatenate([parts.train, parts.validation])
    assert sorted(np.concatenate([fold.test for fold in folds])) == sorted(everything)
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        assert len(fold.train) == 2 * len(fold.test)
        assert not set(fold.train) & set(parts.test)


def test_a_layer_that_is_left_out(plain_cnn):
    shorter = runs.clone(plain_cnn, {"norm1": None})
    assert [x.name for x in plain_cnn.layers if x.name != "norm1"] == [
        x.name for x in shorter.layers
    ]
    assert plain_cnn.count_params() - shorter.count_params() == 4 * 32
