"""Numbers that the reports and the page need besides the fields of the records.

Nothing here is measured and nothing is typed: what no record holds cannot be said.
"""

import itertools
import math
import statistics

import numpy as np
from scipy import signal

from coursework import figures, paths, records
from coursework.data import lines, splits
from coursework.figures import maps as map_figures
from coursework.figures import tables, training, trust_text
from coursework.studies import class_images, naming, sample_efficiency, unseen_lines
from coursework.studies import maps as map_study
from coursework.training import effects, heads, metrics


def read_all():
    """All that is known: networks' records, studies, variations; each one checked.

    Raises:
        OSError, ValueError: one is missing or does not fit its network.
    """
    folder = paths.ROOT / "models"
    known = {name: records.read_checked(name, folder) for name in records.NOTEBOOKS}
    return known | {n: records.read_study(n, folder) for n in records.STUDIES}


# --- filters: how numbers are written -------------------------------------------------


def scientific(p):
    """A small number as powers of ten: "8·10⁻⁶"."""
    mantissa, exponent = f"{p:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{raised}"


IN_WORDS = {  # what an experiment changes → how a sentence names the change
    "filter size": "{} filters",
    "number of filters": "{} the filters",
    "pooling": "a stride instead of pooling",
    "epochs": "{} epochs",
}
FILTERS = {
    "percent": lambda share, digits=1: f"{share:.{digits}%}",
    "thousands": lambda number: f"{number:,}",
    "decimal": lambda number, digits=2: f"{number:.{digits}f}",
    "signed": lambda number: tables.minus(f"{number:+.2f}"),
    "listed": tables.listed,
    "scientific": scientific,
    "mean": statistics.mean,
    "product": math.prod,
    "median": statistics.median,
}
LETTERS = {"ReLU": "R", "BatchNormalization": "N", "MaxPooling2D": "P"}


# --- networks -------------------------------------------------------------------------


def accuracy(record):
    """Mean and standard deviation over the seeds: "99.960% ± 0.006"."""
    mean, deviation = records.spread(record)
    return f"{mean:.3%}" + ("" if deviation is None else f" ± {deviation * 100:.3f}")


def errors_of_seeds(record):
    """ "18, 14, 14"."""
    return ", ".join(str(repeat["errors"]) for repeat in record["repeats"])


def architecture(name):
    """The layers of a network as the reports' tables have them.

    Returns:
        Strings, the convolutions ("7×7, 32 R N P") and the fully connected layers
        ("1,024 R → 96 S"), each with the letters of the layers behind it.
    """
    stages = {"Conv2D": [], "Dense": []}
    for layer in records.load(name, paths.ROOT / "models")[0].layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            size = "×".join(map(str, layer.kernel_size))
            stages[kind].append(f"{size}, {layer.filters}")
        elif kind == "Dense":
            softmax = " S" * (layer.activation.__name__ == "softmax")
            stages[kind].append(f"{layer.units:,}{softmax}")
        elif kind in LETTERS:
            last = stages["Dense"] or stages["Conv2D"]
            last[-1] += f" {LETTERS[kind]}"
    return [" → ".join(each) for each in stages.values()]


def worst(record, most):
    """The classes with the lowest F-scores: list of (name, F-score)."""
    names = class_images.names_of(record["dataset"]["name"])
    scores = record["test"]["f1"]
    order = np.argsort(scores, kind="stable")[:most]
    return [(names[index], scores[index]) for index in order]


def kinds_of_errors(record):
    """How many images are wrong in each attribute of the lines, and how.

    Returns:
        dict: each attribute → int; "shorter" → long lines taken for short ones;
        "neighbors" → wrong angles that lie 15° from the true one.
    """
    folded = metrics.fold(np.array(record["confusion"]), lines.LEVELS)
    by_name = dict(zip(lines.ATTRIBUTES, folded, strict=True))
    wrong = {name: int(t.sum() - np.trace(t)) for name, t in by_name.items()}
    angle = by_name["angle"]
    neighbors = sum(np.roll(angle, -step, axis=1).trace() for step in (-1, 1))
    return wrong | {"shorter": by_name["length"][1, 0], "neighbors": neighbors}


