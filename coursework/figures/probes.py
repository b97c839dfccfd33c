"""What can be read from layers, and what first filters respond to."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

from coursework.data import lines
from coursework.figures import activations, style, tables
from coursework.studies import naming
from coursework.studies import probes as study_of
from coursework.training import heads, metrics

LEVELS = {"angle": len(lines.ANGLES), "digit": 10}  # of other labels 2


def probes(study, labels, title):
    """Errors of linear probes of trained and untrained layers, a panel for each label.

    Args:
        study: what ``probes.probe_networks`` gives.
        labels: names of labels, a panel each.
        title: str.
    """
    size = max(5.2, 3.4 * len(labels) + 0.6), 0.21 * len(_stages(study)) + 1.3
    figure, grid = plt.subplots(
        1, len(labels), figsize=size, squeeze=False, sharey=True
    )
    for axes, label in zip(grid.flat, labels, strict=True):
        draw_probes(axes, study, label)
    return style.finish(figure, title, axes)


def _stages(study):
    """Pairs of network and layer, without the layers of single heads."""
    return [
        (network, layer)
        for network, by_layer in study["layers"].items()
        for layer in by_layer
        if layer not in study_of.HEAD_LAYERS
    ]


def draw_probes(axes, study, label):
    """One panel, without a legend: the error by layer, the best on the right."""
    images, names = study["images"], _stages(study)
    for row, (network, layer) in enumerate(names):
        cell = study["layers"][network][layer][label]
        for key, look in (("untrained", "o"), ("trained", "D")):
            color = style.TRAIN if key == "trained" else "0.55"
            _draw_error(axes, 1 - cell[key], images, row, look, color, key)
    reference = 1 - _pixels(study, label)
    least = 0.5 / images
    axes.axvline(max(reference, least), color=style.VALIDATION, label="pixels")
    chance = 1 / LEVELS.get(label, 2)
    axes.axvline(1 - chance, color="0.6", linestyle=":", label="chance")
    axes.set(xscale="log", xlim=(1.3, least * 0.7), ylim=(len(names) - 0.5, -0.5))
    ticks = [f"{naming.short(network)}, {layer}" for network, layer in names]
    axes.set_yticks(range(len(names)), ticks)
    shares = ["100 %", "10 %", "1 %", "0.1 %", "none"]
    axes.set_xticks([1, 0.1, 0.01, 0.001, least], shares)
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel("test errors (better →)")
    axes.set_title(label)
    axes.grid(axis="y", color="0.93")


def _draw_error(axes, error, images, row, look, color, label):
    """A share with Wilson's interval; none at all is drawn at half an error."""
    low, high = metrics.wilson(round(error * images), images)
    least = 0.5 / images
    axes.plot([max(low, least), high], [row, row], color=color, linewidth=2)
    named = label if row == 0 else None
    filled = color if label == "trained" else "white"
    style_ = {"color": color, "markerfacecolor": filled, "markersize": 6}
    axes.plot(max(error, least), row, look, label=named, linestyle="", **style_)


def heads_table(study):
    """Show what each head holds of each attribute, trained and (control)."""
    found = study["layers"]["four_head_lines"]
    rows = []
    for layer in ("relu3", *study_of.HEAD_LAYERS):
        cells = found[layer].items()
        rows.append([layer] + [_cell(layer, label, cell) for label, cell in cells])
    labels = list(found["relu3"])
    rows.append(["chance"] + [f"{1 / LEVELS.get(label, 2):.1%}" for label in labels])
    tables.table(["layer: trained (untrained)", *labels], rows)


def _cell(layer, label, cell):
    digits = 2 if 0.999 <= cell["trained"] < 1 else 1
    text = f"{cell['trained']:.{digits}%} ({cell['untrained']:.1%})"
    return f"**{text}**" if layer.startswith(label) else text


# --- filters and units ----------------------------------------------------------------


def tuning(found, title):
    """Orientation indices of first filters beside those of untrained ones.

    Args:
        found: what ``activations.tunings`` gives.
        title: str.
    """
    figure, axes = plt.subplots(figsize=(6.6, 0.55 * len(found) + 1.3))
    random = np.random.default_rng(0)
    for row, each in enumerate(found.values()):
        for key, shift, color in (
            ("untrained", 0.2, "0.6"),
            ("trained", -0.2, style.TRAIN),
        ):
            spread = row + shift + random.uniform(-0.09, 0.09, len(each[key]))
            size = 4 if key == "trained" else 2
            look = {"color": color, "markersize": size, "linestyle": ""}
            axes.plot(each[key], spread, "o", label=None if row else key, **look)
            middle = np.median(each[key])
            ends = [row + shift - 0.17, row + shift + 0.17]
            axes.plot([middle] * 2, ends, color="black", linewidth=2)
    axes.set_yticks(range(len(found)), [naming.label(name) for name in found])
    axes.set(ylim=(len(found) - 0.5, -0.5), xlim=(-0.02, 1))
    axes.set_xlabel("orientation index (0: all angles alike, 1: one angle)")
    figure.legend(loc="outside lower center", ncols=2, markerscale=2)
    return style.finish(figure, title)


def tuning_title(found):
    """The title of ``tuning``: where training made no difference."""
    less = [naming.label(name) for name in found if name not in selective(found)]
    text = "First filters are more selective than untrained ones"
    return f"{text} (not resolved: {'; '.join(less)})" if less else text


