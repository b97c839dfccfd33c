"""Can class activation maps be trusted? Pictures: Q3/4_can_maps_be_trusted.

A *kind* of map is a method and, for methods on a layer, the layer: the first or the
last one with feature maps. Every test compares a kind with the same kind of map of a
network whose weights are shuffled, and with a rule that needs no network. Tests that
change the images are in ``map_interventions``.
"""

import typing

import keras
import numpy as np
from scipy import stats

from coursework import visualize
from coursework.training import effects, metrics

LAYERS = {  # after the ReLU; the last one is what tools take by default
    "plain_lines": {"first layer": "relu1", "last layer": "pool1"},
    "tuned_lines": {"first layer": "relu1", "last layer": "relu3"},
    "four_head_lines": {"first layer": "relu1", "last layer": "relu3"},
    "plain_mnist": {"first layer": "relu1", "last layer": "pool1"},
    "tuned_mnist": {"first layer": "relu1", "last layer": "relu4"},
}
KINDS = {  # label → method of ``visualize.METHODS``, key of a network's ``LAYERS``
    "Grad-CAM (first layer)": ("gradcam", "first layer"),
    "Grad-CAM (last layer)": ("gradcam", "last layer"),
    "HiResCAM (first layer)": ("hirescam", "first layer"),
    "HiResCAM (last layer)": ("hirescam", "last layer"),
    "LayerCAM (first layer)": ("layercam", "first layer"),
    "LayerCAM (last layer)": ("layercam", "last layer"),
    "integrated gradients": ("integrated_gradients", None),
}
ON_INK_ONLY = "integrated gradients"  # times the input, which is black elsewhere
LEVEL = 0.05  # below which a corrected p counts


def maps_of(network, name, images, target, head=None):
    """Maps of every kind.

    Args:
        network: a ``keras.Model``.
        name: str, a key of ``LAYERS``: the network, or that whose layers it has.
        images: (N, 28, 28, channels), pixels 0…255.
        target: int or (N,) ints, the class.
        head: str, the output; None is the first.

    Returns:
        dict, kind → (N, 28, 28) float32, at least 0.
    """
    layers = LAYERS[name] | {None: None}
    return {
        kind: visualize.class_activation_maps(
            network, images, layers[depth], head, target, method
        ).maps
        for kind, (method, depth) in KINDS.items()
    }


def shuffled(model, seed=0, network=None):
    """A network with the weights of a model, each array in random order.

    Args:
        model: a ``keras.Model``; it is not changed.
        seed: int.
        network: what this function gave before, which then gets the weights; what is
            compiled for it need not be compiled again. None is a new one.
    """
    network = network or keras.models.clone_model(model)
    rng = np.random.default_rng(seed)
    weights = [rng.permutation(w.ravel()).reshape(w.shape) for w in model.get_weights()]
    network.set_weights(weights)
    return network


def without_evidence(maps):
    """(N,) bool: maps, (N, height, width), in which nothing is positive."""
    return maps.max(axis=(1, 2)) <= 0


def mean_and_interval(values):
    """Mean of (N,) floats, its 95 % interval and p of a mean of 0 (Student's t).

    Returns:
        dict of floats: ``value``, ``low``, ``high``, ``p``.
    """
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval(0.95)
    fields = {"value": np.mean(values), "low": low, "high": high, "p": test.pvalue}
    return {name: float(value) for name, value in fields.items()}


def correct_for_many(rows, field="p"):
    """Replace the p of each row by one corrected for their number (Holm)."""
    corrected = effects.holm([row[field] for row in rows.values()])
    for row, p in zip(rows.values(), corrected, strict=True):
        row[field] = float(p)


# --- do maps point at the line? -------------------------------------------------------


def pointing(trained, random, images, masks):
    """How often the highest pixel is on the line, and how much of the map is.

    Args:
        trained, random: dict, kind → (N, 28, 28) maps; of the network, and of the same
            one with shuffled weights.
        images: (N, 28, 28, 3) uint8. masks: (N, 28, 28) bool.

    Returns:
        dict: ``rows``, kind → dict with ``value``, ``low`` and ``high`` (share of the
        maps that point at the line, Wilson's interval; a map without evidence does
        not), ``random`` (that share with shuffled weights), ``energy`` (share of the
        map's sum on the line) and ``without_evidence``; ``rules``, name → dict of
        ``value`` and ``energy``.
    """
    rows = {}
    for kind, maps in trained.items():
        hits = int(hit(maps, masks).sum())
        low, high = metrics.wilson(hits, len(masks))
        rows[kind] = {
            "value": hits / len(masks),
            "low": low,
            "high": high,
            "random": float(hit(random[kind], masks).mean()),
            "energy": visualize.evaluate_maps(maps, masks).energy,
            "without_evidence": float(without_evidence(maps).mean()),
        }
    brightness = images.max(axis=-1).astype(float)
    rules = visualize.baselines(images, masks)
    rules["image itself"] = visualize.evaluate_maps(brightness, masks)
    named = {n: {"value": s.pointing, "energy": s.energy} for n, s in rules.items()}
    return {"rows": rows, "rules": named}


