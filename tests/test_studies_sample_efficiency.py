"""Training on few images: as many as asked for, and long enough."""

import types

import pytest

from coursework import paths, records
from coursework.data import splits
from coursework.studies import sample_efficiency
from coursework.training import runs


@pytest.mark.parametrize(
    ("images", "steps", "epochs"), [(960, 1, 8), (960, 300, 38), (9600, 300, 8)]
)
def test_at_least_so_many_steps_and_epochs(images, steps, epochs):
    record = records.read("tuned_lines", paths.ROOT / "models")
    training = sample_efficiency.lengthened(record, images, steps)
    assert training["fit"] == record["training"]["fit"] | {"epochs": epochs}
    done = runs.steps_of(images, epochs, record["training"]["fit"]["batch_size"])
    assert done >= steps
    schedule = training["compile"]["optimizer"]["config"]["learning_rate"]["config"]
    scheduled = schedule["warmup_steps"] + schedule["decay_steps"]
    assert scheduled == pytest.approx(done, abs=1)


def test_a_trial_trains_on_few_images_and_tests_on_all(few_lines, monkeypatch):
    """What is trained, and on which images; nothing is trained here."""
    parts = splits.split(few_lines.classes % 5)
    data = types.SimpleNamespace(images=few_lines.images, classes=few_lines.classes % 5)
    monkeypatch.setattr(sample_efficiency.variations, "load", lambda _: (data, parts))
    given = []

    def train_again(network, training, dataset, few, seed):
        given.append((network.count_params(), few, seed))
        return network, {"accuracy": 0.5, "seconds": 1.0, "errors": 3}

    monkeypatch.setattr(runs, "train_again", train_again)
    experiment = sample_efficiency.Experiment()
    result = experiment.run_trial("tuned_lines, 10", 1)
    assert result == {"accuracy": 0.5, "seconds": 1.0}
    ((parameters, few, seed),) = given
    assert (parameters, seed) == (49_904, 1)
    assert len(few.train) == 50
    assert set(few.train) <= set(parts.train)
    assert (few.test == parts.test).all()


def test_accuracies_have_the_full_trainings_too():
    record = records.read_study("sample_efficiency", paths.ROOT / "models")
    found = sample_efficiency.accuracies(record)
    assert list(found) == ["plain_lines", "tuned_lines"]
    assert list(found["plain_lines"]) == [10, 30, 100, 540]
    full = records.read("plain_lines", paths.ROOT / "models")
    assert found["plain_lines"][540] == [r["accuracy"] for r in full["repeats"]]
