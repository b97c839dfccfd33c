"""Whether a class activation map agrees with what each position contributes.

The test of Q3/3_class_activation_maps: the features at one position of a layer are
replaced by those of a black image, and the fall of the score is compared with the map.
"""

import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from coursework import records
from coursework.studies import naming, similarity

LAYERS = {  # the last ones with more than 3×3 positions
    "plain_mnist": "pool1",
    "tuned_mnist": "relu3",
    "plain_lines": "pool1",
    "tuned_lines": "relu2",
    "four_head_lines": "relu2",
}


def of_all_networks(images):
    """``agreement`` for each network, and each head of the four.

    Args:
        images: dict, "lines" and "mnist" → (N, 28, 28, channels), pixels 0…255.

    Returns:
        Two dicts, "baseline, digits" for example → what ``agreement`` gives.
    """
    ranks, shares = {}, {}
    for name, layer in LAYERS.items():
        model, _ = records.load(name)
        chosen = images[name.rsplit("_", 1)[1]]
        below, above = split_at(model, layer)
        for head, output in enumerate(model.output_names):
            alone = len(model.outputs) == 1
            title = naming.label(name) if alone else f"{output} head"
            ranks[title], shares[title] = agreement(below, above, chosen, head)
    return ranks, shares


def split_at(model, layer):
    """Two networks: from the image to a layer, and from the layer to the scores.

    Args:
        model: a functional ``keras.Model``; the activations of its output layers are
            made linear, so that the second network gives scores before the softmax.
        layer: str, a layer that all outputs depend on.

    Returns:
        Two ``keras.Model``; the second has as many outputs as ``model``.
    """
    for name in model.output_names:
        model.get_layer(name).activation = keras.activations.linear
    features = model.get_layer(layer).output
    return keras.Model(model.inputs, features), keras.Model(features, model.outputs)


def agreement(below, above, images, head=0):
    """How signed maps before the ReLU agree with the fall of the score.

    The rank correlation is over positions that see ink: those whose features differ
    from the features of a black image. At the others the score cannot fall.

    Args:
        below, above: as ``split_at`` gives them.
        images: (N, height, width, channels), pixels 0…255.
        head: int, which output; of the predicted class.

    Returns:
        Two dicts: method → list of N rank correlations (Spearman), and method → list of
        N shares of the positive map at positions without ink. The method "ink" is a
        rule without a gradient, how far features are from black; "uniform" has the same
        value everywhere.
    """
    features = below.predict(images, batch_size=64, verbose=0)
    black = below.predict(np.zeros_like(images[:1]), verbose=0)[0]
    ranks, shares = {}, {}
    for each in features:
        gradient, sign, target = _gradient(above, each, head)
        fall = sign * fall_of_score(above, each, black, head, target)
        ink = np.any(each != black, axis=-1)
        for name, cam in _signed_maps(gradient, each, black).items():
            rank = stats.spearmanr(cam[ink], fall[ink]).statistic
            ranks.setdefault(name, []).append(float(rank))
            shares.setdefault(name, []).append(without_ink(cam, ink))
        shares.setdefault("uniform", []).append(without_ink(np.ones(ink.shape), ink))
    return ranks, shares


def without_ink(cam, ink):
    """The share of a map's positive values at positions without ink; 0 if it has none.

    Args:
        cam: (h, w) floats.
        ink: (h, w) bool.
    """
    positive = np.maximum(cam, 0)
    return float(positive[~ink].sum() / (positive.sum() or 1))


def _signed_maps(gradient, features, black):
    """Method → (h, w) floats; arguments are (h, w, K)."""
    difference, average = features - black, gradient.mean(axis=(0, 1))
    terms = {
        "Grad-CAM": average * features,
        "Grad-CAM, black subtracted": average * difference,
        "HiResCAM": gradient * features,
        "HiResCAM, black subtracted": gradient * difference,
        "ink": np.abs(difference),
    }
    return {name: values.sum(axis=-1) for name, values in terms.items()}


def answer(scores, black, share, other, beside):
    """What is measured of one of the two answers of a sigmoid neuron.

    Args:
        scores: (N,) of the answer, before the sigmoid, of images that get it.
        black: float, its score on a black image.
        share, other: (N,) 0…1, how much of a map is beside the line: the head's map,
            and that of a network without heads.
        beside: (N, h, w) bool, positions beside the line.
    """
    mean, half = similarity.mean_interval(share)
    return {
        "black": float(black),
        "lines": float(scores.mean()),
        "raised": int((scores > black).sum()),
        "images": len(scores),
        "beside": mean,
        "half": half,
        "other": float(other.mean()),
        "uniform": float(beside.mean()),
    }


def fall_of_score(above, features, black, head, target):
    """What the score loses when one position has the features of a black image.

    Args:
        above: from the layer to the scores.
        features, black: (h, w, K) floats.
        head: int; target: int, the column of its scores.

    Returns:
        (h, w) floats.
    """
    height, width, _ = features.shape
    one = np.eye(height * width).reshape(-1, height, width, 1)  # a position each
    changed = np.concatenate([features[None], features * (1 - one) + black * one])
    scores = _output(above(changed.astype(np.float32)), head)[:, target].numpy()
    return (scores[0] - scores[1:]).reshape(height, width)


def _gradient(above, features, head):
    """Gradient of the predicted class' score, its sign and column.

    A single sigmoid neuron has two classes: the score of class 0 is the negative one.
    """
    values = tf.constant(features[None])
    with tf.GradientTape() as tape:
        tape.watch(values)
        scores = _output(above(values), head)[0]
        target = int(tf.argmax(scores))
        sign = -1.0 if len(scores) == 1 and scores[0] < 0 else 1.0
        score = sign * scores[target]
    return tape.gradient(score, values)[0].numpy(), sign, target


def _output(outputs, head):
    return outputs[head] if isinstance(outputs, (list, tuple)) else outputs