def pointing_of(model, random, name, head, images, masks):
    """``pointing`` of one output of a model, for the class that it predicts.

    Args:
        model: a ``keras.Model``. random: what ``shuffled`` gives of it.
        name: str, as in ``maps_of``. head: str, or None.
        images, masks: as in ``pointing``.
    """
    first = visualize.class_activation_maps(model, images, head=head)
    both = [
        maps_of(network, name, images, first.predictions, head)
        for network in (model, random)
    ]
    return pointing(*both, images, masks)


def hit(maps, masks):
    """(N,) bool: the highest pixel of each map, (N, height, width), is on its mask."""
    maps, masks = (each.reshape(len(each), -1) for each in (maps, masks))
    highest = maps.argmax(axis=1)
    return masks[np.arange(len(maps)), highest] & (maps.max(axis=1) > 0)


# --- do maps depend on what was learned? ----------------------------------------------


def spearman(first, second, pixels):
    """Rank correlation of each pair of maps over some of the pixels.

    Args:
        first, second: (N, height, width). pixels: (N, height, width) bool.

    Returns:
        (N,) floats, −1…1; 0 where one of the two maps is constant.
    """
    correlations = np.zeros(len(first))
    for n, (one, two, chosen) in enumerate(zip(first, second, pixels, strict=True)):
        if np.ptp(one[chosen]) > 0 and np.ptp(two[chosen]) > 0:
            ranks = stats.rankdata([one[chosen], two[chosen]], axis=1)
            correlations[n] = np.corrcoef(ranks)[0, 1]
    return correlations


def similarities(original, others, masks):
    """How similar other maps are to the original ones.

    Args:
        original: dict, kind → (N, height, width) maps.
        others: dict: ``seed``, ``class`` and ``other``, each a dict like ``original``;
            ``random``, a list of such dicts, one for each shuffling.
        masks: (N, height, width) bool, the line.

    Returns:
        dict, "whole image" and "on the line" → kind → dict: for each of ``others`` what
        ``mean_and_interval`` gives for the correlations (``random``: their mean over
        the shufflings, and ``shuffles``, the value of each); ``added``, the same for
        ``seed`` minus ``random``: the similarity that learning adds. Its p is corrected
        (Holm). On the line there is no ``other``, whose line is elsewhere.
    """
    everywhere = np.ones_like(masks)
    found = {}
    for where, pixels in (("whole image", everywhere), ("on the line", masks)):
        names = ["seed", "class"] + ["other"] * (where == "whole image")
        found[where] = rows = {}
        for kind, maps in original.items():
            each = {n: spearman(maps, others[n][kind], pixels) for n in names}
            repeats = [spearman(maps, r[kind], pixels) for r in others["random"]]
            each["random"] = np.mean(repeats, axis=0)
            each["added"] = each["seed"] - each["random"]
            rows[kind] = {name: mean_and_interval(r) for name, r in each.items()}
            rows[kind]["random"]["shuffles"] = [float(r.mean()) for r in repeats]
        correct_for_many({kind: row["added"] for kind, row in rows.items()})
    return found


def compare_seeds(name, trained, random, images, masks, targets, head=None, repeats=3):
    """``similarities`` of a network and one that was trained with another seed.

    Args:
        name: str, as in ``maps_of``.
        trained: two ``keras.Model``, trained with different seeds.
        random: what ``shuffled`` gives of the first; shuffled anew for each repeat.
        images: (N, 28, 28, 3) uint8 of lines, in random order: the map of another line
            is that of the line before.
        masks: (N, 28, 28) bool.
        targets: two (N,) ints: the class of each line, and another class.
        head: str, or None.
        repeats: int.
    """
    (model, second), (same, another) = trained, targets
    original = maps_of(model, name, images, same, head)
    others = {
        "seed": maps_of(second, name, images, same, head),
        "class": maps_of(model, name, images, another, head),
        "other": {kind: np.roll(maps, 1, axis=0) for kind, maps in original.items()},
        "random": [
            maps_of(shuffled(model, seed, random), name, images, same, head)
            for seed in reversed(range(repeats))
        ],
    }
    return similarities(original, others, masks)


