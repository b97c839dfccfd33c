"""Do maps show what an answer rests on? Images are changed: Q3/4_can_maps_be_trusted.

Pixels that a map ranks highest are deleted from digits, and a gap is moved along lines.
"""

import keras
import numpy as np
from scipy import optimize

from coursework.studies import maps as map_study
from coursework.training import metrics

BATCH = 512
MOST = 300  # wrong digits that are looked at

# --- does deleting what a map marks change the prediction? ----------------------------


def matched(model, images, truth):
    """Wrong digits, and right ones of which the model is as sure.

    The margin is the difference of the two largest scores before the softmax. Each
    wrong digit has a right one of its own; the differences of their margins add up to
    the smallest possible sum.

    Args:
        model: a ``keras.Model`` of digits.
        images: (N, 28, 28, 1) uint8. truth: (N,) ints.

    Returns:
        (2·W,) ints, positions of W wrong digits (``MOST`` at most) and then of the
        right ones; (2·W,) ints, what the model predicts for them.
    """
    probabilities = model.predict(images, batch_size=BATCH, verbose=0)
    predicted = probabilities.argmax(axis=1)
    largest = np.sort(np.log(np.maximum(probabilities, 1e-30)), axis=1)[:, -2:]
    margins = largest[:, 1] - largest[:, 0]
    wrong = np.flatnonzero(predicted != truth)[:MOST]
    right = np.flatnonzero(predicted == truth)
    distances = np.abs(margins[wrong][:, None] - margins[right])
    rows, columns = optimize.linear_sum_assignment(distances)
    chosen = np.concatenate([wrong[rows], right[columns]])
    return chosen, predicted[chosen]


def without_highest(images, maps, count, seed=0):
    """Images without those pixels of the stroke that a map ranks highest.

    Args:
        images: (N, height, width, 1) uint8, strokes on black.
        maps: (N, height, width) floats; equal values are ordered at random.
        count: int, pixels of each image.
        seed: int.

    Returns:
        (N, height, width, 1) uint8.
    """
    flat = images.reshape(len(images), -1).copy()
    ranked = np.where(flat > 0, maps.reshape(len(images), -1), -np.inf)
    ties = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((ties, -ranked), axis=1)
    np.put_along_axis(flat, order[:, :count], 0, axis=1)
    return flat.reshape(images.shape)


