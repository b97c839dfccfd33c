"""Numbers and tables that the reports and the page are made of, from the records.

Nothing here is measured and nothing is typed: what no record holds cannot be said.
"""

import itertools
import statistics
import typing

import numpy as np
from scipy import signal

from coursework import paths, records
from coursework.data import lines, splits
from coursework.figures import maps as map_figures
from coursework.figures import tables, trust_text
from coursework.studies import maps as map_study
from coursework.studies import probes as probe_study
from coursework.studies import sample_efficiency
from coursework.training import effects, heads, metrics

WORST = 5  # classes in a table of the worst
VISIBILITIES = (0, 0.2, 0.35, 0.5, 0.75, 1)  # bins of the table


def read_all():
    """All that is known: networks' records, studies, variations; each one checked.

    Raises:
        OSError, ValueError: one is missing or does not fit its network.
    """
    folder = paths.ROOT / "models"
    known = {name: records.read_checked(name, folder) for name in records.NOTEBOOKS}
    return known | {n: records.read_study(n, folder) for n in records.STUDIES}


# --- how numbers are written ----------------------------------------------------------


def percent(share, digits=1):
    """0.99953 as "99.953%", with so many digits after the point."""
    return f"{share:.{digits}%}"


def count(number):
    """38400 as "38,400"."""
    return f"{number:,}"


def decimal(number, digits=2):
    """A number with so many digits after the point."""
    return f"{number:.{digits}f}"


def signed(number, digits=2):
    """The same with its sign."""
    return f"{number:+.{digits}f}".replace("-", "−")


def minutes(seconds):
    """Seconds as minutes, one digit."""
    return f"{seconds / 60:.1f}"


def listed(values):
    """ "a, b and c"; "none" of nothing."""
    *most, last = [str(value) for value in values] or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def accuracy(record):
    """Mean and standard deviation over the seeds: "99.960% ± 0.006"."""
    mean, deviation = records.spread(record)
    return f"{mean:.3%}" + ("" if deviation is None else f" ± {deviation * 100:.3f}")


def errors_of_seeds(record):
    """ "18, 14, 14"."""
    return ", ".join(str(repeat["errors"]) for repeat in record["repeats"])


def errors_in_all(record):
    """Errors of all seeds together."""
    return sum(repeat["errors"] for repeat in record["repeats"])


# --- class activation maps ------------------------------------------------------------


def maps(record):
    """The four tests of maps: a row for each kind; bold is passed."""
    tests = map_study.tests(record)
    rows = [
        [kind, *(_tested(rows, verdicts, kind) for rows, _, verdicts in tests.values())]
        for kind in map_study.KINDS
    ]
    for rule in (rule for _, rules, _ in tests.values() for rule in rules):
        values = [rules.get(rule) for _, rules, _ in tests.values()]
        cells = ["" if value is None else decimal(value) for value in values]
        rows.append([f"to be exceeded: {rule}", *cells])
    return tables.markdown(["map", *tests], rows)


def _tested(rows, verdicts, kind):
    row, passed = rows[kind], verdicts[kind]
    text = f"{decimal(row['value'])} ({decimal(row['low'])} to {decimal(row['high'])})"
    return {True: f"**{text}**", False: text, None: f"{text}, by construction"}[passed]


class MapTest(typing.NamedTuple):
    """One of the tests of maps; see ``maps.tests`` of the studies."""

    rows: dict
    rules: dict
    verdicts: dict


def tests(record):
    """The four tests of maps, a list of ``MapTest``."""
    return [MapTest(*each) for each in map_study.tests(record).values()]


def best(test):
    """The kind of map with the largest value among those that pass a test."""
    passed = [kind for kind, verdict in test.verdicts.items() if verdict]
    return max(passed, key=lambda kind: test.rows[kind]["value"], default="no map")


def best_of_a_layer(record):
    """The kind of map of a layer that points at the line most often."""
    rows = tests(record)[0].rows
    kinds = [kind for kind in rows if kind != map_study.ON_INK_ONLY]
    return max(kinds, key=lambda kind: rows[kind]["value"])


def equally_fragile(record):
    """Whether no order of pixels tells wrong digits from right ones of their margin."""
    found = record["deletion"]["plain_mnist"]
    orders = found["rows"] | found["rules"]
    return all(row["p_wrong_or_right"] >= map_study.LEVEL for row in orders.values())


def recommendation(record):
    """The one of Q3/4, as a sentence without its period."""
    sentence = trust_text.recommendation(record)
    return sentence[0].upper() + sentence[1:]


def most_passed(record):
    """How many of the four tests of maps a kind passes at most."""
    return max(map_study.passed(record).values())


# --- what the reports say besides -----------------------------------------------------


def names_of(record):
    """Names of the classes of a network, in their order."""
    if record["dataset"]["name"] == "lines":
        return [lines.class_name(index) for index in range(lines.CLASSES)]
    return [str(digit) for digit in range(len(record["confusion"]))]


