"""Training, and what it leaves on disk."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from keras import layers

from coursework import augment, callbacks, metrics, paths, records, splits, training

SETTINGS = training.Settings(epochs=3, batch_size=32, learning_rate=0.01)


@pytest.fixture(scope="module")
def run(few_lines):
    """A small network, trained for three epochs."""
    keras.utils.set_random_seed(0)
    parts = splits.split(np.arange(480) % 4)
    return training.train(small_network(), few_lines, parts, SETTINGS, 0, verbose=0)


@pytest.fixture(scope="module")
def evaluation(run):
    truth = run.dataset.classes[run.parts.test]
    return metrics.evaluate(truth, training.predict_test(run))


def small_network():
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(4)(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(96, activation="softmax")(layers.Flatten()(x))
    return keras.Model(image, x, name="small")


def test_history_has_train_and_validation(run):
    for key in ("accuracy", "loss", "val_accuracy", "val_loss"):
        assert len(run.history[key]) == 3
    assert run.history["loss"][-1] < run.history["loss"][0]


def test_the_best_epoch_is_kept(few_lines):
    """A learning rate that destroys the network: the best epoch is not the last."""
    keras.utils.set_random_seed(0)
    parts = splits.split(np.arange(480) % 4)
    wild = training.Settings(epochs=6, batch_size=32, learning_rate=3)
    run = training.train(small_network(), few_lines, parts, wild, 0, verbose=0)
    losses = run.history["val_loss"]
    assert np.argmin(losses) < 5
    images, targets = training.examples(run.network, few_lines, parts.validation)
    loss, _ = run.network.evaluate(images, targets, verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_the_test_part_is_not_looked_at(few_lines):
    parts = splits.split(np.arange(480) % 4)
    poisoned = dataclasses.replace(few_lines, classes=few_lines.classes.copy())
    poisoned.classes[parts.test] = 10**6  # to_categorical would fail on these
    settings = training.Settings(epochs=1)
    training.train(small_network(), poisoned, parts, settings, 0, verbose=0)


def test_a_seed_repeats_to_the_bit(few_lines):
    parts = splits.split(np.arange(480) % 4)
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        run = training.train(small_network(), few_lines, parts, SETTINGS, 3, verbose=0)
        weights.append(np.concatenate([w.ravel() for w in run.network.get_weights()]))
    assert (weights[0] == weights[1]).all()


def test_the_learning_rate_warms_up_and_decays_to_zero():
    settings = training.Settings(epochs=4, learning_rate=0.1, warmup_epochs=1)
    schedule = training.make_optimizer(settings, steps_per_epoch=10)._learning_rate
    rates = np.array([float(schedule(step)) for step in range(41)])
    assert rates[0] == 0
    assert rates.argmax() == 10
    assert rates.max() == pytest.approx(0.1)
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        training.Settings(7, 64, 0.02, 0.5, 0.1),
        training.Settings(
            *(7, 64, 0.02, 0.5, 0.1, "AdamW", "plateau", 0.02),
            augmentation=augment.Augmentation(10, 0.1, 0.1, 2),
            kept="last epoch",
        ),
    ],
)
def test_settings_survive_a_record(settings):
    record = json.loads(json.dumps(settings.as_record()))
    assert training.Settings.from_record(record) == settings


def test_an_older_record_has_the_defaults_of_newer_settings():
    record = training.Settings(7, 64, 0.02).as_record()
    del record["optimizer"]["augmentation"], record["optimizer"]["weight_decay"]
    assert training.Settings.from_record(record) == training.Settings(7, 64, 0.02)


@pytest.mark.parametrize("field", ["optimizer", "schedule", "kept"])
def test_settings_refuse_what_they_do_not_know(field):
    with pytest.raises(ValueError, match=f"{field} is 'best'; known: "):
        training.Settings(epochs=1, **{field: "best"})


def test_sgd_has_momentum():
    sgd = training.make_optimizer(training.Settings(1, optimizer="SGD"), 10)
    assert (sgd.momentum, sgd.nesterov) == (0.9, True)


@pytest.mark.parametrize("decay", [0, 0.02])
def test_adamw_shrinks_kernels_and_nothing_else(decay):
    """A step with gradient zero: only the decay moves the weights."""
    settings = training.Settings(
        *(1, 128, 0.5),
        optimizer="AdamW",
        weight_decay=decay,
        schedule="constant",
    )
    optimizer = training.make_optimizer(settings, 10)
    layer = small_network().layers[-1]
    layer.bias.assign(np.ones(96))
    kernel = layer.kernel.numpy()
    variables = [layer.kernel, layer.bias]
    optimizer.build(variables)
    optimizer.apply([0 * v.numpy() for v in variables], variables)
    assert layer.kernel.numpy() == pytest.approx(kernel * (1 - 0.5 * decay), rel=1e-5)
    assert (layer.bias.numpy() == 1).all()


def test_a_decay_that_would_do_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"weight_decay is 0\.1 but .* Adam; only AdamW"
    ):
        training.Settings(1, weight_decay=0.1)


@pytest.mark.parametrize(
    ("losses", "falls"),
    [
        ([5, 4, 3, 2], 0),
        ([5, 5, 4, 3], 1),  # the second window is no better than the first
        ([5, 4, 6, 4, 3], 2),  # nor are the third and the fourth than the best
    ],
)
def test_the_rate_falls_to_a_tenth_when_the_loss_stalls(losses, falls, monkeypatch):
    monkeypatch.setattr(callbacks, "STALL_STEPS", 2)
    decay = callbacks.StallDecay()
    network = small_network()
    network.compile(optimizer=keras.optimizers.Adam(0.1))
    decay.set_model(network)
    decay.on_train_begin()
    for loss in losses:  # an epoch of two steps, told as Keras does: the mean so far
        decay.on_epoch_begin(0)
        decay.on_train_batch_end(0, {"loss": loss + 1})
        decay.on_train_batch_end(1, {"loss": loss})
    rate = float(network.optimizer.learning_rate)
    assert rate == pytest.approx(0.1 / 10**falls, rel=1e-5)


def test_a_training_that_stalls_is_slowed_down(few_lines, monkeypatch):
    monkeypatch.setattr(callbacks, "STALL_STEPS", 2)
    parts = splits.split(np.arange(480) % 4)
    settings = training.Settings(4, 32, 3.0, schedule="plateau")  # far too fast
    run = training.train(small_network(), few_lines, parts, settings, 0, verbose=0)
    assert run.history["learning_rate"][-1] < 3.0


def test_the_last_epoch_is_kept_where_asked(few_lines):
    keras.utils.set_random_seed(0)
    parts = splits.split(np.arange(480) % 4)
    wild = training.Settings(
        epochs=6, batch_size=32, learning_rate=3, kept="last epoch"
    )
    run = training.train(small_network(), few_lines, parts, wild, 0, verbose=0)
    images, targets = training.examples(run.network, few_lines, parts.validation)
    loss, _ = run.network.evaluate(images, targets, verbose=0)
    assert loss == pytest.approx(run.history["val_loss"][-1], rel=1e-4)


def test_an_augmented_run_repeats_to_the_bit(few_lines):
    parts = splits.split(np.arange(480) % 4)
    settings = training.Settings(
        *(3, 32, 0.01), augmentation=augment.Augmentation(10, 0.1, 0.1, 2)
    )
    losses = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        run = training.train(small_network(), few_lines, parts, settings, 3, verbose=0)
        losses.append(run.history["val_loss"])
    assert losses[0] == losses[1]


@pytest.fixture
def plain_lines(sandbox, run, evaluation):
    """The small network, saved as if it were the plain one."""
    return training.save(run, evaluation, "plain_lines")


def test_the_record_tells_all(plain_lines, run, evaluation):
    assert set(plain_lines) == set(records.FIELDS)
    assert plain_lines["dataset"]["sha256"] == run.dataset.sha256
    assert plain_lines["parameters"] == run.network.count_params()
    assert (
        plain_lines["test"]["errors"]
        == evaluation.errors
        == np.sum(plain_lines["confusion"]) - np.trace(plain_lines["confusion"])
    )
    assert len(plain_lines["test"]["wrong"]) == evaluation.errors
    assert set(plain_lines["test"]["wrong"]) <= set(run.parts.test.tolist())
    assert plain_lines["repeats"] == [training.make_repeat(run, evaluation)]
    assert plain_lines["versions"]["keras"] == keras.__version__


def test_the_saved_network_is_the_trained_one(plain_lines, run):
    network, _ = records.load("plain_lines")
    images = run.dataset.images[:20]
    expected = run.network.predict(images, verbose=0)
    assert (network.predict(images, verbose=0) == expected).all()
    assert run.network.compiled
    assert not network.compiled
    size = (paths.models() / "plain_lines.keras").stat().st_size
    assert size < 8 * network.count_params()  # Adam's state would triple 4 bytes each


def test_other_seeds_stay_while_the_configuration_is_the_same(
    plain_lines, run, evaluation
):
    folder = paths.models()
    other = training.make_repeat(run, evaluation) | {"seed": 1}
    records.write(plain_lines | {"repeats": [other]}, "plain_lines", folder)
    again = training.save(run, evaluation, "plain_lines")
    assert [repeat["seed"] for repeat in again["repeats"]] == [0, 1]
    changed = dataclasses.replace(run, settings=training.Settings(epochs=4))
    again = training.save(changed, evaluation, "plain_lines")
    assert [repeat["seed"] for repeat in again["repeats"]] == [0]


def test_results_on_a_stand_in_leave_models_alone(plain_lines, run, evaluation):
    before = (paths.models() / "plain_lines.json").read_bytes()

    class StandIn(type(run.dataset)):
        stand_in = True

    fields = {f.name: getattr(run.dataset, f.name) for f in dataclasses.fields(StandIn)}
    other = dataclasses.replace(run, dataset=StandIn(**fields), seed=5)
    training.save(other, evaluation, "plain_lines")
    assert (paths.models() / "plain_lines.json").read_bytes() == before
    folder = paths.BUILD / "stand_in" / "models"
    assert records.load("plain_lines", folder)[1]["seed"] == 5