def deletion(model, shuffled, name, images, truth, pixels):
    """How many predictions change when the highest pixels of a stroke are deleted.

    Args:
        model: a ``keras.Model`` of digits. shuffled: as ``maps.shuffled`` gives it.
        name: str, as in ``maps.maps_of``.
        images, truth: as in ``matched``, which chooses among them.
        pixels: int, how many are deleted from each image.

    Returns:
        dict: ``digits``, how many wrong ones; ``pixels``; ``rows`` and ``rules``, order
        of the pixels → what ``_changes`` gives. Rows have ``random`` besides, the
        share that changes by the order of a network with shuffled weights; their p is
        the largest of those against each rule and that order. The p are corrected
        (Holm).
    """
    chosen, predicted = matched(model, images, truth)
    images = images[chosen]
    noise = np.random.default_rng(0).random(images.shape[:3])

    def changed(order):
        deleted = without_highest(images, order, pixels)
        outputs = model.predict(deleted, batch_size=BATCH, verbose=0)
        return outputs.argmax(axis=1) != predicted

    by_rule = {
        "random pixels": changed(noise),
        "brightest pixels": changed(images[..., 0] + noise),
    }
    rules = {r: _changes(c, [by_rule["random pixels"]]) for r, c in by_rule.items()}
    random, rows = map_study.maps_of(shuffled, name, images, predicted), {}
    for kind, maps in map_study.maps_of(model, name, images, predicted).items():
        control = changed(random[kind])
        rows[kind] = _changes(changed(maps), [*by_rule.values(), control])
        rows[kind]["random"] = float(control.mean())
    map_study.correct_for_many(rows)
    map_study.correct_for_many(rows | rules, "p_wrong_or_right")
    sizes = {"digits": len(images) // 2, "pixels": pixels}
    return sizes | {"rows": rows, "rules": rules}


def _changes(changed, controls):
    """Counts, shares and tests of one order of the pixels.

    Args:
        changed: (2·W,) bool: the prediction changes; wrong digits first.
        controls: list of the same for other orders.

    Returns:
        dict: ``wrong`` and ``right``, how many change; ``value``, ``low``, ``high``,
        the share of all (Wilson); ``p``, the largest of a difference from a control,
        and ``p_wrong_or_right`` of one between wrong and right (McNemar).
    """
    wrong, right = np.split(changed, 2)
    low, high = metrics.wilson(int(changed.sum()), len(changed))
    return {
        "wrong": int(wrong.sum()),
        "right": int(right.sum()),
        "value": float(changed.mean()),
        "low": low,
        "high": high,
        "p": max(_p_of_difference(changed, control) for control in controls),
        "p_wrong_or_right": _p_of_difference(wrong, right),
    }


def _p_of_difference(first, second):
    """Float: McNemar's test of two (N,) bool."""
    return metrics.mcnemar(np.flatnonzero(first), np.flatnonzero(second)).p


# --- do maps agree with what the length head uses? ------------------------------------


def gaps(chosen, positions, size=2.0):
    """The ink that a gap takes from each line, at each position along it.

    Args:
        chosen: an ``unseen.Sample`` of N lines.
        positions: (P,) floats, px from the middle of the line.
        size: float, px.

    Returns:
        (P, N, 28, 28, 3) uint8; a line minus this is the line with the gap.
    """
    piece = chosen.but(lengths=size)
    return np.stack([piece.shifted(position).draw() for position in positions])


def length_scores(network, images):
    """(N,) floats: the score of "long" before the sigmoid."""
    head = network.get_layer("length")
    before = keras.Model(network.inputs, head.input)
    kernel, bias = head.get_weights()
    features = before.predict(images, batch_size=BATCH, verbose=0)
    return (features @ kernel + bias)[:, 0]


def effects_of_gaps(network, full, pieces):
    """(N, P) floats: how much each gap lowers the score of "long".

    Args:
        network: a ``keras.Model`` with the four heads.
        full: (N, 28, 28, 3) uint8. pieces: what ``gaps`` gives.
    """
    lowered = [length_scores(network, full - piece) for piece in pieces]
    return length_scores(network, full)[:, None] - np.stack(lowered, axis=1)


def profiles(maps, pieces):
    """(N, P) floats: the mean of a map, (N, 28, 28), over the ink of each gap."""
    ink = pieces.sum(axis=-1, dtype=float)
    return ((maps * ink).sum(axis=(2, 3)) / ink.sum(axis=(2, 3))).T


def rank_correlations(first, second):
    """(N,) floats: Spearman's correlation of each row of two (N, P) arrays."""
    everywhere = np.ones((*first.shape, 1), bool)
    return map_study.spearman(first[..., None], second[..., None], everywhere)


def agreement(network, shuffled, chosen, positions):
    """Whether maps of the length head are high where a gap lowers its score.

    Args:
        network: a ``keras.Model`` with the four heads. shuffled: as ``maps.shuffled``
            gives it.
        chosen: an ``unseen.Sample`` of N long lines.
        positions: as for ``gaps``.

    Returns:
        dict: ``positions``; ``effect``, (P,) list, mean over the lines; ``still_long``,
        share of the answers; ``profiles``, kind → (P,) list, relative to their mean;
        ``rows``, kind → what ``maps.mean_and_interval`` gives for the correlation of
        map and effect, ``random`` (for the map of shuffled weights), ``other_line``
        (for the effect in another line) and ``beyond_rule``, the same for the
        difference from the rule; ``rules``.
    """
    full, pieces = chosen.draw(), gaps(chosen, positions)
    effect = effects_of_gaps(network, full, pieces)
    both = (
        map_study.maps_of(each, "four_head_lines", full, 1, "length")
        for each in (network, shuffled)
    )
    trained, random = (
        {kind: profiles(maps, pieces) for kind, maps in by_kind.items()}
        for by_kind in both
    )
    middle = np.broadcast_to(-np.abs(positions), effect.shape)
    by_rule = rank_correlations(middle, effect)
    rows = {}
    for kind, along in trained.items():
        values = rank_correlations(along, effect)
        rows[kind] = map_study.mean_and_interval(values)
        rows[kind]["random"] = float(rank_correlations(random[kind], effect).mean())
        other_line = rank_correlations(along, np.roll(effect, 1, axis=0))
        rows[kind]["other_line"] = float(other_line.mean())
        rows[kind]["beyond_rule"] = map_study.mean_and_interval(values - by_rule)
    map_study.correct_for_many(rows)
    map_study.correct_for_many({kind: row["beyond_rule"] for kind, row in rows.items()})
    lengths = length_scores(network, full)[:, None] - effect
    return {
        "positions": list(map(float, positions)),
        "effect": effect.mean(axis=0).round(4).tolist(),
        "still_long": float((lengths > 0).mean()),
        "profiles": {
            k: (p / p.mean()).mean(axis=0).tolist() for k, p in trained.items()
        },
        "rows": rows,
        "rules": {"the middle": {"value": float(by_rule.mean())}},
    }
