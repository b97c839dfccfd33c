"""The four heads: their labels, their losses, and what is refused before training."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from coursework import (
    augment,
    callbacks,
    heads,
    lines,
    metrics,
    networks,
    splits,
    training,
)

EQUAL = dict.fromkeys(heads.NAMES, 1)


@pytest.fixture(scope="module")
def parts():
    return splits.split(np.arange(480) % 4)


def small_network():
    image = keras.Input((28, 28, 3))
    x = layers.AveragePooling2D(4)(layers.Rescaling(1 / 255)(image))
    x = layers.Flatten()(x)
    outputs = [networks.head_output(x, name) for name in heads.NAMES]
    return keras.Model(image, outputs, name="small")


def train(dataset, parts, **settings):
    settings = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01} | settings
    keras.utils.set_random_seed(0)
    return training.train(
        small_network(), dataset, parts, training.Settings(**settings), 0, verbose=0
    )


@pytest.fixture(scope="module")
def run(few_lines, parts):
    return train(few_lines, parts)


# --- labels and predictions -----------------------------------------------------------


def test_targets_are_those_of_the_file_names(few_lines):
    """Red, short and thin are 0; the angle counts in steps of 15°."""
    index = np.flatnonzero(
        few_lines.classes == lines.classes_of([1, 0, 3, 1])  # long thin blue 45°
    )[:1]
    targets = heads.targets(few_lines, index)
    assert list(targets) == ["length", "width", "color", "angle"]
    assert [targets[name].tolist() for name in heads.BINARY] == [[[1]], [[0]], [[1]]]
    assert targets["angle"].tolist() == [np.eye(12)[3].tolist()]
    assert all(target.dtype == np.float32 for target in targets.values())


def make_outputs(count=50):
    random = np.random.default_rng(0)
    outputs = [random.random((count, 1), np.float32) for _ in heads.BINARY]
    angle = random.random((count, 12), np.float32)
    return [*outputs, angle / angle.sum(axis=1, keepdims=True)]


def test_a_class_is_right_where_all_heads_are():
    outputs = make_outputs()
    classes = heads.class_probabilities(outputs)
    assert classes.shape == (50, 96)
    assert classes.sum(axis=1) == pytest.approx(1, abs=1e-5)
    length, width, color, angle = outputs
    said = np.stack(
        [
            length[:, 0] > 0.5,
            width[:, 0] > 0.5,
            angle.argmax(axis=1),
            color[:, 0] > 0.5,
        ],
        axis=1,
    )
    assert (classes.argmax(axis=1) == lines.classes_of(said.astype(int))).all()
    first = 1 - length[0, 0], width[0, 0], angle[0, 7], 1 - color[0, 0]
    assert classes[0, lines.classes_of([0, 1, 7, 0])] == pytest.approx(np.prod(first))


def test_heads_and_a_single_output_are_compared_alike():
    outputs = make_outputs()
    for name, levels in heads.predicted(outputs).items():
        flat = heads.predicted(heads.class_probabilities(outputs))
        assert (levels == flat[name]).all()


def test_joint_accuracy_asks_for_all_four():
    outputs = make_outputs(4)
    levels = heads.predicted(outputs)
    attributes = np.stack([levels[name] for name in lines.ATTRIBUTES], axis=1)
    attributes[0, 0] ^= 1  # length
    attributes[:2, 2] = (attributes[:2, 2] + 1) % 12
    assert metrics.head_accuracies(attributes, outputs) == {
        **{"length": 0.75, "width": 1, "color": 1, "angle": 0.5},
        "joint": 0.5,
    }


# --- training -------------------------------------------------------------------------


def test_the_history_has_every_head_and_the_joint_accuracy(run, few_lines):
    for name in heads.NAMES:
        for key in ("accuracy", "loss"):
            assert len(run.history[f"{name}_{key}"]) == 3
            assert len(run.history[f"val_{name}_{key}"]) == 3
    joint = run.history["val_joint_accuracy"]
    assert len(joint) == 3
    for name in heads.NAMES:
        assert (np.array(run.history[f"val_{name}_accuracy"]) >= joint).all()


def test_the_loss_is_the_weighted_sum(few_lines, parts):
    weights = dict(zip(heads.NAMES, (5, 2, 1, 50), strict=True))
    history = train(few_lines, parts, loss_weights=weights).history
    total = sum(
        weight * np.array(history[f"val_{name}_loss"])
        for name, weight in weights.items()
    )
    assert history["val_loss"] == pytest.approx(total, rel=1e-4)


def test_a_head_of_weight_zero_does_not_learn(few_lines, parts):
    blind = train(few_lines, parts, loss_weights=EQUAL | {"color": 0})
    before = small_network_weights()
    assert (blind.network.get_layer("color").kernel.numpy() == before["color"]).all()
    assert (blind.network.get_layer("width").kernel.numpy() != before["width"]).any()


def small_network_weights():
    keras.utils.set_random_seed(0)
    network = small_network()
    return {name: network.get_layer(name).kernel.numpy() for name in heads.NAMES}


def test_the_joint_accuracy_of_validation_is_that_of_the_kept_network(run, few_lines):
    indices = run.parts.validation
    outputs = run.network.predict(few_lines.images[indices], verbose=0)
    best = np.argmin(run.history["val_loss"])
    attributes = few_lines.attributes[indices]
    expected = metrics.head_accuracies(attributes, outputs)["joint"]
    assert run.history["val_joint_accuracy"][best] == pytest.approx(expected)


def test_the_test_part_is_evaluated_for_all_four(run, few_lines):
    test = training.evaluate_test(run)
    outputs = training.predict_test(run)
    attributes = few_lines.attributes[run.parts.test]
    expected = metrics.head_accuracies(attributes, outputs)["joint"]
    assert test.accuracy == pytest.approx(expected)


def test_the_record_of_a_network_with_heads(run, sandbox):
    record = training.save(run, training.evaluate_test(run), "four_head_lines")
    assert record["optimizer"]["loss"] == heads.LOSS
    assert set(record["test"]["heads"]) == set(heads.NAMES)
    assert record["repeats"][0]["errors"] == record["test"]["joint_errors"]
    assert training.Settings.from_record(record) == run.settings


def test_accuracies_by_step_are_measured_when_asked(few_lines, parts):
    chosen = parts.validation
    watcher = callbacks.AccuraciesByStep(
        few_lines.images[chosen], few_lines.attributes[chosen], {3, 8}
    )
    keras.utils.set_random_seed(0)
    settings = training.Settings(epochs=2, batch_size=32)
    run = training.train(
        *(small_network(), few_lines, parts, settings, 0),
        verbose=0,
        watchers=[watcher],
    )
    assert watcher.curves["step"] == [3, 8]
    assert len(watcher.curves["joint"]) == len(watcher.curves["angle"]) == 2
    assert run.network is watcher.model


# --- bad input: refused before anything is trained ------------------------------------


@pytest.fixture
def nothing_is_trained(monkeypatch):
    def fit(*_, **__):
        raise AssertionError("a training was started")

    monkeypatch.setattr(keras.Model, "fit", fit)


def wrong_attributes(dataset, change):
    return dataclasses.replace(dataset, attributes=change(dataset.attributes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:, [0, 1, 3, 2]], "the column of color holds 2; expected"),
        (lambda a: a[:, [1, 0, 2, 3]], "the attributes are not those of the classes"),
        (
            lambda a: a[:, :3],
            r"have shape \(\d+, 3\); expected \(N, 4\): length, width",
        ),
        (lambda a: a[:, 0], r"have shape \(\d+,\); expected \(N, 4\)"),
        (lambda a: a + 0.5, "the column of length holds 0.5; expected"),
        (lambda a: a.astype(int) - 1, "the column of length holds -1; expected"),
    ],
)
@pytest.mark.usefixtures("nothing_is_trained")
def test_labels_in_another_order_or_shape(change, message, few_lines, parts):
    with pytest.raises(ValueError, match=message):
        train(wrong_attributes(few_lines, change), parts)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (EQUAL | {"angle": -1}, "loss weight of angle is -1; expected a number"),
        (EQUAL | {"angle": "2"}, "loss weight of angle is '2'; expected a number"),
        (EQUAL | {"width": None}, "loss weight of width is None"),
        (EQUAL | {"width": True}, "loss weight of width is True"),
        (EQUAL | {"width": np.float32(1)}, "loss weight of width is .*1.0"),
        (EQUAL | {"width": float("nan")}, "loss weight of width is nan"),
        (EQUAL | {"width": float("inf")}, "loss weight of width is inf"),
        ({"length": 1, "width": 1, "angle": 1}, "no loss weight for color: four"),
        (EQUAL | {"colour": 1}, "no head 'colour'; nearest: color; heads are length"),
        (EQUAL | {4: 1}, "no head 4"),
        ((1, 1, 1, 1), r"loss weights are \(1, 1, 1, 1\); expected a dict"),
        (dict.fromkeys(heads.NAMES, 0), "all four loss weights are 0"),
    ],
)
@pytest.mark.usefixtures("nothing_is_trained")
def test_loss_weights_that_are_none(weights, message, few_lines, parts):
    with pytest.raises(ValueError, match=message):
        train(few_lines, parts, loss_weights=weights)


@pytest.mark.usefixtures("nothing_is_trained")
def test_a_network_with_other_heads(few_lines, parts):
    image = keras.Input((28, 28, 3))
    x = layers.Flatten()(image)
    outputs = [layers.Dense(1, name=name)(x) for name in ("length", "breadth")]
    network = keras.Model(image, outputs)
    with pytest.raises(
        ValueError, match="heads are length, breadth; expected length, "
    ):
        training.train(network, few_lines, parts, training.Settings(1), 0)


@pytest.mark.usefixtures("nothing_is_trained")
def test_loss_weights_of_a_network_without_heads(few_lines, parts):
    settings = training.Settings(1, loss_weights=EQUAL)
    with pytest.raises(ValueError, match="but the network has a single output"):
        training.train(networks.tuned_cnn(), few_lines, parts, settings, 0)


@pytest.mark.usefixtures("nothing_is_trained")
def test_a_head_of_another_size(few_lines, parts):
    image = keras.Input((28, 28, 3))
    x = layers.Flatten()(image)
    outputs = [layers.Dense(2, name=name)(x) for name in heads.NAMES]
    network = keras.Model(image, outputs)
    with pytest.raises(ValueError, match=r"length gives \(None, 2\); expected \(N, 1"):
        training.train(network, few_lines, parts, training.Settings(1), 0)


@pytest.mark.usefixtures("nothing_is_trained")
def test_augmented_lines_would_have_other_labels(few_lines, parts):
    augmentation = augment.Augmentation(10, 0.1, 0.1, 2)
    with pytest.raises(ValueError, match="a turned line has another angle"):
        train(few_lines, parts, augmentation=augmentation)


@pytest.mark.usefixtures("nothing_is_trained")
def test_images_without_attributes(few_lines, parts):
    class Digits:
        name, images, classes = "digits", few_lines.images, few_lines.classes

    with pytest.raises(ValueError, match="the dataset digits has no attributes"):
        train(Digits, parts)


def test_a_layer_for_a_head_that_is_none():
    with pytest.raises(ValueError, match="no head 'colour'; nearest: color"):
        networks.head_output(keras.Input((3,)), "colour")


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda outputs: outputs[:3], "a list of 4 arrays, length, .*; received 3"),
        (lambda outputs: outputs[3], "received 50 in a ndarray"),
        (lambda outputs: outputs[::-1], r"head length gives \(50, 12\)"),
    ],
)
def test_outputs_that_are_not_those_of_the_heads(choose, message):
    with pytest.raises(ValueError, match=message):
        heads.probabilities(choose(make_outputs()))
