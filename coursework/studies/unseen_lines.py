"""What the networks answer to lines that no training showed: Q2/2_unseen_lines.

One quantity is varied; the others are those of the same sample of lines, so that all
values are compared on the same lines. A network with 96 classes answers like four
heads: its probabilities are added up by attribute.
"""

import keras
import numpy as np
from sklearn import metrics

from coursework.data import lines, unseen
from coursework.training import heads

BATCH = 512
VALUES = {  # of each attribute: px, px, share of blue, degrees from the angle below
    "length": np.arange(3, 21.5, 0.5),
    "width": np.arange(0.5, 6.25, 0.25),
    "color": np.linspace(0, 1, 21),
    "angle": np.arange(0, 16),
}
SURE = 0.9  # a higher confidence is called high
UNITS = {"length": "px", "width": "px", "color": "share of blue", "angle": "degrees"}
NEW_COLORS = {
    "green": (0, 255, 0),
    "purple": (128, 0, 128),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
}
INK = {"length": np.arange(7, 16), "width": np.arange(1, 3.25, 0.25)}  # px


def answers(network, images):
    """The probability of each level of each attribute.

    Args:
        network: a ``keras.Model`` with four heads, or with 96 classes.
        images: (N, 28, 28, 3), pixels 0…255.

    Returns:
        dict, name of ``heads.NAMES`` → (N, levels) floats that sum to 1.
    """
    outputs = network.predict(images, batch_size=BATCH, verbose=0)
    if isinstance(outputs, list):
        return heads.probabilities(outputs)
    table = outputs.reshape(-1, *lines.LEVELS)
    axes = {name: axis for axis, name in enumerate(lines.ATTRIBUTES, start=1)}
    return {
        name: table.sum(axis=tuple(set(axes.values()) - {axes[name]}))
        for name in heads.NAMES
    }


def correct(network, images, levels):
    """(N,) bool: all four attributes are right.

    Args:
        network, images: as for ``answers``.
        levels: dict, as ``unseen.Sample.levels`` gives.
    """
    found = answers(network, images)
    right = [found[name].argmax(axis=1) == levels[name] for name in heads.NAMES]
    return np.all(right, axis=0)


# --- psychometric curves --------------------------------------------------------------


def vary(chosen, attribute, value):
    """Lines with one attribute at a value of ``VALUES``.

    Args:
        chosen: an ``unseen.Sample``, with angles of the dataset.
        attribute: one of ``heads.NAMES``.
        value: float; that of the angle is added to the line's.

    Returns:
        An ``unseen.Sample``.

    Raises:
        ValueError: there is no such head.
    """
    heads.check(attribute)
    if attribute == "length":
        return chosen.but(lengths=value)
    if attribute == "width":
        return chosen.but(widths=value)
    if attribute == "color":
        return chosen.but(colors=(1 - value) * unseen.RED + value * unseen.BLUE)
    return chosen.but(angles=chosen.angles + value)


def curve(network, attribute, chosen, values):
    """Probability of the upper level of an attribute, by its value.

    Of the angle: of the next angle of the dataset, among it and the one below.

    Args:
        network: as for ``answers``.
        attribute, chosen: as for ``vary``.
        values: (V,) floats.

    Returns:
        (V, 2) floats: mean over the lines, and standard deviation.
    """
    images = np.concatenate([vary(chosen, attribute, v).draw() for v in values])
    found = answers(network, images)[attribute]
    found = found.reshape(len(values), len(chosen.lengths), -1)
    upper = found[..., 1]
    if attribute == "angle":
        rows, level = np.arange(len(chosen.lengths)), chosen.levels()["angle"]
        low = found[:, rows, level]
        high = found[:, rows, (level + 1) % len(lines.ANGLES)]
        upper = high / np.maximum(low + high, 1e-12)
    return np.stack([upper.mean(axis=1), upper.std(axis=1)], axis=1)


def threshold(values, probabilities):
    """Where a curve first crosses one half, and how steeply.

    Args:
        values: (V,) rising floats. probabilities: (V,) floats, 0…1.

    Returns:
        (value, slope per unit of it), interpolated linearly; (nan, nan) if there is no
        crossing.
    """
    above = np.asarray(probabilities) > 0.5
    crossings = np.flatnonzero(above[1:] != above[:-1])
    if not len(crossings):
        return float("nan"), float("nan")
    k = crossings[0]
    slope = (probabilities[k + 1] - probabilities[k]) / (values[k + 1] - values[k])
    return float(values[k] + (0.5 - probabilities[k]) / slope), float(slope)


def psychometric(networks, chosen):
    """Curves and thresholds of all attributes and networks.

    Args:
        networks: dict, name → network.
        chosen: as for ``vary``.

    Returns:
        dict, attribute → dict: ``values``; ``curves``, network → (V, 2) list;
        ``thresholds``, network → (value, slope).
    """
    found = {}
    for attribute, values in VALUES.items():
        curves = {
            n: curve(net, attribute, chosen, values) for n, net in networks.items()
        }
        found[attribute] = {
            "values": values.tolist(),
            "curves": {n: c.round(4).tolist() for n, c in curves.items()},
            "thresholds": {n: threshold(values, c[:, 0]) for n, c in curves.items()},
        }
    return found


def blue_of_new_colors(networks, chosen):
    """Mean probability of blue: dict, color of ``NEW_COLORS`` → network → float."""
    return {
        name: {
            each: float(answers(network, images)["color"][:, 1].mean())
            for each, network in networks.items()
        }
        for name, color in NEW_COLORS.items()
        for images in [chosen.but(colors=color).draw()]
    }


# --- interventions --------------------------------------------------------------------


