"""Sections 1.1 to 1.2.2 and 2.2 to 2.3: the data, and what the networks are."""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf

from coursework import heads, lines, mnist, paths, records, splits, training, variations

from brief import Requirement, evidence, need

SPECIFIED = (  # kinds of layers and what must be set; after scaling, before softmax
    ("Conv2D", {"filters": 32, "kernel_size": (7, 7), "strides": (1, 1)}),
    ("ReLU", {}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {"pool_size": (2, 2), "strides": (2, 2)}),
    ("Flatten", {}),
    ("Dense", {"units": 1024, "activation": "linear"}),
    ("ReLU", {}),
    ("Dense", {"activation": "softmax"}),
)
AROUND = ("InputLayer", "Rescaling")  # what a list of layers takes for granted
PLAIN = {"plain_lines": lines.CLASSES, "plain_mnist": mnist.CLASSES}
TUNED = {"plain_lines": "tuned_lines", "plain_mnist": "tuned_mnist"}
TO_TRY = {  # of 1.2.2, and the names of the variations that try it
    "Filter size": ("filter size: ",),
    "Number of filters": ("number of filters: ",),
    "Pooling vs strided convolution": ("pooling: ",),
    "Network architecture: can you do better with a deep network": ("depth: ",),
    "Learning rate decay": ("learning rate decay: ",),
    "Regularization: dropout or L2": ("regularization: dropout", "regularization: L2"),
    "Loss functions": ("loss: ",),
    "Optimizers": ("optimizer: ",),
}
HEAD_LOSSES = {
    "sigmoid": "binary_crossentropy",
    "softmax": "categorical_crossentropy",
}


# --- 1.1, 1.2: the data ---------------------------------------------------------------


def lines_are_96_classes():
    data = evidence.line_data()
    each = np.bincount(data.classes, minlength=lines.CLASSES)
    alike = (each == lines.PER_CLASS).all() and len(each) == lines.CLASSES
    need(alike, f"the classes have {each.min()} to {each.max()} images")
    need(data.sha256 == lines.SHA256, "the lines do not fit their checksum")
    shape = "×".join(map(str, data.images.shape[1:]))
    return f"built anew: {len(each)} classes × {each[0]:,} images of {shape}"


def digits_are_mnist():
    told = evidence.network("plain_mnist")[1]["dataset"]
    count = told["train"] + told["validation"] + told["test"]
    need(told["name"] == "mnist", f"the record was made on {told['name']}")
    need(count == 70_000, f"the record was made on {count:,} digits")
    data = evidence.digit_data()
    if data is None:
        return f"record: {count:,} digits of MNIST (data/mnist.npz is not here)"
    need(data.sha256 == told["sha256"], "the record was made on other digits")
    return f"{len(data.images):,} digits, by checksum those of the record"


def sixty_to_forty():
    told = []
    for name in evidence.NETWORKS:
        sizes = evidence.network(name)[1]["dataset"]
        seen = sizes["train"] + sizes["validation"]
        need(seen * 4 == sizes["test"] * 6, f"{name}: {seen} to {sizes['test']}")
    for data in filter(None, (evidence.line_data(), evidence.digit_data())):
        parts = splits.split(data.classes)
        seen = len(parts.train) + len(parts.validation)
        test = len(parts.test)
        need(seen * 4 == test * 6, f"{data.name} are split {seen} to {test}")
        need(_disjoint(parts), f"the parts of {data.name} overlap")
        told.append(f"{data.name} {seen:,} to {test:,}")
    if evidence.digit_data() is None:
        told.append(f"mnist {seen_of('plain_mnist')} (record)")
    return f"{', '.join(told)}; so say the records of all networks"


def _disjoint(parts):
    everything = np.concatenate(parts)
    return len(np.unique(everything)) == len(everything)


def seen_of(name):
    """How many images a network's record says it saw and was tested on."""
    sizes = evidence.network(name)[1]["dataset"]
    return f"{sizes['train'] + sizes['validation']:,} to {sizes['test']:,}"


# --- 1.2.1: the specified network -----------------------------------------------------


def specified_layers(*positions):
    """The layers at these positions of ``SPECIFIED``, of both saved networks."""
    told = []
    for position in positions:
        kind, settings = SPECIFIED[position]
        for name in PLAIN:
            layer = _inner_layers(name)[position]
            need(type(layer).__name__ == kind, f"{name}: {layer.name} is no {kind}")
            config = layer.get_config()
            for field, value in settings.items():
                _need_setting(f"{name}: {layer.name}", field, config[field], value)
        told.append(f"{layer.name} is {kind}{_described(settings)}")
    return f"{', '.join(told)}, in {' and '.join(PLAIN)}"


def _need_setting(where, field, found, wanted):
    found = tuple(found) if isinstance(found, list) else found
    need(found == wanted, f"{where} has {field} {found}, not {wanted}")


