"""Sections 1.1 to 1.2.2 and 2.2 to 2.3 of the brief: data and networks."""

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import paths, records
from coursework.data import splits
from coursework.training import heads

SAMPLED = 1000  # test images that a network must classify as its record says
BORDERLINE = 2  # images that may be classified otherwise on another processor
OWN = {"plain_lines": "tuned_lines", "plain_mnist": "tuned_mnist"}
TO_TRY = ("filter size", "number of filters", "pooling", "depth", "learning rate decay")
ENDS = dict.fromkeys(heads.BINARY, (1, "sigmoid", "binary_crossentropy"))
ENDS["angle"] = (12, "softmax", "categorical_crossentropy")
TESTED = [
    *[("1.2.1", name, "accuracy") for name in OWN],
    *[("1.2.2", name, "accuracy") for name in OWN.values()],
    ("2.3", "four_head_lines", "joint_accuracy"),
]


@pytest.fixture
def name():
    """The network of the tests of section 2."""
    return "four_head_lines"


@pytest.mark.parametrize("name", records.NOTEBOOKS)
def test_1_1_sixty_to_forty(record, evidence):
    """60 % of the data for training, 40 % for testing"""
    told = record["dataset"]
    seen = told["train"] + told["validation"]
    assert seen * 4 == told["test"] * 6
    evidence(f"{told['name']}: {seen:,} to {told['test']:,}")


@pytest.mark.parametrize(("name", "count"), [("plain_lines", 96), ("plain_mnist", 10)])
def test_1_2_classes(name, count, record, dataset, evidence):
    """Classes of our line dataset and of MNIST"""
    assert np.shape(record["confusion"]) == (count, count)
    told = record["dataset"]
    assert dataset.sha256 == told["sha256"] or dataset.name != told["name"] == "mnist"
    evidence(f"models/{name}.json: {told['name']}, SHA-256 {told['sha256'][:8]}…")


@pytest.fixture(params=OWN)
def plain(load, request):
    """The layers of a baseline in their order, without input and scaling."""
    found = load(request.param)[0].layers
    for before, after in itertools.pairwise(found):
        assert after.input is before.output, f"{after.name} is not behind {before.name}"
    return [x for x in found if not isinstance(x, layers.InputLayer | layers.Rescaling)]


def test_1_2_1_seven_by_seven_convolution_with_32_filters(plain, evidence):
    """7×7 convolution, 32 filters, stride 1"""
    assert isinstance(plain[0], layers.Conv2D)
    found = plain[0].filters, plain[0].kernel_size, plain[0].strides
    assert found == (32, (7, 7), (1, 1))
    evidence(f"{plain[0].name} has 32 filters of 7×7, stride 1")


@pytest.mark.parametrize(
    ("position", "before"), [(1, layers.Conv2D), (6, layers.Dense)]
)
def test_1_2_1_relu(position, before, plain, evidence):
    """ReLU behind the convolution and behind the fully connected layer"""
    assert isinstance(plain[position - 1], before)
    assert plain[position - 1].activation is keras.activations.linear
    assert isinstance(plain[position], layers.ReLU)
    evidence(f"{plain[position].name} is behind {plain[position - 1].name}")


def test_1_2_1_batch_normalization(plain, evidence):
    """Batch normalization"""
    assert isinstance(plain[2], layers.BatchNormalization)
    evidence(f"{plain[2].name} is behind {plain[1].name}")


def test_1_2_1_two_by_two_max_pooling(plain, evidence):
    """2×2 max pooling, stride 2"""
    assert isinstance(plain[3], layers.MaxPooling2D)
    assert (plain[3].pool_size, plain[3].strides) == ((2, 2), (2, 2))
    evidence(f"{plain[3].name} pools 2×2, stride 2")


def test_1_2_1_fully_connected_layer_with_1024_units(plain, evidence):
    """Fully connected, 1024 units"""
    assert [type(x) for x in plain[4:6]] == [layers.Flatten, layers.Dense]
    assert plain[5].units == 1024
    evidence(f"{plain[5].name} has 1024 units, behind {plain[4].name}")


def test_1_2_1_only_the_classes_after_it(plain, evidence):
    """Nothing else but the classes"""
    assert len(plain) == 8
    assert plain[7].activation is keras.activations.softmax
    evidence(f"{plain[7].name} is the last, softmax over {plain[7].units}")


@pytest.mark.parametrize("name", OWN)
def test_1_2_1_adam_and_categorical_cross_entropy(name, record, evidence):
    """Adam, categorical cross-entropy"""
    told = record["training"]["compile"]
    assert told["optimizer"]["class_name"] == "Adam"
    assert re.search(r"\bcategorical_crossentropy\b", str(told["loss"]))
    evidence(f"models/{name}.json: training.compile")


