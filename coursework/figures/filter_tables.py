"""Tables and sentences of the chapter on filters."""

import numpy as np
from scipy import stats

from coursework.data import lines
from coursework.figures import filters, tables
from coursework.studies import naming, similarity
from coursework.training import effects, metrics

RESOLVED = 0.05  # p, corrected, below which a difference is resolved


def share_table(shares):
    """Show how close the best real image comes to the optimum of the first filters.

    Args:
        shares: dict, network → {"trained", "untrained"} → (F,) floats, of
            ``filters.share_of_optimum``.
    """
    rows = []
    for name, found in shares.items():
        means = [_mean(found[kind]) for kind in ("trained", "untrained")]
        rows.append((naming.label(name), len(found["trained"]), *means))
    tables.table(["network", "filters", "trained", "before training"], rows)


def _mean(values):
    mean, margin = similarity.mean_interval(values)
    return f"{mean:.0%} ± {margin:.1%}"


def optimum_findings(agreement):
    """Say how near the ascent comes to the known optimum.

    Args:
        agreement: dict, network → what ``similarity.against_optimum`` gives.
    """
    sentences = [
        f"{naming.label(name)}: mean correlation {m['correlation']:.3f} with the "
        f"optimum of the same filter, {_signed(m['with_another_filter'])} with that of "
        f"another (control); {m['share']:.1%} of the largest possible response."
        for name, m in agreement.items()
    ]
    tables.findings(*sentences)


def regularizer_table(measured):
    """Show what each regularizer changes, and which gains in likeness are resolved.

    Args:
        measured: dict, network → regularizer → what ``filters.compare`` gives, the
            first without any.
    """
    changes = {
        (name, label): stats.ttest_rel(m["gains"], next(iter(each.values()))["gains"])
        for name, each in measured.items()
        for label, m in list(each.items())[1:]
    }
    corrected = effects.holm([test.pvalue for test in changes.values()])
    answers = dict(zip(changes, corrected < RESOLVED, strict=True))
    rows = []
    for name, each in measured.items():
        for label, m in each.items():
            words = [naming.data_of(name), label.replace("\n", " ")]
            rows.append(words + _cells(m, changes.get((name, label))))
    columns = ["data", "regularizer", "relative response", "smoothness"]
    tables.table([*columns, "likeness (95 %)", "its change (95 %)"], rows)
    for answer, words in ((True, "Resolved"), (False, "Not resolved")):
        listed = [key for key, is_resolved in answers.items() if is_resolved == answer]
        names = (f"{label} ({naming.data_of(name)})" for name, label in listed)
        text = ", ".join(names).replace("\n", " ") or "none"
        tables.findings(f"{words} (Holm, {len(answers)} comparisons): {text}.")


def _cells(m, change):
    cells = [f"{m['relative_response']:.1f}×", f"{m['smoothness']:.2f}"]
    cells.append(f"{m['gain']:.3f} ± {m['margin']:.3f}")
    if change is None:
        return [*cells, ""]
    low, high = change.confidence_interval(0.95)
    return [*cells, f"{_signed((low + high) / 2)} ± {(high - low) / 2:.3f}"]


def _signed(value):
    return tables.minus(f"{value:+.3f}")


def layer_table(summaries):
    """Show what was measured of each layer, and say which filters are inactive.

    Args:
        summaries: dict, network → convolution → what ``filters.summary`` gives.
    """
    rows = []
    for name, layers in summaries.items():
        for convolution, s in layers.items():
            row = [f"{naming.label(name)}, {convolution}"]
            row += ["{0}×{0}".format(s["receptive_field_px"]), s["filters"]]
            row += [f"{s[kind + 'relative_response']:.1f}×" for kind in ("raw_", "")]
            rows.append(
                row + [f"{s[kind + 'smoothness']:.2f}" for kind in ("raw_", "")]
            )
    columns = ["layer", "receptive field, px", "filters"]
    columns += ["relative response, raw", "regularized"]
    tables.table([*columns, "smoothness, raw", "regularized"], rows)
    every = [s for layers in summaries.values() for s in layers.values()]
    total, dead, inactive = (
        sum(s[field] for s in every) for field in ("filters", "dead", "inactive")
    )
    tables.findings(
        f"Of {total} filters {inactive} give 0 at every position of all real images "
        f"(inactive); of {dead} the ascent does not get the center unit above 0."
    )


def jitter_findings(found):
    """Say what each regularizer alone does to the responses of first filters.

    Args:
        found: dict, network → regularizer → what ``filters.compare`` gives.
    """
    sentences = []
    for name, each in found.items():
        texts = [f"{k} {m['relative_response']:.1f}×" for k, m in each.items()]
        listed = tables.minus(", ".join(texts))
        sentences.append(f"{naming.label(name)}, relative response: {listed}.")
    tables.findings(*sentences)


def control_findings(likeness):
    """Say whether likeness distinguishes trained networks from untrained ones.

    Args:
        likeness: dict, network → {"trained", "untrained"} → what ``filters.likeness``
            gives.
    """
    tables.findings(*[_control(name, each) for name, each in likeness.items()])


