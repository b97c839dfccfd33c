"""What can be read from layers, and what first filters respond to."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

from coursework.data import lines
from coursework.figures import style, tables
from coursework.studies import naming
from coursework.studies import probes as study_of
from coursework.training import metrics


def probes(study, labels, title):
    """Errors of linear probes of trained and untrained layers, a panel for each label.

    Args:
        study: what ``probes.probe_networks`` gives.
        labels: names of labels, an even number or one.
        title: str.
    """
    names = _stages(study)
    shape = (1, 1) if len(labels) == 1 else (len(labels) // 2, 2)
    height = shape[0] * (0.25 * len(names) + 0.75) + 0.75
    figure, grid = plt.subplots(
        *shape, figsize=(6.6, height), squeeze=False, sharey=True
    )
    for axes, label in zip(grid.flat, labels, strict=True):
        draw_probes(axes, study, label)
    return style.finish(figure, title, axes, columns=2)


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
    reference = 1 - max(study["pixels"][label].values())
    least = 0.5 / images
    axes.axvline(max(reference, least), color=style.VALIDATION, label="pixels")
    levels = {"angle": len(lines.ANGLES), "digit": 10}.get(label, 2)
    axes.axvline(1 - 1 / levels, color="0.6", linestyle=":", label="chance")
    axes.set(xscale="log", xlim=(1.3, least * 0.7), ylim=(len(names) - 0.5, -0.5))
    ticks = [f"{naming.short(network)}, {layer}" for network, layer in names]
    axes.set_yticks(range(len(names)), ticks)
    axes.set_xticks([1, 0.1, 0.01, 0.001], ["100 %", "10 %", "1 %", "0.1 %"])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel("test errors of the probe")
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
    """Show what each head holds of each attribute, trained and (untrained)."""
    found = study["layers"]["four_head_lines"]
    rows = []
    for layer in ("relu3", *study_of.HEAD_LAYERS):
        cells = found[layer].items()
        rows.append([layer] + [_cell(layer, label, cell) for label, cell in cells])
    labels = list(found["relu3"])
    tables.table(["layer: trained (untrained)", *labels], rows)


def _cell(layer, label, cell):
    text = f"{cell['trained']:.1%} ({cell['untrained']:.1%})"
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
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, markerscale=2)
    return figure


def tuning_title(found):
    """The title of ``tuning``: in how many networks training made a difference."""
    more = selective(found)
    return (
        f"First filters are more selective than untrained ones in {len(more)} of "
        f"{len(found)} networks"
    )


def selective(found):
    """Networks whose first filters are more selective than untrained ones."""
    return [
        name
        for name, each in found.items()
        if each["p"] < study_of.SIGNIFICANT
        and np.median(each["trained"]) > np.median(each["untrained"])
    ]


# --- sentences ------------------------------------------------------------------------


def probe_title(study, what):
    """The title of a figure of probes: which labels training made easier to read.

    Args:
        study: what ``probes.probe_networks`` gives.
        what: str, the images: "Lines".
    """
    by_label = helped(study)
    labels = [label for label, layers in by_label.items() if any(layers.values())]
    if not labels:
        return f"{what}: training adds nothing that can be read"
    return f"{what}: training makes the {tables.listed(labels)} easier to read"


def helped(study):
    """For each label, which layers can be read better than pixels and untrained ones.

    Returns:
        dict, label → dict, (network, layer) → bool; layers of heads are left out.
    """
    found = {label: {} for label in study["pixels"]}
    for network, by_layer in study["layers"].items():
        for layer, by_label in by_layer.items():
            if layer not in study_of.HEAD_LAYERS:
                for label, cell in by_label.items():
                    found[label][network, layer] = study_of.added(cell)
    return found


def probe_findings(study):
    """Show, label by label, what training added.

    Args:
        study: what ``probes.probe_networks`` gives.
    """
    sentences = []
    for label, layers in helped(study).items():
        pixels = max(study["pixels"][label].values())
        cells = [study["layers"][n][layer][label] for n, layer in layers]
        control = max(cell["untrained"] for cell in cells)
        best = max(cell["trained"] for cell in cells)
        sentences.append(
            f"**{label.capitalize()}**: pixels {pixels:.1%}, best untrained layer "
            f"{control:.1%}, best trained layer {best:.2%}. Training helps in "
            f"{sum(layers.values())} of {len(layers)} layers."
        )
    tables.findings(*sentences)


def activation_findings(results):
    """Show what the chapter found, from what its record holds."""
    lines_, digits = (results["probes"][kind] for kind in ("lines", "digits"))
    sure = [n for n in ("width", "color") if max(lines_["pixels"][n].values()) > 0.999]
    angle = lines_["layers"]["tuned_lines"]["relu3"]["angle"]
    tuned = [naming.label(name) for name in selective(results["tuning"])]
    digit = digits["layers"]["tuned_mnist"]["relu5"]["digit"]
    dead = sum(n for layers in results["inactive"].values() for n, _ in layers.values())
    channels = sum(
        n for layers in results["inactive"].values() for _, n in layers.values()
    )
    tables.findings(
        f"{tables.listed(sure, 'nothing').capitalize()} can be read from the pixels "
        "without any layer.",
        f"The angle: {max(lines_['pixels']['angle'].values()):.0%} at the pixels, "
        f"{angle['untrained']:.0%} at relu3 of an untrained tuned network, "
        f"{angle['trained']:.2%} after training.",
        f"The digit: {max(digits['pixels']['digit'].values()):.1%} at the pixels, "
        f"{digit['untrained']:.1%} at relu5 untrained, {digit['trained']:.2%} trained.",
        f"First filters respond more selectively to one angle than untrained ones in "
        f"{len(tuned)} of {len(results['tuning'])} networks: {'; '.join(tuned)}.",
        f"{dead} of {channels:,} channels after a ReLU are inactive for every image.",
    )