@pytest.mark.parametrize("name", OWN)
def test_1_2_2_own_network_with_greater_accuracy(name, load, evidence):
    """An architecture of our own, more accurate"""
    plain, own = load(name), load(OWN[name])
    assert [type(x) for x in own[0].layers] != [type(x) for x in plain[0].layers]
    means = [records.spread(record)[0] for _, record in (plain, own)]
    assert means[1] > means[0]
    evidence(f"{OWN[name]} {means[1]:.3%}, {name} {means[0]:.3%}, means over seeds")


@pytest.mark.parametrize("kind", [*TO_TRY, "regularization", "loss", "optimizer"])
def test_1_2_2_things_to_try(kind, evidence):
    """Tried on lines and on digits"""
    for data in ("lines", "mnist"):
        study = records.read_study(f"variations_{data}", paths.ROOT / "models")
        rows = [row.partition(": ") for row in study["trials"]]
        tried = [what for about, _, what in rows if about == kind]
        assert tried, f"models/variations_{data}.json has no {kind}"
    evidence(", ".join(tried))


@pytest.mark.parametrize(("section", "name", "score"), TESTED)
def test_accuracy(section, name, score, network, record, dataset, evidence):
    """At least 70 % on the test data"""
    told, wrong = record["test"], record["test"]["wrong"]
    assert told[score] == told["accuracy"] >= 0.7
    assert round((1 - told[score]) * record["dataset"]["test"]) == len(wrong)
    evidence(f"{told[score]:.3%} of {record['dataset']['test']:,} test images")
    if dataset.name == record["dataset"]["name"]:  # else there is no MNIST here
        assert dataset.sha256 == record["dataset"]["sha256"]
        test = splits.split(dataset.classes).test
        sample = np.union1d(test[:: len(test) // SAMPLED], wrong).astype(int)
        outputs = network.predict(dataset.images[sample], verbose=0)
        if isinstance(outputs, list):
            outputs = heads.class_probabilities(outputs)
        found = sample[outputs.argmax(axis=1) != dataset.classes[sample]]
        differ = len(np.setxor1d(found, wrong))
        assert differ <= BORDERLINE, f"{differ} images are not classified as recorded"
        evidence(f"{len(sample)} predicted again")


def test_2_2_non_sequential_with_four_outputs(network, evidence):
    """A non-sequential CNN with 4 outputs"""
    assert len(network.inputs) == 1
    assert sorted(network.output_names) == sorted(ENDS)
    evidence(f"its outputs are {', '.join(network.output_names)}")


def test_2_2_feature_network_and_heads(network, evidence):
    """A feature network and 4 heads"""
    above = [set(keras.Model(network.inputs, x).layers) for x in network.outputs]
    shared = set.intersection(*above)
    own = [len(every - shared) for every in above]
    convolutions = [x for x in shared if isinstance(x, layers.Conv2D)]
    assert convolutions, "the heads share no convolution"
    assert all(own), "a head has no layer of its own"
    assert sum(own) == len(set.union(*above) - shared), "some heads share layers"
    evidence(f"{len(shared)} layers are shared by all heads, {own} are of one head")


@pytest.mark.parametrize("head", ENDS)
def test_2_2_end_of_a_head(head, network, record, evidence):
    """Neurons, activation and loss as directed"""
    last, loss = network.get_layer(head), record["training"]["compile"]["loss"][head]
    loss = loss if isinstance(loss, str) else loss["config"]["name"]
    found = last.units, last.activation.__name__, loss
    assert last.output is network.outputs[network.output_names.index(head)]
    assert found == ENDS[head]
    evidence(", ".join(map(str, found)))


def test_2_3_end_to_end_trainable(network, all_lines, evidence):
    """End-to-end trainable"""
    assert all(layer.trainable for layer in network.layers), "a layer is frozen"
    first = next(x for x in network.layers if isinstance(x, layers.Conv2D))
    with tf.GradientTape(persistent=True) as tape:
        outputs = [output[:, 0] for output in network(all_lines.images[::9000])]
    gradients = [tape.gradient(output, first.kernel.value) for output in outputs]
    missing = [g is None or not np.any(g) for g in gradients]
    assert not any(missing), f"no gradient at {first.name} from {sum(missing)} heads"
    evidence(f"nothing is frozen; each head has a gradient at {first.name}")


@pytest.mark.parametrize("head", ENDS)
def test_2_3_accuracy_of_each_head(head, record, evidence):
    """Accuracy of each head"""
    told = record["test"]["heads"][head]
    assert len(told["confusion"]) == heads.LEVELS[head]
    assert told["accuracy"] == np.trace(told["confusion"]) / record["dataset"]["test"]
    evidence(f"{told['accuracy']:.3%}")
