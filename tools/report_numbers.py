"""Numbers and tables that the reports and the page are made of, from the records.

Nothing here is measured and nothing is typed: what no record holds cannot be said.
"""

import statistics

import numpy as np

from coursework import paths, records
from coursework.data import lines
from coursework.figures import tables
from coursework.studies import maps as map_study
from coursework.studies import sample_efficiency
from coursework.training import effects, heads, metrics

WORST = 5  # classes in a table of the worst
MAP_COLUMNS = (
    *(("plain_lines", "class"), ("tuned_lines", "class")),
    ("four_head_lines", "angle"),
)


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


def maps(record, among=map_study.WAYS, align=""):
    """Class activation maps of lines, measured: a row for each method and depth."""
    columns = ["map", *(_subject(*subject) for subject in MAP_COLUMNS)]
    rows = [
        [way.label, *(map_cell(record, way, *s) for s in MAP_COLUMNS)] for way in among
    ]
    for name, scores in record["baselines"].items():
        if name != "area":
            score = f"{_as_areas(record, scores)}, {scores['pointing']:.0%}"
            rows.append([f"without a network: {name}", *[score] * len(MAP_COLUMNS)])
    return tables.markdown(columns, rows, align)


def _subject(network, head):
    return f"`{network}`" + ("" if head == "class" else f", {head}")


def map_cell(record, way, network, head):
    """ "9.0×, 77%, +0.24": energy as a multiple of chance, pointing, what is left."""
    scores = found(record, "scores", way, network, head)
    if not scores:
        return "–"
    sanity = found(record, "sanity", way, network, head)
    left = signed(left_at_random(sanity)) if sanity else "–"
    return f"{_as_areas(record, scores)}, {scores['pointing']:.0%}, {left}"


def _as_areas(record, scores):
    return f"{scores['energy'] / record['area']:.1f}×"


def left_at_random(sanity):
    """Likeness after all weights were shuffled, beyond that of another image's map."""
    return sanity["spearman"] - sanity["other_spearman"]


def found(record, kind, way, network, head):
    """The entry of a list of the record for this map, or None."""
    layer = map_study.LAYERS[network].get(way.depth)
    if way.depth and not layer:
        return None
    wanted = (network, head, way.method, layer)
    fields = ("network", "head", "method", "layer")
    entries = (e for e in record[kind] if tuple(e[f] for f in fields) == wanted)
    return next(entries, None)


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
    """How a label gets readable: "22% (scale), 50% (relu1) …", heads left out."""
    by_layer = study["probe_accuracy"][network]
    return ", ".join(
        f"{scores[label]:.0%} ({layer})"
        for layer, scores in by_layer.items()
        if layer.split("_")[0] not in heads.NAMES
    )


def other_heads(study):
    """What heads hold of attributes that are not theirs: lowest and highest accuracy.

    Returns:
        dict with "binary" and "angle", each (lowest, highest).
    """
    by_layer = study["probe_accuracy"]["four_head_lines"]
    foreign = [
        (label, share)
        for name in heads.NAMES
        for label, share in by_layer[f"{name}_relu"].items()
        if label != name
    ]
    binary = [share for label, share in foreign if label in heads.BINARY]
    angle = [share for label, share in foreign if label == "angle"]
    return {"binary": (min(binary), max(binary)), "angle": (min(angle), max(angle))}


def own_heads_right(study):
    """Whether each head's own attribute can be read from it in full."""
    by_layer = study["probe_accuracy"]["four_head_lines"]
    return all(by_layer[f"{name}_relu"][name] == 1 for name in heads.NAMES)


def every_filter(study, field):
    """The sum of a count over all layers of all networks, of the record of filters."""
    layers = (
        row for by_layer in study["filters"].values() for row in by_layer.values()
    )
    return sum(row[field] for row in layers)


def on_the_line(record, says):
    """Share of a head's map on the line for one of its answers, HiResCAM."""
    for row in record["on_the_line"]:
        if row["says"] == says:
            fields = [f for f in row if f.startswith("HiResCAM") and "on the line" in f]
            return row[fields[0]]
    raise ValueError(f"the record of the maps has nothing on {says!r}")


def chance_on_the_line(record, says):
    """The share of the image that the lines with this answer cover."""
    rows = (row for row in record["on_the_line"] if row["says"] == says)
    return next(rows)["on the line by chance"]


def map_score(record, method, depth, network, head="class"):
    """Everything measured of one map, with "areas", "left" and "of_possible"."""
    way = map_study.Way(method, depth)
    scores = found(record, "scores", way, network, head)
    if scores is None:
        raise ValueError(f"no map of {network} by {way.label}")
    sanity = found(record, "sanity", way, network, head)
    more = {"areas": scores["energy"] / record["area"]}
    if sanity:
        more["left"] = left_at_random(sanity)
    same_place = ("network", "head", "layer")
    for best in record["best_possible"]:
        if all(best[key] == scores[key] for key in same_place):
            more["of_possible"] = scores["energy"] / best["energy"]
    return scores | more


def maps_table(record):
    """The short form of ``maps`` for a report: layers' methods alone, and occlusion."""
    shown = [
        w for w in map_study.WAYS if w.method in ("gradcam", "hirescam", "layercam")
    ]
    return maps(record, (*shown, map_study.Way("occlusion")), "lrrr")


def passed(record, data="lines"):
    """How many kinds of maps on these data pass the check with random weights."""
    tried = [e for e in record["sanity"] if e["network"].endswith(f"_{data}")]
    return {"passed": sum(e["passed"] for e in tried), "of": len(tried)}


def errors_seen_below(record, share):
    """Errors among lines of which the kernel's places see at most this share."""
    return sum(wrong for _, high, _, wrong in record["visibility"] if high <= share)


def visibility_table(record):
    """Errors of the specified network by how much of a line its kernel sees."""
    columns = [
        "part of the kernel's places that sees the line",
        "lines",
        "wrong",
        "share",
    ]
    rows = [
        (f"{low:g} to {high:g}", count(images), errors, percent(errors / images, 2))
        for low, high, images, errors in record["visibility"]
    ]
    return tables.markdown(columns, rows, "lrrr")