# --- verdicts -------------------------------------------------------------------------


class MapTest(typing.NamedTuple):
    """One of the four tests.

    Attributes:
        rows: dict, kind → dict with ``value``, ``low``, ``high`` and, in the first and
            third test, ``random``; in the others the value is a difference.
        rules: dict, name → float, what is to be exceeded.
        verdicts: dict, kind → True, False or, where it cannot miss, None.
    """

    rows: dict
    rules: dict
    verdicts: dict

    @property
    def best(self):
        """The kind with the largest value of those that pass; "no map" if none does."""
        kinds = [kind for kind, verdict in self.verdicts.items() if verdict]
        return max(kinds, key=lambda kind: self.rows[kind]["value"], default="no map")

    @property
    def best_of_a_layer(self):
        """The kind with the largest value of those that can miss the line."""
        kinds = [kind for kind in self.rows if kind != ON_INK_ONLY]
        return max(kinds, key=lambda kind: self.rows[kind]["value"])


def tests(results):
    """The four tests side by side, each on one network.

    Args:
        results: dict of what the tests gave: ``pointing`` and ``similarity`` (of
            ``tuned_lines`` at least), ``deletion`` (of ``plain_mnist``), ``gaps`` (of
            every seed; seed 0 is in the rows, and a kind must pass with all of them).

    Returns:
        dict, name of the test → ``MapTest``.
    """
    pointed = results["pointing"]["tuned_lines"]
    alike = results["similarity"]["tuned_lines"]["on the line"]
    added = {kind: row["added"] for kind, row in alike.items()}
    deleted, agreed = results["deletion"]["plain_mnist"], results["gaps"]["seed 0"]
    pixels = {rule: row["value"] for rule, row in deleted["rules"].items()}
    edges = {"Sobel": pointed["rules"]["Sobel"]["value"]}
    beyond = {kind: row["beyond_rule"] for kind, row in agreed["rows"].items()}
    pointing = MapTest(pointed["rows"], edges, verdicts_of_pointing(pointed))
    learning = MapTest(added, {"nothing learned": 0.0}, verdicts_of_learning(added))
    deletion = MapTest(deleted["rows"], pixels, verdicts_of_deletion(deleted))
    gaps = MapTest(beyond, {"the middle": 0.0}, with_every_seed(results["gaps"]))
    return {
        "Points at the line": pointing,
        "Depends on learning": learning,
        "Marks what counts": deletion,
        "Matches a gap's effect": gaps,
    }


def passed(results):
    """dict, kind → how many of ``tests`` it passes, those aside that it cannot miss."""
    verdicts = [test.verdicts for test in tests(results).values()]
    return {kind: sum(each[kind] is True for each in verdicts) for kind in KINDS}


def verdicts_of_pointing(found):
    """Which kinds point better than edges and shuffled weights; one cannot miss."""
    edges, rows = found["rules"]["Sobel"]["value"], found["rows"]
    verdicts = {k: row["low"] > max(edges, row["random"]) for k, row in rows.items()}
    return verdicts | {ON_INK_ONLY: None}


def verdicts_of_learning(added):
    """Which kinds are more similar for learning; ``added``: kind → interval and p."""
    return {kind: _is_more(row) for kind, row in added.items()}


def verdicts_of_deletion(found):
    """Which kinds find more than every rule and the map of shuffled weights."""
    most = max(rule["value"] for rule in found["rules"].values())
    return {
        kind: row["value"] > max(most, row["random"]) and row["p"] < LEVEL
        for kind, row in found["rows"].items()
    }


def unequally_fragile(found):
    """Orders of pixels by which wrong digits surely change more or less often."""
    orders = found["rows"] | found["rules"]
    return [kind for kind, row in orders.items() if row["p_wrong_or_right"] < LEVEL]


def verdicts_of_gaps(found):
    """Which kinds agree with the effect better than the rule and shuffled weights."""
    return {
        kind: _is_more(row["beyond_rule"]) and row["low"] > row["random"]
        for kind, row in found["rows"].items()
    }


def with_every_seed(found):
    """The same, with each seed: ``found`` is seed → ``map_interventions.agreement``."""
    by_seed = [verdicts_of_gaps(each) for each in found.values()]
    return {kind: all(each[kind] for each in by_seed) for kind in KINDS}


def _is_more(row):
    return row["value"] > 0 and row["p"] < LEVEL
