"""`make repeats`: the same configuration with other seeds, one after the other."""

import keras
import pytest
from keras import layers

from coursework import metrics, paths, records, splits, training

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
    x = layers.Dense(96, activation="softmax")(layers.Flatten()(x))
    parts = splits.split(few_lines.classes)
    settings = training.Settings(epochs=2, learning_rate=0.01)
    network = keras.Model(image, x, name="small")
    run = training.train(network, few_lines, parts, settings, 0, verbose=0)
    truth = few_lines.classes[parts.test]
    evaluation = metrics.evaluate(truth, training.predict_test(run))
    training.save(run, evaluation, "plain_lines")
    return paths.models()


def seeds(folder):
    repeats = records.read("plain_lines", folder)["repeats"]
    return [repeat["seed"] for repeat in repeats]


def test_a_run_that_was_stopped_goes_on_with_the_next_seed(folder, monkeypatch):
    model = (folder / "plain_lines.keras").read_bytes()
    train = training.train

    def stop_at_seed_2(*arguments, **options):
        if arguments[-1] == 2:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    monkeypatch.setattr(training, "train", stop_at_seed_2)
    with pytest.raises(KeyboardInterrupt):
        run_repeats.add_missing_seeds("plain_lines", folder)
    assert seeds(folder) == [0, 1]
    monkeypatch.setattr(training, "train", train)
    run_repeats.add_missing_seeds("plain_lines", folder)
    assert seeds(folder) == [0, 1, 2]
    assert (folder / "plain_lines.keras").read_bytes() == model
    losses = {repeat["macro_f1"] for repeat in records.read("plain_lines")["repeats"]}
    assert len(losses) == 3  # other seeds, other weights


def test_another_dataset_is_refused(folder, few_lines, monkeypatch):
    other = few_lines.take(range(len(few_lines.classes) - 1, -1, -1))
    monkeypatch.setitem(run_repeats.DATASETS, "lines", lambda: other)
    with pytest.raises(ValueError, match="the record was made on"):
        run_repeats.add_missing_seeds("plain_lines", folder)
    assert seeds(folder) == [0]