def worst(record, most=WORST):
    """The classes with the lowest F-scores: name, F-score, images lost and taken in."""
    confusion = np.array(record["confusion"])
    right = np.diag(confusion)
    order = np.argsort(record["test"]["f1"], kind="stable")[:most]
    return [
        {
            "name": names_of(record)[index],
            "f1": record["test"]["f1"][index],
            "lost": int(confusion[index].sum() - right[index]),
            "taken": int(confusion[:, index].sum() - right[index]),
        }
        for index in order
    ]


def all_thin_and_straight(classes):
    """Whether all of these classes of lines are thin and level or upright."""
    ends = tuple(f" {angle}°" for angle in (0, 90))
    return all("thin" in c["name"] and c["name"].endswith(ends) for c in classes)


def worst_table(*named):
    """The five worst classes of some networks, side by side.

    Args:
        named: pairs of a heading and a record.
    """
    columns = ["", *(part for name, _ in named for part in (name, "F-score"))]
    found = [worst(record) for _, record in named]
    rows = [
        [place, *(cell for each in row for cell in (each["name"], f"{each['f1']:.4f}"))]
        for place, row in enumerate(zip(*found, strict=True), start=1)
    ]
    return tables.markdown(columns, rows, "r" + "lr" * len(named))


def scores_table(*named):
    """Seed 0 in full and all seeds' accuracy, a row for each network.

    Args:
        named: pairs of a name and a record.
    """
    columns = ["network, data", "parameters", "training", "accuracy of all seeds"]
    columns += ["errors of each seed", "of", "macro F-score, seed 0"]
    rows = [
        (
            *(name, count(record["parameters"])),
            *(f"{minutes(record['seconds'])} min", accuracy(record)),
            *(errors_of_seeds(record), count(record["dataset"]["test"])),
            f"{record['test']['macro_f1']:.5f}",
        )
        for name, record in named
    ]
    return tables.markdown(columns, rows, "lrrrrrr")


def settings_table(*named):
    """How each network was trained.

    Args:
        named: pairs of a name and a record.
    """
    columns = ["network, data", "epochs", "images a step", "learning rate"]
    columns += ["targets smoothed by", "augmented"]
    rows = [
        (
            name,
            record["training"]["fit"]["epochs"],
            record["training"]["fit"]["batch_size"],
            learning_rate(record),
            _smoothing(record) or "–",
            "yes" if record["training"]["fit"]["augmentation"] else "–",
        )
        for name, record in named
    ]
    return tables.markdown(columns, rows, "lrrrrr")


def learning_rate(record):
    """The highest learning rate of a training with warm-up."""
    optimizer = record["training"]["compile"]["optimizer"]["config"]
    return optimizer["learning_rate"]["config"]["warmup_target"]


def _smoothing(record):
    loss = record["training"]["compile"]["loss"]
    return loss["config"]["label_smoothing"] if isinstance(loss, dict) else 0


def all_above(values, others):
    """Whether each value is larger than the other one of its place."""
    return all(a > b for a, b in zip(values, others, strict=True))


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
    true, predicted = np.indices(angle.shape)
    steps = metrics.angle_errors(true.ravel(), predicted.ravel()).reshape(angle.shape)
    step = lines.ANGLES[1] - lines.ANGLES[0]
    neighbors = int(angle[steps == step].sum())
    return wrong | {"shorter": int(by_name["length"][1, 0]), "neighbors": neighbors}


def most_confused(record):
    """The most frequent errors, all of those that are equally frequent.

    Returns:
        dict: "pairs" → "a 4 read as a 9 and a 5 read as a 6", "images" → of each.
    """
    worst = metrics.worst_confusions(np.array(record["confusion"]), None)
    names, most = names_of(record), worst[0][2]
    pairs = [f"a {names[t]} read as a {names[p]}" for t, p, n in worst if n == most]
    return {"pairs": " and ".join(pairs), "images": most}


def compare(first, second):
    """McNemar's test of two networks' records on the same test images."""
    return metrics.mcnemar(first["test"]["wrong"], second["test"]["wrong"])


def scientific(p):
    """A small number as powers of ten: "8·10⁻⁶"."""
    mantissa, exponent = f"{p:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{raised}"


def answers(record, answer):
    """Changes with an answer and their ratios: "a (0.52×)", the largest effect first.

    Args:
        record: of an experiment with paired seeds.
        answer: "fewer errors", "more errors" or "not resolved".
    """
    found = {
        row: effect.ratio
        for row, effect in effects.effects(record).items()
        if effect.answer == answer
    }
    order = sorted(found, key=found.get, reverse=answer == "more errors")
    return [f"{row.replace(': ', ' ')} ({found[row]:.2f}×)" for row in order]


def change(record, row):
    """What one change does to the number of errors: an ``effects.Effect``."""
    return effects.effects(record)[row]


def samples(record, network):
    """Images a class → mean accuracy over the seeds."""
    by_count = sample_efficiency.accuracies(record)[network]
    return {number: statistics.mean(values) for number, values in by_count.items()}