def _described(settings):
    return "".join(f" {field} {value}" for field, value in settings.items())


def _inner_layers(name):
    """Layers but scaling: as many as specified, each fed by the one before it."""
    layers = evidence.network(name)[0].layers
    for before, after in itertools.pairwise(layers):
        need(after.input is before.output, f"{name}: {after.name} skips {before.name}")
    found = [layer for layer in layers if type(layer).__name__ not in AROUND]
    kinds = [type(layer).__name__ for layer in found]
    need(len(found) == len(SPECIFIED), f"{name} has the layers {', '.join(kinds)}")
    return found


def plain_outputs():
    specified_layers(7)
    for name, classes in PLAIN.items():
        units = evidence.network(name)[0].output_shape[-1]
        need(units == classes, f"{name} tells {units} classes, not {classes}")
    return (
        f"softmax over {' and '.join(map(str, PLAIN.values()))} classes, nothing else"
    )


def adam_and_cross_entropy():
    for name in PLAIN:
        told = evidence.network(name)[1]["optimizer"]
        need(told["name"] == "Adam", f"{name} was trained by {told['name']}")
        need(told["loss"] == training.LOSS, f"{name} was trained on {told['loss']}")
    return f"records of {' and '.join(PLAIN)}: Adam, {training.LOSS}"


def tested(*names):
    return "; ".join(evidence.accuracy(name)[1] for name in names)


# --- 1.2.2: a network of one's own ----------------------------------------------------


def better_network():
    told = []
    for plain, tuned in TUNED.items():
        ours, given = (evidence.network(name)[1] for name in (tuned, plain))
        same = ours["architecture_sha256"] == given["architecture_sha256"]
        need(not same, f"{tuned} has the architecture of {plain}")
        means = [records.spread(record)[0] for record in (ours, given)]
        need(means[0] > means[1], f"{tuned} is not better than {plain}")
        seeds = len(ours["repeats"])
        told.append(f"{tuned} {means[0]:.3%}, {plain} {means[1]:.3%}, {seeds} seeds")
    return "; ".join(told)


def tried(beginnings):
    told = []
    for data in ("lines", "mnist"):
        comparisons = variations.read(data, paths.ROOT / "models")
        names = [comparison.name for comparison in comparisons]
        for beginning in beginnings:
            found = [n for n in names if n.startswith(beginning)]
            need(found, f"no variation “{beginning}…” on {data}")
            told += [n.removeprefix(beginning.split(": ")[0] + ": ") for n in found]
    return f"tried on lines and on digits: {'; '.join(dict.fromkeys(told))}"


def at_least_70_percent(*names):
    told = []
    for name in names:
        share, words = evidence.accuracy(name)
        need(share >= evidence.LEAST_ACCURACY, f"only {words}")
        told.append(words)
    return "; ".join(told)


# --- 2.2, 2.3: the four heads ---------------------------------------------------------


def four_outputs():
    network = evidence.network("four_head_lines")[0]
    need(heads.are_on(network), f"its outputs are {', '.join(network.output_names)}")
    return f"saved model: one input, outputs {', '.join(network.output_names)}"


def feature_network_and_heads():
    network = evidence.network("four_head_lines")[0]
    above = [
        {layer.name for layer in keras.Model(network.inputs, output).layers}
        for output in network.outputs
    ]
    shared = set.intersection(*above)
    own = [names - shared for names in above]
    kinds = [type(network.get_layer(name)).__name__ for name in shared]
    need("Conv2D" in kinds, "the heads share no convolution")
    need(all(own), "a head has no layer of its own")
    apart = sum(map(len, own)) == len(set.union(*own))
    need(apart, "some layers belong to two or three heads")
    return (
        f"{len(shared)} layers lead to all heads, {kinds.count('Conv2D')} of them "
        f"convolutions; {', '.join(str(len(names)) for names in own)} are one head's"
    )


def head_ends(names, units, activation):
    network, record = evidence.network("four_head_lines")
    wanted, losses = HEAD_LOSSES[activation], heads.make_losses()
    for name in names:
        layer = network.get_layer(name)
        config = layer.get_config()
        _need_setting(name, "units", config["units"], units)
        _need_setting(name, "activation", config["activation"], activation)
        loss = losses[name].name
        need(loss == wanted, f"{name} is trained on {loss}, not on {wanted}")
    told = record["optimizer"]["loss"]
    need(told == heads.LOSS, f"the record says another loss: {told}")
    ends = "neuron" if units == 1 else "neurons"
    return f"{', '.join(names)}: {units} {activation} {ends} each, {wanted}"


