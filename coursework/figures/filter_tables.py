"""Tables and sentences of the chapter on filters."""

import numpy as np

from coursework.figures import tables
from coursework.studies import naming, similarity


def share_table(shares):
    """Show how close the best patch comes to the optimum of the first filters.

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
        f"{naming.label(name)}: correlation {m['correlation']:.3f} with the optimum of "
        f"the same filter, {m['with_another_filter']:.3f} with that of another "
        f"(control); {m['score']:.1%} of the largest possible score."
        for name, m in agreement.items()
    ]
    tables.findings(*sentences)


def layer_table(summaries):
    """Show what was counted of each layer.

    Args:
        summaries: dict, network → convolution → what ``filters.summary`` gives.
    """
    rows = []
    for name, layers in summaries.items():
        for convolution, s in layers.items():
            row = [f"{naming.label(name)}, {convolution}"]
            row += ["{0}×{0}".format(s["receptive_field_px"]), s["filters"], s["dead"]]
            row += [s["saturated"], s["inactive_on_test_images"]]
            row += [f"{s[field]:.1f}×" for field in ("raw_score", "score")]
            rows.append(row + [f"{s[field]:.2f}" for field in ("own", "others")])
    columns = ["layer", "receptive field, px", "filters", "dead", "saturated"]
    columns += ["0 on all test images", "score, raw", "score, regularized"]
    tables.table([*columns, "likeness, own", "likeness, others"], rows)


def judged_table(judged):
    """Show how many class images are recognized, by the network and by another one."""
    kinds = ("raw", "regularized", "untrained")
    rows = []
    for _, name, head in [key for key in judged if key[0] == kinds[0]]:
        cells = []
        for kind in kinds:
            found = judged[kind, name, head]
            wanted = ("other",) if kind == "untrained" else ("itself", "other")
            cells += [_share(found[who]) for who in wanted]
        label = naming.label(name) + (f", {head}" if head != "class" else "")
        chance = judged[kinds[0], name, head]["other"]["chance"]
        rows.append((label, *cells, f"{chance:.0%}"))
    columns = ["images of", "raw: by itself", "raw: by the other"]
    columns += ["regularized: by itself", "regularized: by the other"]
    tables.table([*columns, "before training: by the other", "chance"], rows)


def status_findings(summaries, images):
    """Say how many filters are dead, saturated, or 0 on all test images.

    Args:
        summaries: as in ``layer_table``.
        images: int, test images that were tried.
    """
    every = [s for layers in summaries.values() for s in layers.values()]
    total, dead, saturated, inactive = (
        sum(s[field] for s in every)
        for field in ("filters", "dead", "saturated", "inactive_on_test_images")
    )
    tables.findings(
        f"Of {total} filters {dead} are dead, {saturated} saturated, and {inactive} "
        f"give 0 at every position of all {images:,} test images."
    )


def control_findings(trained, untrained):
    """Say what distinguishes images of trained networks from those before training.

    Args:
        trained, untrained: as in ``trained_and_untrained``.
    """
    sentences = [
        f"{naming.data_of(name)}: likeness to own minus others' patches "
        f"{_gain(layer)} after training, {_gain(untrained[name])} before (95 %)."
        for name, layer in trained.items()
    ]
    tables.findings(*sentences)


def _gain(layer):
    return f"{layer.measured['gain']:.3f} ± {layer.measured['margin']:.3f}"


def filter_findings(results):
    """Show what the chapter found, from what its record holds."""
    raw = results["regularizers"]["raw"]["tuned_lines"]
    chosen = list(results["regularizers"].values())[-1]["tuned_lines"]
    shares = results["share_of_optimum"]
    digits = results["classes"]["tuned_mnist: class"]
    wide = results["classes"]["tuned_lines: class"]
    least = min(each["correlation"] for each in results["optimum"].values())
    tables.findings(
        f"Where the best image of a filter is known, gradient ascent finds it "
        f"(correlation at least {np.floor(100 * least) / 100:.2f}).",
        f"In the first layer of the tuned CNN for digits the best position in test "
        f"images reaches {shares['tuned_mnist']['trained']:.0%} of the optimum, before "
        f"training {shares['tuned_mnist']['untrained']:.0%}; on lines "
        f"{shares['tuned_lines']['trained']:.0%} and "
        f"{shares['tuned_lines']['untrained']:.0%}.",
        f"On lines (tuned CNN, last convolution) raw images reach {raw['score']:.1f} "
        f"times the score of the best test line, with a smoothness of "
        f"{raw['smoothness']:.2f}. Jitter and a decorrelated gradient lower that to "
        f"{chosen['score']:.1f} times, at a smoothness of {chosen['smoothness']:.2f}.",
        f"Of the images of the ten digits by the tuned CNN, the baseline recognizes "
        f"{_other(digits, 'raw')} raw and {_other(digits, 'regularized')} regularized "
        f"ones; of 96 line classes {_other(wide, 'raw')} and "
        f"{_other(wide, 'regularized')}.",
    )


def _other(kinds, kind):
    return kinds[kind]["other"]["correct"]


def _share(found):
    low, high = found["interval"]
    return f"{found['correct']} of {found['images']} ({low:.0%} to {high:.0%})"