def most_confused(record):
    """The most frequent errors, all of those that are equally frequent.

    Returns:
        dict: "pairs" → "a 4 read as a 9 and a 5 read as a 6", "images" → of each.
    """
    found = metrics.worst_confusions(np.array(record["confusion"]), None)
    names = class_images.names_of(record["dataset"]["name"])
    most = found[0][2]
    pairs = [f"a {names[t]} read as a {names[p]}" for t, p, n in found if n == most]
    return {"pairs": " and ".join(pairs), "images": most}


def visibility(record):
    """The errors on lines by visibility (Q1/2): list of (low, high, lines, errors)."""
    images = lines.load()
    test = splits.split(images.classes).test
    positions = signal.convolve2d(np.ones((22, 22)), np.ones((7, 7))) / 49
    ink = lines.masks(images.images[test])
    visible = (ink * positions).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
    ends = training.VISIBILITIES
    bins = np.searchsorted(ends[1:-1], visible)  # the upper end belongs to it
    wrong = np.isin(test, record["test"]["wrong"])
    return [
        (low, high, int((bins == k).sum()), int(wrong[bins == k].sum()))
        for k, (low, high) in enumerate(itertools.pairwise(ends))
    ]


# --- variations -----------------------------------------------------------------------


def answers(record, answer):
    """Changes with an answer, the largest effect first: ["a (0.52×)", …]."""
    found = tables.by_answer(record)[answer]
    return [f"{in_words(row)} ({e.ratio:.2f}×)" for row, e in found.items()]


def in_words(row):
    """A row of an experiment in a sentence: "filter size: 5×5" → "5×5 filters"."""
    what, how = row.split(": ", 1)
    return f"no {what}" if how == "none" else IN_WORDS.get(what, "{}").format(how)


def padded_p(baseline, padded):
    """McNemar's p of the baseline and the padded network, seed by seed."""
    pairs = zip(baseline["repeats"], padded["repeats"], strict=True)
    found = [metrics.mcnemar(b["wrong"], p["wrong"]).p for b, p in pairs]
    return tables.listed([f"{p:.1g}" for p in found])


def samples(record, network):
    """Images a class → mean accuracy over the seeds."""
    by_count = sample_efficiency.accuracies(record)[network]
    return {number: statistics.mean(values) for number, values in by_count.items()}


def final_errors(record, row):
    """Share of errors of each head after the last epoch of a row, mean over seeds."""
    last = [
        {name: trial["history"][f"{name}_accuracy"][-1] for name in heads.NAMES}
        for trial in record["trials"][row]
    ]
    return {name: 1 - statistics.mean(e[name] for e in last) for name in heads.NAMES}


def thresholds(record, attribute):
    """Thresholds of the four-head network, seed by seed: ["10.75", …]."""
    found = record["psychometric"][attribute]["thresholds"]
    return [f"{t:.2f}" for name, (t, _) in found.items() if name.startswith("four")]


# --- layers, filters, maps ------------------------------------------------------------


def channels(study):
    """Channels after a ReLU that are inactive in all images, and all of them."""
    counts = [each for found in study["inactive"].values() for each in found.values()]
    return [sum(each) for each in zip(*counts, strict=True)]


GIVEN = {  # what templates use as it is
    "SURE": unseen_lines.SURE,
    "better_maps": map_figures.better,
    "effects": effects.effects,
    "figures": figures,
    "heads": heads,
    "label": naming.label,
    "lines": lines,
    "mcnemar": metrics.mcnemar,
    "passed": map_study.passed,
    "recommendation": trust_text.recommendation,
    "tests": map_study.tests,
    "wilson": metrics.wilson,
}
