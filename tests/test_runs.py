"""Saving what was trained, and training a saved network once more."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from keras.optimizers import schedules

from coursework import paths, records
from coursework.data import augment, splits
from coursework.training import networks, runs

PARTS = splits.split(np.arange(480) % 4)
EPOCHS, BATCH_SIZE = 3, 32
AMOUNTS = augment.Augmentation(10, 0.1, 0.1, 2)
augmented_or_not = pytest.mark.parametrize(
    "trained", [None, AMOUNTS], indirect=True, ids=["plain", "augmented"]
)


def small_network(units=4):
    image = keras.Input((28, 28, 3), name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    x = layers.Conv2D(units, 7, strides=7, name="conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(96, activation="softmax", name="class")(x)
    return keras.Model(image, x, name="small")


def compiled(network, learning_rate=0.01):
    steps = runs.steps_of(len(PARTS.train), EPOCHS, BATCH_SIZE)
    network.compile(
        keras.optimizers.Adam(runs.warmup_and_cosine(learning_rate, steps)),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return network


def same_weights(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def trained(request, few_lines):
    """A small network of seed 0, trained as a notebook does: ``fit`` written out."""
    amounts = getattr(request, "param", None)
    keras.utils.set_random_seed(0)
    network = compiled(small_network())
    images, targets = runs.examples(network, few_lines, PARTS.train)
    train = {"x": images, "y": targets, "batch_size": BATCH_SIZE}
    if amounts:
        batches = (images, targets, BATCH_SIZE, amounts)
        train = {"x": augment.AugmentedBatches(*batches, seed=0)}
    history = network.fit(
        **train,
        validation_data=runs.examples(network, few_lines, PARTS.validation),
        epochs=EPOCHS,
        verbose=0,
    )
    return network, history, amounts


@pytest.fixture
def save(sandbox, trained, few_lines):
    """A function that saves the trained network as if it were the plain one."""
    network, history, amounts = trained

    def save(other=network, batch_size=BATCH_SIZE):
        outputs = runs.predict(other, few_lines, PARTS.test)
        arguments = ("plain_lines", other, history, few_lines, PARTS, outputs)
        return runs.save(
            *arguments, batch_size=batch_size, seconds=1.23, augmentation=amounts
        )

    return save


# --- saving ---------------------------------------------------------------------------


@augmented_or_not
def test_the_record_tells_all(save, trained, few_lines):
    network, history, amounts = trained
    record = save()
    assert set(record) == set(records.FIELDS)
    assert (record["network"], record["question"], record["seed"]) == ("small", "Q1", 0)
    assert record["dataset"]["sha256"] == few_lines.sha256
    assert [record["dataset"][part] for part in PARTS._fields] == [259, 29, 192]
    assert record["training"]["compile"] == runs.describe_compile(network)
    assert record["training"]["fit"] == {
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "augmentation": amounts and dataclasses.asdict(amounts),
    }
    assert record["parameters"] == network.count_params()
    for key in ("accuracy", "loss", "val_accuracy", "val_loss"):
        assert record["history"][key] == pytest.approx(history.history[key], rel=1e-5)
        assert len(record["history"][key]) == EPOCHS
    (repeat,) = record["repeats"]
    assert (repeat["seed"], repeat["seconds"]) == (0, 1.2)
    assert record["versions"]["keras"] == keras.__version__


def test_the_test_part_is_what_the_record_s_scores_are_of(save, trained, few_lines):
    record = save()
    probabilities = trained[0].predict(few_lines.images[PARTS.test], verbose=0)
    wrong = PARTS.test[probabilities.argmax(axis=1) != few_lines.classes[PARTS.test]]
    assert record["test"]["wrong"] == wrong.tolist()
    assert record["repeats"][0]["wrong"] == wrong.tolist()
    assert record["test"]["errors"] == record["repeats"][0]["errors"] == len(wrong)
    assert record["test"]["accuracy"] == pytest.approx(1 - len(wrong) / 192)
    confusion = np.array(record["confusion"])
    assert (confusion.sum(), confusion.trace()) == (192, 192 - len(wrong))


def test_the_saved_network_is_the_trained_one_without_its_optimizer(save, trained):
    save()
    network, _ = records.load("plain_lines")
    assert same_weights(network, trained[0])
    assert trained[0].compiled
    assert not network.compiled
    with_state = sum(8 * np.prod(w.shape) for w in trained[0].trainable_weights)
    size = (paths.models() / "plain_lines.keras").stat().st_size
    assert size < with_state + 4 * network.count_params()  # Adam's are 8 bytes each


class TestOtherSeeds:
    """They stay in a record as long as they are of the same configuration."""

    @pytest.fixture(autouse=True)
    def _another_seed(self, save):
        record = save()
        other = record["repeats"][0] | {"seed": 1}
        records.write(record | {"repeats": [other]}, "plain_lines", paths.models())

    def seeds(self, record):
        return [repeat["seed"] for repeat in record["repeats"]]

    def test_the_same(self, save):
        assert self.seeds(save()) == [0, 1]

    def test_another_batch_size(self, save):
        assert self.seeds(save(batch_size=64)) == [0]

    def test_another_learning_rate(self, save):
        assert self.seeds(save(compiled(small_network(), 0.02))) == [0]

    def test_another_network(self, save):
        assert self.seeds(save(compiled(small_network(5)))) == [0]


def test_results_on_the_stand_in_leave_models_alone(save):
    save()
    before = {path: path.read_bytes() for path in paths.models().iterdir()}
    paths.use_stand_in()
    save(compiled(small_network()))
    assert paths.models() == paths.BUILD / "stand_in" / "models"
    assert len(list(paths.models().iterdir())) == 2
    assert {path: path.read_bytes() for path in before} == before


class TestExperiment:
    """A network with a change: its record keeps the seeds of that very network."""

    @pytest.fixture
    def add(self, save, trained, few_lines):
        """A function that adds a seed, and tells those that the record then holds."""
        save()
        outputs = runs.predict(trained[0], few_lines, PARTS.test)

        def add(seed):
            arguments = ("padding", outputs, few_lines, PARTS)
            repeats = runs.save_experiment(*arguments, seconds=1, seed=seed)
            assert runs.repeats_of("padding") == repeats
            return [repeat["seed"] for repeat in repeats]

        return add

    def test_seeds_are_added_in_their_order_and_replaced(self, add):
        assert [add(seed) for seed in (2, 0, 2)] == [[2], [0, 2], [0, 2]]
        record = records.read_study("padding")
        assert record["changes"] == {"conv1": {"padding": "same"}}
        assert record["training"] == records.read("plain_lines")["training"]

    def test_seeds_of_another_training_are_dropped(self, add, save):
        add(0)
        save(batch_size=64)
        assert runs.repeats_of("padding") == []
        assert add(1) == [1]

    def test_seeds_of_another_change_are_dropped(self, add, monkeypatch):
        add(0)
        other = ("plain_lines", {"conv1": {"strides": (2, 2)}})
        monkeypatch.setitem(runs.EXPERIMENTS, "padding", other)
        assert runs.repeats_of("padding") == []


class TestDescribeCompile:
    def test_it_does_not_depend_on_how_keras_numbers_optimizers(self):
        first, second, other = (
            compiled(small_network(), rate) for rate in (0.01, 0.01, 0.02)
        )
        assert first.optimizer.name != second.optimizer.name
        assert runs.describe_compile(first) == runs.describe_compile(second)
        assert runs.describe_compile(first) != runs.describe_compile(other)

    def test_a_network_that_is_compiled_from_it_has_the_same(self):
        network = small_network()
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
        network.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
        told = runs.describe_compile(network)
        assert told["loss"]["config"]["label_smoothing"] == 0.1
        again = small_network()
        again.compile_from_config(told)
        assert runs.describe_compile(again) == told
        assert again.optimizer.momentum == 0.9


# --- training once more ---------------------------------------------------------------


@augmented_or_not
def test_the_same_seed_gives_the_saved_network_to_the_bit(save, few_lines):
    save()
    network, record = records.load("plain_lines")
    before = network.get_weights()
    fresh, repeat = runs.train_again(network, record["training"], few_lines, PARTS, 0)
    assert same_weights(fresh, network)
    assert repeat | {"seconds": 1.2} == record["repeats"][0]
    other, _ = runs.train_again(network, record["training"], few_lines, PARTS, 1)
    assert not same_weights(other, network)
    assert all(map(np.array_equal, network.get_weights(), before))


def test_the_test_part_is_not_looked_at_while_it_trains(few_lines):
    poisoned = dataclasses.replace(few_lines, classes=few_lines.classes.copy())
    poisoned.classes[PARTS.test] = 10**6  # to_categorical would fail on these
    runs.fit(compiled(small_network()), poisoned, PARTS, epochs=1, batch_size=32)


@pytest.mark.parametrize(("every", "validated"), [(None, 1), (2, 2), (1, 4)])
def test_validation_is_as_often_as_asked_and_after_the_last_epoch(
    few_lines, every, validated
):
    network = compiled(small_network())
    options = {"epochs": 4, "batch_size": 128, "validate_every": every}
    history, seconds = runs.fit(network, few_lines, PARTS, **options)
    assert len(history.history["loss"]) == 4
    assert len(history.history["val_accuracy"]) == validated
    images, targets = runs.examples(network, few_lines, PARTS.validation)
    loss, _ = network.evaluate(images, targets, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert seconds > 0


class TestClone:
    @pytest.mark.parametrize("build", [small_network, networks.small_cnn])
    def test_of_a_saved_network_it_is_as_if_built_anew(self, build, tmp_path):
        keras.utils.set_random_seed(0)
        built = build()
        build().save(tmp_path / "saved.keras")
        saved = keras.saving.load_model(tmp_path / "saved.keras", compile=False)
        before = saved.get_weights()
        keras.utils.set_random_seed(0)
        assert same_weights(runs.clone(saved), built)
        assert all(map(np.array_equal, saved.get_weights(), before))

    def test_a_seed_gives_the_same_weights_and_another_gives_others(self):
        network, clones = small_network(), []
        for seed in (3, 3, 4):
            keras.utils.set_random_seed(seed)
            clones.append(runs.clone(network))
        assert same_weights(clones[0], clones[1])
        assert not same_weights(clones[0], clones[2])

    def test_a_change_changes_that_and_nothing_else(self):
        network = small_network()
        changed = runs.clone(network, {"conv1": {"padding": "same"}})
        for old, new in zip(network.layers, changed.layers, strict=True):
            change = {"padding": "same"} if old.name == "conv1" else {}
            assert new.get_config() == old.get_config() | change
        assert network.get_layer("conv1").padding == "valid"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"conv2": {"padding": "same"}}, "small has no layer conv2"),
            ({"conv1": {"pading": "same"}}, "conv1 has no argument .*pading"),
        ],
    )
    def test_a_change_of_what_is_not_there(self, changes, message):
        with pytest.raises(ValueError, match=message):
            runs.clone(small_network(), changes)


# --- learning rates -------------------------------------------------------------------


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in range(steps + 1)])


def test_the_learning_rate_warms_up_and_decays_to_zero():
    found = rates(runs.warmup_and_cosine(0.1, steps=40, warmup=0.25), 40)
    assert found[0] == 0
    assert found.argmax() == 10
    assert found.max() == pytest.approx(0.1)
    assert (np.diff(found[10:]) < 0).all()
    assert found[-1] == pytest.approx(0, abs=1e-9)
    constant = rates(runs.warmup_and_cosine(0.1, steps=40, warmup=0.25, end=1), 40)
    assert constant[:11] == pytest.approx(found[:11])
    assert constant[10:] == pytest.approx(0.1)


def test_the_last_batch_of_an_epoch_may_be_smaller():
    assert runs.steps_of(images=65, epochs=3, batch_size=32) == 9


def schedule_of(told):
    return schedules.deserialize(told["optimizer"]["config"]["learning_rate"])


def test_a_schedule_is_stretched_as_a_whole():
    told = runs.describe_compile(compiled(small_network()))
    longer = rates(schedule_of(runs.stretched(told, 3)), 81)
    assert longer[::3] == pytest.approx(rates(schedule_of(told), 27))


def test_a_constant_rate_is_left_as_it_is():
    network = small_network()
    network.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy")
    told = runs.describe_compile(network)
    assert runs.stretched(told, 3) == told
