"""`make repeats`: the same configuration with other seeds, one after the other."""

import keras
import pytest
from keras import layers

from coursework import paths, records
from coursework.data import splits
from coursework.training import runs

import run_repeats


@pytest.fixture
def folder(sandbox, few_lines, monkeypatch):
    """A small network of seed 0 in place of the plain one."""
    monkeypatch.setitem(run_repeats.DATASETS, "lines", lambda: few_lines)
    monkeypatch.setattr(splits, "TEST_SHARE", 0.4)
    monkeypatch.setattr(splits, "VALIDATION_SHARE", 0.4)  # 5 images a class are few
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(7)(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(96, activation="softmax", name="class")(layers.Flatten()(x))
    network = keras.Model(image, x, name="small")
    network.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    parts = splits.split(few_lines.classes)
    options = {"epochs": 2, "batch_size": 32}
    history, seconds = runs.fit(network, few_lines, parts, **options)
    outputs = runs.predict(network, few_lines, parts.test)
    arguments = ("plain_lines", network, history, few_lines, parts, outputs)
    runs.save(*arguments, batch_size=32, seconds=seconds)
    return paths.models()


def seeds_of(record):
    return [repeat["seed"] for repeat in record["repeats"]]


@pytest.fixture
def allow_seed_2(monkeypatch):
    """Seed 2 is stopped by Ctrl-C, until this function is called."""
    train_again = runs.train_again

    def stop(network, training, dataset, parts, seed, changes=None):
        if seed == 2:
            raise KeyboardInterrupt
        return train_again(network, training, dataset, parts, seed, changes)

    monkeypatch.setattr(runs, "train_again", stop)
    return lambda: monkeypatch.setattr(runs, "train_again", train_again)


def test_a_run_that_was_stopped_goes_on_with_the_next_seed(folder, allow_seed_2):
    model = (folder / "plain_lines.keras").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run_repeats.add_missing_seeds("plain_lines", folder)
    assert seeds_of(records.read("plain_lines")) == [0, 1]
    allow_seed_2()
    run_repeats.add_missing_seeds("plain_lines", folder)
    record = records.read("plain_lines")
    assert seeds_of(record) == [0, 1, 2]
    assert (folder / "plain_lines.keras").read_bytes() == model
    scores = {repeat["macro_f1"] for repeat in record["repeats"]}
    assert len(scores) == 3  # other seeds, other weights


def test_so_does_that_of_an_experiment(folder, allow_seed_2, monkeypatch):
    change = ("plain_lines", {"class": {"use_bias": False}})
    monkeypatch.setitem(runs.EXPERIMENTS, "padding", change)
    with pytest.raises(KeyboardInterrupt):
        run_repeats.add_missing_seeds_of_experiment("padding")
    assert seeds_of(records.read_study("padding")) == [0, 1]
    allow_seed_2()
    run_repeats.add_missing_seeds_of_experiment("padding")
    assert seeds_of(records.read_study("padding")) == [0, 1, 2]
    assert seeds_of(records.read("plain_lines")) == [0]


def test_another_dataset_is_refused(folder, few_lines, monkeypatch):
    other = few_lines.take(range(len(few_lines.classes) - 1, -1, -1))
    monkeypatch.setitem(run_repeats.DATASETS, "lines", lambda: other)
    with pytest.raises(ValueError, match="the record was made on"):
        run_repeats.add_missing_seeds("plain_lines", folder)
    assert seeds_of(records.read("plain_lines")) == [0]


def test_a_network_that_its_record_does_not_describe_is_not_repeated(folder):
    (folder / "plain_lines.keras").write_bytes(b"another")
    with pytest.raises(ValueError, match="is not the network"):
        run_repeats.add_missing_seeds("plain_lines", folder)