def trainable_end_to_end():
    """Each head's loss must move the first convolution, all together every weight."""
    fresh = keras.models.clone_model(evidence.network("four_head_lines")[0])
    network = keras.Model(fresh.inputs, fresh.outputs)
    data = evidence.line_data()
    rows = np.arange(0, len(data.images), len(data.images) // lines.CLASSES)
    targets, losses = heads.targets(data, rows), heads.make_losses()
    with tf.GradientTape(persistent=True) as tape:
        outputs = dict(zip(heads.NAMES, network([data.images[rows]]), strict=True))
        parts = {n: losses[n](targets[n], outputs[n]) for n in heads.NAMES}
        whole = sum(parts.values())
    first = network.get_layer("conv1").kernel.value
    for name, part in parts.items():
        need(_moves(tape, part, first), f"the loss of {name} does not reach conv1")
    weights = [variable.value for variable in network.trainable_variables]
    stuck = sum(not _moves(tape, whole, weight) for weight in weights)
    need(not stuck, f"{stuck} of {len(weights)} arrays of weights get no gradient")
    frozen = [layer.name for layer in network.layers if not layer.trainable]
    need(not frozen, f"not trainable: {', '.join(frozen)}")
    return f"each head's loss reaches conv1; all {len(weights)} arrays get a gradient"


def _moves(tape, loss, weight):
    gradient = tape.gradient(loss, weight)
    return gradient is not None and bool(tf.reduce_any(gradient != 0))


def accuracy_of_each_head():
    test = evidence.predict_test("four_head_lines")
    told = evidence.network("four_head_lines")[1]["test"]["heads"]
    truth = heads.levels_of(test.dataset.attributes[test.rows])
    said = heads.predicted(test.outputs)
    found = {name: float((said[name] == truth[name]).mean()) for name in heads.NAMES}
    for name, share in found.items():
        apart = abs(share - told[name]["accuracy"])
        need(apart <= evidence.TOLERANCE, f"{name}: {share:.2%} here, record differs")
    shares = ", ".join(f"{name} {share:.2%}" for name, share in found.items())
    return f"measured on {len(test.rows):,} test images: {shares}"


def accuracy_of_the_whole():
    told = evidence.network("four_head_lines")[1]["test"]
    need("joint_accuracy" in told, "the record has no joint accuracy")
    return f"all four heads right: {evidence.accuracy('four_head_lines')[1]}"


partial = functools.partial
REQUIREMENTS = [
    Requirement("1.1", "60 % for training, 40 % for testing", sixty_to_forty),
    Requirement("1.2", "The line dataset: 96 classes", lines_are_96_classes),
    Requirement("1.2", "MNIST: 10 classes", digits_are_mnist),
    Requirement(
        *("1.2.1 (1)", "7×7 convolution, 32 filters, stride 1"),
        partial(specified_layers, 0),
    ),
    Requirement("1.2.1 (2)", "ReLU", partial(specified_layers, 1)),
    Requirement("1.2.1 (3)", "Batch normalization", partial(specified_layers, 2)),
    Requirement("1.2.1 (4)", "2×2 max pooling, stride 2", partial(specified_layers, 3)),
    Requirement(
        *("1.2.1 (5)", "Fully connected, 1024 units"), partial(specified_layers, 4, 5)
    ),
    Requirement("1.2.1 (6)", "ReLU", partial(specified_layers, 6)),
    Requirement("1.2.1", "The classes after it, and no other layer", plain_outputs),
    Requirement("1.2.1", "Adam, categorical cross-entropy", adam_and_cross_entropy),
    Requirement("1.2.1", "Tested on the test data", partial(tested, *PLAIN)),
    Requirement("1.2.2", "A network of your own, more accurate", better_network),
    *(
        Requirement("1.2.2", text, partial(tried, names))
        for text, names in TO_TRY.items()
    ),
    Requirement(
        *("1.2.2", "At least 70 % on the test set"),
        partial(at_least_70_percent, *TUNED.values()),
    ),
    Requirement("2.2", "Non-sequential, 4 outputs", four_outputs),
    Requirement("2.2", "A feature network and 4 heads", feature_network_and_heads),
    Requirement(
        *("2.2", "Length, width, color: 1 sigmoid neuron, binary cross-entropy"),
        partial(head_ends, heads.BINARY, 1, "sigmoid"),
    ),
    Requirement(
        *("2.2", "Angle: 12 softmax neurons, categorical cross-entropy"),
        partial(head_ends, ("angle",), 12, "softmax"),
    ),
    Requirement("2.3 (3)", "End to end trainable", trainable_end_to_end),
    Requirement("2.3 (6)", "Accuracy of each of the 4 heads", accuracy_of_each_head),
    Requirement("2.3 (5, 6)", "Accuracy of the whole network", accuracy_of_the_whole),
    Requirement(
        *("2.3", "At least 70 % on the test set"),
        partial(at_least_70_percent, "four_head_lines"),
    ),
]
