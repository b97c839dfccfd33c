"""`make repeats`: the same configuration with other seeds, one after the other."""

import keras
import numpy as np
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


@pytest.mark.parametrize("name", ["plain_lines", "padding"])
def test_a_run_that_was_stopped_goes_on_with_the_next_seed(folder, name, monkeypatch):
    change = ("plain_lines", {"class": {"use_bias": False}})
    monkeypatch.setitem(runs.EXPERIMENTS, "padding", change)
    read = records.read if name == "plain_lines" else records.read_study
    model = (folder / "plain_lines.keras").read_bytes()
    train_again = runs.train_again

    def stop_at_seed_2(*arguments):
        if arguments[4] == 2:
            raise KeyboardInterrupt
        return train_again(*arguments)

    monkeypatch.setattr(runs, "train_again", stop_at_seed_2)
    with pytest.raises(KeyboardInterrupt):
        run_repeats.add_missing_seeds(name)
    assert seeds_of(read(name)) == [0, 1]
    monkeypatch.setattr(runs, "train_again", train_again)
    run_repeats.add_missing_seeds(name)
    assert seeds_of(read(name)) == [0, 1, 2]
    scores = {repeat["macro_f1"] for repeat in read(name)["repeats"]}
    assert len(scores) == 3  # other seeds, other weights
    assert (folder / "plain_lines.keras").read_bytes() == model


def test_networks_that_chapters_look_into_are_kept(folder, monkeypatch):
    monkeypatch.setattr(records, "OTHER_SEEDS", {"plain_lines": (1,)})
    monkeypatch.setattr(run_repeats, "SEEDS", (0, 1))
    run_repeats.add_missing_seeds("plain_lines")
    first, second = records.load("plain_lines")[0], records.load_seed("plain_lines", 1)
    assert first.count_params() == second.count_params()
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    path = folder / "plain_lines_seed_1.keras"
    for damage in (lambda: path.write_bytes(b"another"), path.unlink):
        damage()
        with pytest.raises(ValueError, match=r"seed_1\.keras is not .*make repeats"):
            records.load_seed("plain_lines", 1)
    run_repeats.add_missing_seeds("plain_lines")
    assert seeds_of(records.read("plain_lines")) == [0, 1]
    again = records.load_seed("plain_lines", 1)
    assert np.array_equal(again.get_weights()[0], second.get_weights()[0])


def test_another_dataset_is_refused(folder, few_lines, monkeypatch):
    other = few_lines.take(range(len(few_lines.classes) - 1, -1, -1))
    monkeypatch.setitem(run_repeats.DATASETS, "lines", lambda: other)
    with pytest.raises(ValueError, match="the record was made on"):
        run_repeats.add_missing_seeds("plain_lines")
    assert seeds_of(records.read("plain_lines")) == [0]


def test_what_is_wrong_is_said_in_one_line(folder, capsys):
    (folder / "plain_lines.keras").write_bytes(b"another")
    assert run_repeats.main() == 2
    said = capsys.readouterr().err
    assert "plain_lines.keras is not the network" in said
    assert len(said.splitlines()) == 1