def interventions(network, attribute, chosen):
    """Probability of "long" or "thick" where length (width) or ink are held.

    Args:
        network: as for ``answers``.
        attribute: "length" or "width".
        chosen: an ``unseen.Sample``.

    Returns:
        dict, what was done → list of means, one for each value of ``INK``: the length
        (width) of a full line, or of a line with as much ink as these images.
    """
    values = INK[attribute]
    low, high = values[0], values[-1]
    largest = vary(chosen, attribute, high)
    shares = values / high
    varied = [vary(chosen, attribute, value) for value in values]
    pairs = zip(varied, values, strict=True)
    done = {
        f"{attribute} varied": [each.draw() for each in varied],
        f"{attribute} varied, same ink": [e.dimmed(low / v).draw() for e, v in pairs],
        "darker": [largest.dimmed(share).draw() for share in shares],
        "pixels left out": [unseen.with_pixels_left_out(largest, s) for s in shares],
    }
    if attribute == "length":
        done["gap in the middle"] = [unseen.with_gap(largest, high - v) for v in values]

    def mean(images):
        return round(float(answers(network, images)[attribute][:, 1].mean()), 4)

    return {name: list(map(mean, images)) for name, images in done.items()}


# --- robustness and calibration -------------------------------------------------------


def robustness(networks, chosen):
    """How many lines are all right under each corruption.

    Args:
        networks: dict, name → network.
        chosen: an ``unseen.Sample``.

    Returns:
        dict, name of ``unseen.CORRUPTIONS`` → dict: ``severities``; ``correct``,
        network → list of int; the first severity is 0.
    """
    levels, found = chosen.levels(), {}
    for name, (_, severities, _) in unseen.CORRUPTIONS.items():
        counts = {network: [] for network in networks}
        for severity in (0, *severities):
            images = unseen.corrupt(name, chosen, severity)
            for each, network in networks.items():
                counts[each].append(int(correct(network, images, levels).sum()))
        found[name] = {"severities": [0, *severities], "correct": counts}
    return found


def sureness(networks, images):
    """How sure the networks are of each image.

    Args:
        networks: dict, name → network.
        images: (N, 28, 28, 3), pixels 0…255.

    Returns:
        dict, network → what ``sureness_of`` gives.
    """
    found = {name: answers(network, images) for name, network in networks.items()}
    return {name: sureness_of(each) for name, each in found.items()}


def sureness_of(found):
    """How sure ``answers`` are: dict of (N,) floats.

    ``confidence``, the probability of the most probable class, 0…1, and ``entropy``,
    the sum of those of the four answers, in nats.
    """
    each = found.values()
    entropies = [-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1) for p in each]
    confidence = np.prod([p.max(axis=1) for p in each], axis=0)
    return {"confidence": confidence, "entropy": sum(entropies)}


def summary(inside, outside):
    """How well the entropy tells images without an answer from those with one.

    Args:
        inside, outside: of one network, as ``sureness`` gives.

    Returns:
        dict of floats: ``confidence``, the median outside; ``sure``, their share with
        more than ``SURE``; ``auc``, the area under the ROC curve.
    """
    truth = np.repeat([0, 1], [len(each["entropy"]) for each in (inside, outside)])
    values = np.concatenate([inside["entropy"], outside["entropy"]])
    return {
        "confidence": float(np.median(outside["confidence"])),
        "sure": float((outside["confidence"] > SURE).mean()),
        "auc": float(metrics.roc_auc_score(truth, values)),
    }


def images_outside(count, digits, seed=0):
    """Images that have no right answer.

    Args:
        count: int, N of each kind but the empty one.
        digits: (M, 28, 28, 1) uint8, M ≥ N.
        seed: int.

    Returns:
        dict, kind → (N, 28, 28, 3) uint8.
    """
    random = np.random.default_rng(seed)
    first, second = (unseen.sample(count, seed + k).draw() for k in (1, 2))
    colored = np.zeros((count, 28, 28, 3), np.uint8)
    channels = random.choice([0, 2], count)
    colored[np.arange(count), ..., channels] = digits[:count, ..., 0]
    return {
        "no line": np.zeros((1, 28, 28, 3), np.uint8),
        "only noise": random.integers(0, 256, (count, 28, 28, 3), np.uint8),
        "two lines": np.maximum(first, second),
        "a digit": colored,
    }


# --- remedy ---------------------------------------------------------------------------


class AugmentedBatches(keras.utils.PyDataset):
    """Batches of dataset lines and of freshly drawn, noisy ones, half and half.

    The drawn ones are those of ``unseen.varied``. A batch depends on seed, epoch and
    number alone, not on when it is made.

    Args:
        images, targets: of the train part; targets are a dict by head.
        batch_size: int, even.
        noise: float, gray levels.
        seed: int.
    """

    def __init__(self, images, targets, batch_size, noise=96, seed=0):
        super().__init__()
        self._images, self._targets = images, targets
        self._half, self._noise, self._seed = batch_size // 2, noise, seed
        self._epoch = -1
        self.on_epoch_end()

    def __len__(self):
        return len(self._images) // self._half

    def on_epoch_end(self):
        self._epoch += 1
        random = np.random.default_rng((self._seed, self._epoch))
        self._order = random.permutation(len(self._images))

    def __getitem__(self, number):
        chosen = self._order[number * self._half :][: self._half]
        seed = (self._seed, self._epoch, number)
        drawn, levels = unseen.varied(len(chosen), self._noise, seed)
        fresh = heads.targets_of(levels)
        targets = {
            name: np.concatenate([self._targets[name][chosen], fresh[name]])
            for name in heads.NAMES
        }
        return np.concatenate([self._images[chosen], drawn]), targets