def _control(name, kinds):
    change, low, high = filters.learned(kinds)
    answer = "resolved" if low > 0 or high < 0 else "not resolved"
    trained, untrained = (
        f"{kinds[kind]['gain']:.3f} ± {kinds[kind]['margin']:.3f}"
        for kind in ("trained", "untrained")
    )
    ceilings = [f"{kinds[kind]['ceiling']:.2f}" for kind in ("trained", "untrained")]
    return (
        f"{naming.data_of(name)}: likeness {trained} after training, {untrained} "
        f"before; difference {_signed(change)} ({_signed(low)} to {_signed(high)}), "
        f"{answer}. Second-best real images in their place: {ceilings[0]} after, "
        f"{ceilings[1]} before."
    )


def judged_table(judged):
    """Show how many class images are recognized, by the network and by another one.

    Args:
        judged: dict, (kind, network, head) → what ``class_images.judge`` gives; heads
            of two classes are added up.
    """
    kinds = ("raw", "regularized", "untrained")
    rows = {}
    for _, name, head in [key for key in judged if key[0] == kinds[0]]:
        found = {kind: judged[kind, name, head] for kind in kinds}
        label = naming.label(name) + _head_of(found, head)
        rows.setdefault(label, []).append(found)
    columns = ["images of", "raw: by itself", "by the other"]
    columns += ["regularized: by itself", "by the other"]
    table = [(label, *_judged_row(founds)) for label, founds in rows.items()]
    tables.table([*columns, "before training: by the other", "by chance"], table)


def _head_of(found, head):
    two = found["raw"]["other"]["images"] == 2
    return "" if head == "class" else ", length, width, color" if two else f", {head}"


def _judged_row(founds):
    wanted = [
        (kind, who) for kind in ("raw", "regularized") for who in ("itself", "other")
    ]
    cells = []
    for kind, who in [*wanted, ("untrained", "other")]:
        correct, images, low, high = _added([found[kind][who] for found in founds])
        interval = f" ({low:.0%} to {high:.0%})" if who == "other" else ""
        cells.append(f"{correct} of {images}{interval}")
    others = [found["raw"]["other"] for found in founds]
    return [*cells, f"{sum(o['chance'] * o['images'] for o in others):.0f}"]


def _added(founds):
    """Recognized images of several heads: how many, of how many, Wilson's interval."""
    correct, images = (sum(f[field] for f in founds) for field in ("correct", "images"))
    return correct, images, *metrics.wilson(correct, images)


def class_findings(judged):
    """Say which images a network does not recognize, though they were made for it.

    Args:
        judged: what ``class_images.judge`` gives.
    """
    own = judged["raw", "plain_lines", "class"]["itself"]
    found = judged["regularized", "four_head_lines", "angle"]["other"]
    names = lines.ATTRIBUTE_NAMES["angle"]
    wrong = [
        f"{names[truth]} (taken for {names[answer]})"
        for truth, answer in enumerate(found["answers"])
        if truth != answer
    ]
    tables.findings(
        f"The baseline recognizes {own['correct']} of {own['images']} of its own raw "
        "line images.",
        f"The tuned CNN recognizes {found['correct']} of {found['images']} angles; not "
        f"{', '.join(wrong) or 'any'}.",
    )


def filter_findings(results):
    """Show what the chapter found, from what its record holds."""
    least = min(each["correlation"] for each in results["optimum"].values())
    shares = results["share_of_optimum"]["tuned_mnist"]
    raw = [
        layer["raw_relative_response"]
        for layers in results["filters"].values()
        for layer in layers.values()
    ]
    last = results["filters"]["tuned_lines"]["conv3"]
    tables.findings(
        f"Where the optimum of a filter is known, gradient ascent finds it (mean "
        f"correlation at least {np.floor(100 * least) / 100:.2f}). Real digits reach "
        f"{shares['trained']:.0%} of it in the first layer of the tuned CNN, before "
        f"training {shares['untrained']:.0%}.",
        f"The median raw image raises the center unit {min(raw):.1f} to {max(raw):.1f} "
        "times as high as the best real image, depending on the layer. Regularizers "
        "lower that, and smooth: in the last layer for lines from "
        f"{last['raw_relative_response']:.1f} to {last['relative_response']:.1f} "
        f"times, at a smoothness of {last['raw_smoothness']:.2f} and "
        f"{last['smoothness']:.2f}.",
        "Is that learned? Likeness to the best real images, trained minus untrained: "
        + "; ".join(_short(*each) for each in results["likeness"].items())
        + ".",
        _recognized(results["classes"]),
    )


def _short(name, kinds):
    change, low, high = filters.learned(kinds)
    answer = "" if low > 0 or high < 0 else ", not resolved"
    interval = f"{_signed(low)} to {_signed(high)}"
    return f"{naming.data_of(name)} {_signed(change)} ({interval}{answer})"


def _recognized(classes):
    apart, others = [], []
    for name, kinds in classes.items():
        found, before = (kinds[kind]["other"] for kind in ("regularized", "untrained"))
        is_apart = found["interval"][0] > before["interval"][1]
        (apart if is_apart else others).append(_case(name, found, before))
    example = max(others, default="no case", key=lambda text: "tuned, digits" in text)
    return (
        "Of the images made for classes another network recognizes "
        f"{tables.listed(apart, 'clearly more than before training in no case')}. In "
        f"the other {len(others)} outputs the intervals with and without training "
        f"overlap, for example {example}."
    )


def _case(key, found, before):
    low, high = found["interval"]
    name, head = key.split(": ")
    what = naming.label(name) + ("" if head == "class" else f", {head}")
    return (
        f"{found['correct']} of {found['images']} ({what}; {low:.0%} to {high:.0%}, by "
        f"chance {found['chance'] * found['images']:.0f}, before training "
        f"{before['correct']})"
    )