def levels_table(record):
    """Each head: what the brief directs, its accuracy and F-scores."""
    test = record["test"]
    columns = ["head", "neurons", "activation", "loss", "accuracy", "errors"]
    columns += ["macro F-score", "lowest F-score of a level"]
    rows = []
    for name in heads.NAMES:
        single = name in heads.BINARY
        head = test["heads"][name]
        level = int(np.argmin(head["f1"]))
        kind = ("sigmoid", "binary") if single else ("softmax", "categorical")
        rows.append(
            (
                *(name, heads.UNITS[name], kind[0], f"{kind[1]} cross-entropy"),
                *(percent(head["accuracy"], 3), head["errors"]),
                f"{head['macro_f1']:.5f}",
                f"{head['f1'][level]:.5f} ({lines.ATTRIBUTE_NAMES[name][level]})",
            )
        )
    return tables.markdown(columns, rows, "lrllrrrr")


def final_errors(record, row):
    """Share of errors of each head after the last epoch of a row, mean over seeds."""
    trials = record["trials"][row]
    return {
        name: 1
        - statistics.mean(trial["history"][f"{name}_accuracy"][-1] for trial in trials)
        for name in heads.NAMES
    }


def thresholds(record, attribute):
    """Thresholds of the four-head network, seed by seed: ["10.75", …]."""
    found = record["psychometric"][attribute]["thresholds"]
    return [decimal(t, 2) for name, (t, _) in found.items() if name[:4] == "four"]


def probe_path(study, network, label):
    """How a label gets readable: "pixels 27%, relu1 90% (untrained 78%) …"."""
    kind = "lines" if network.endswith("_lines") else "digits"
    probes = study["probes"][kind]
    start = f"pixels {max(probes['pixels'][label].values()):.0%}"
    found = [
        f"{layer} {by_label[label]['trained']:.1%} "
        f"(untrained {by_label[label]['untrained']:.0%})"
        for layer, by_label in probes["layers"][network].items()
        if layer not in probe_study.HEAD_LAYERS
    ]
    return ", ".join([start, *found])


def other_heads(study, which):
    """What heads hold of attributes of two levels that are not theirs.

    Args:
        study: dict, the record of the activations.
        which: "trained" or "untrained".

    Returns:
        (lowest, highest) accuracy of a probe.
    """
    by_layer = study["probes"]["lines"]["layers"]["four_head_lines"]
    shares = [
        by_layer[f"{name}_relu"][label][which]
        for name in heads.NAMES
        for label in heads.BINARY
        if label != name
    ]
    return min(shares), max(shares)


def own_heads(study):
    """The lowest accuracy with which a head's own attribute can be read from it."""
    by_layer = study["probes"]["lines"]["layers"]["four_head_lines"]
    return min(by_layer[f"{name}_relu"][name]["trained"] for name in heads.NAMES)


def orientation(study, network, which):
    """Median orientation index of first filters, "trained" or "untrained"."""
    return statistics.median(study["tuning"][network][which])


def every_filter(study, field):
    """The sum of a count over all layers of all networks, of the record of filters."""
    layers = (
        row for by_layer in study["filters"].values() for row in by_layer.values()
    )
    return sum(row[field] for row in layers)


def visibility(record):
    """Errors of the baseline by how much of a line its filter covers.

    Args:
        record: of a network for lines.

    Returns:
        List of (low, high, lines, errors): the visibility of Q1/2, 0…1.
    """
    images = lines.load()
    test = splits.split(images.classes).test
    positions = signal.convolve2d(np.ones((22, 22)), np.ones((7, 7))) / 49
    ink = lines.masks(images.images[test])
    visible = (ink * positions).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
    bins = np.searchsorted(VISIBILITIES[1:-1], visible)  # the upper end belongs to it
    wrong = np.isin(test, record["test"]["wrong"])
    return [
        (low, high, int((bins == k).sum()), int(wrong[bins == k].sum()))
        for k, (low, high) in enumerate(itertools.pairwise(VISIBILITIES))
    ]


def errors_seen_below(rows, share):
    """Errors among lines of at most this visibility; rows as ``visibility`` gives."""
    return sum(wrong for _, high, _, wrong in rows if high <= share)


def visibility_table(rows):
    """Errors of the baseline by visibility."""
    columns = ["visibility", "lines", "wrong", "share"]
    cells = [
        (f"{low:g} to {high:g}", count(images), errors, percent(errors / images, 2))
        for low, high, images, errors in rows
    ]
    return tables.markdown(columns, cells, "lrrr")


def better_maps(record):
    """In how many networks and heads HiResCAM surely agrees better than Grad-CAM."""
    return map_figures.better(record["agreement"])


def mean_signed(values):
    return signed(statistics.mean(values))


def lowest(record, method):
    """The lowest mean agreement of a method, of any network or head."""
    return signed(min(statistics.mean(f[method]) for f in record["agreement"].values()))