def tuning_findings(found):
    """Show the medians of ``tuning`` and the p of their difference."""
    for_each = [_medians(name, each) for name, each in found.items()]
    tables.findings("Median index: " + "; ".join(for_each) + ".")


def _medians(name, each):
    trained, untrained = (np.median(each[key]) for key in ("trained", "untrained"))
    p = "< 0.001" if each["p"] < 0.001 else f"= {each['p']:.2g}"
    return f"{naming.label(name)} {trained:.2f}, untrained {untrained:.2f} (p {p})"


def selective(found):
    """Networks whose first filters are more selective than untrained ones."""
    return [
        name
        for name, each in found.items()
        if each["p"] < study_of.SIGNIFICANT
        and np.median(each["trained"]) > np.median(each["untrained"])
    ]


# --- sentences ------------------------------------------------------------------------


def probe_title(study, labels):
    """The title of ``probes``: in how many layers training helps to read a label."""
    if all(_pixels(study, label) == 1 for label in labels):
        return f"Sums of pixels give {tables.listed(labels)} without error"
    found = helped(study)
    counts = [
        f"the {label} in {sum(found[label].values())} of {len(found[label])}"
        for label in labels
    ]
    return f"Training helps to read {tables.listed(counts)} layers"


def helped(study):
    """For each label, which layers can be read better than pixels and untrained ones.

    Returns:
        dict, label → dict, (network, layer) → bool; layers of heads are left out.
    """
    return {
        label: {
            (network, layer): study_of.added(study["layers"][network][layer][label])
            for network, layer in _stages(study)
        }
        for label in study["pixels"]
    }


def probe_findings(study):
    """Show what is read best, label by label, and where training makes it harder.

    Args:
        study: what ``probes.probe_networks`` gives.
    """
    harder = [_harder(study, label) for label in study["pixels"]]
    best = [probe_best(study, label) for label in study["pixels"]]
    tables.findings(*best, *filter(None, [*harder, _last_stage(study)]))


def probe_best(study, label):
    """A label at the pixels, in the best untrained layer and in the best trained."""
    cells = [study["layers"][n][layer][label] for n, layer in _stages(study)]
    untrained, trained = (
        max(cell[key] for cell in cells) for key in ("untrained", "trained")
    )
    return (
        f"**{label.capitalize()}**: {_pixels(study, label):.1%} from the pixels, "
        f"{untrained:.1%} from the best untrained layer, {trained:.2%} from the best "
        "trained one."
    )


def _pixels(study, label):
    return max(study["pixels"][label].values())


def _harder(study, label):
    """In which layers a label is harder to read than in untrained ones, or nothing."""
    found = []
    for network, layer in _stages(study):
        cell = study["layers"][network][layer][label]
        of_layers = cell["untrained"] >= _pixels(study, label)  # the gain is over them
        if of_layers and cell["gain"] < 0 and cell["p"] < study_of.SIGNIFICANT:
            shares = f"{cell['trained']:.1%}, untrained {cell['untrained']:.1%}"
            found.append(f"{naming.short(network)} {layer} ({shares})")
    text = f"Training makes the {label} harder to read in {tables.listed(found)}."
    return text if found else ""


def _last_stage(study):
    """What the tuned network's last ReLU loses of lines, or nothing."""
    if "tuned_lines" not in study["layers"]:
        return ""
    layers = [study["layers"]["tuned_lines"][name] for name in ("relu3", "relu4")]
    found = {
        key: ", ".join(
            f"{label} {_errors(study, layers[0][label][key])} → "
            f"{_errors(study, layers[1][label][key])}"
            for label in study["pixels"]
        )
        for key in ("trained", "untrained")
    }
    return (
        f"Errors in {study['images']:,} lines from relu3 to relu4 of the tuned "
        f"network: {found['trained']}; untrained: {found['untrained']}."
    )


def _errors(study, share):
    return f"{round((1 - share) * study['images']):,}"


def heads_sentence(study):
    """What heads hold of attributes that are not theirs, beside their control."""
    found, shares = study["layers"]["four_head_lines"], []
    for labels in (heads.BINARY, ("angle",)):
        for key in ("trained", "untrained"):
            each = [
                found[f"{name}_relu"][label][key]
                for name in heads.NAMES
                for label in labels
                if label != name
            ]
            shares.append(f"{min(each):.0%} to {max(each):.0%}")
    return (
        "From a trained head a probe reads the other heads' attributes right for "
        f"{shares[0]} (untrained heads on the same layer {shares[1]}, chance 50%), the "
        f"angle for {shares[2]} ({shares[3]}, chance {1 / len(lines.ANGLES):.1%})."
    )


def activation_findings(results):
    """Show what the chapter found, from what its record holds."""
    lines_, digits = (results["probes"][kind] for kind in ("lines", "digits"))
    sure = [name for name in ("width", "color") if _pixels(lines_, name) > 0.999]
    tables.findings(
        f"{tables.listed(sure, 'nothing').capitalize()} can be read from sums over the "
        "pixels, without any layer.",
        probe_best(lines_, "length") + f" {_harder(lines_, 'length')}",
        probe_best(lines_, "angle"),
        probe_best(digits, "digit"),
        heads_sentence(lines_),
        f"{tuning_title(results['tuning'])}.",
        activations.inactive_sentence(results["inactive"], results["inactive_images"]),
    )
