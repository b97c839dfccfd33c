"""Lines outside the dataset: psychometric curves, interventions, corruptions."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn import metrics as scores

from coursework.data import lines, unseen
from coursework.figures import style
from coursework.studies import unseen_lines

UPPER = {"length": "long", "width": "thick", "color": "blue", "angle": "the next angle"}
TRAINED = {"length": lines.LENGTHS, "width": lines.WIDTHS, "color": (0, 1)}
LOOKS = (
    ("o-", style.TRAIN),
    ("s--", style.VALIDATION),
    ("^-.", "0.5"),
    ("D:", "black"),
    ("v-", "tab:green"),
)


def psychometric(found, title):
    """Probability of the upper level by value, a panel for each attribute.

    Args:
        found: what ``unseen_lines.psychometric`` gives.
        title: str.
    """
    figure, grid = plt.subplots(1, 4, figsize=(12, 3.4), sharey=True)
    for axes, (attribute, result) in zip(grid, found.items(), strict=True):
        draw_psychometric(axes, attribute, result)
    return style.finish(figure, title, grid[0], columns=5)


def draw_psychometric(axes, attribute, result):
    """One panel, without a legend."""
    trained = TRAINED.get(attribute, (0, unseen.STEP))
    for value in trained:
        axes.axvline(value, color="0.85", linewidth=5, zorder=0)
    axes.axvline(np.mean(trained), color="0.6", linestyle=":", zorder=0)
    axes.axhline(0.5, color="0.6", linestyle=":", zorder=0)
    for name, color, line in _lines_of(result["curves"]):
        means = np.array(result["curves"][name])[:, 0]
        axes.plot(result["values"], means, line, color=color, label=name)
    axes.set(title=attribute, ylim=(-0.02, 1.02))
    axes.set_xlabel(unseen_lines.UNITS[attribute])
    axes.set_ylabel(f"probability of {UPPER[attribute]}")
    axes.yaxis.set_tick_params(labelleft=True)


def _lines_of(curves):
    """Name, color and line style: seeds of one network have the same color."""
    palette = {"four": style.TRAIN, "tune": style.VALIDATION}
    count = {}
    for name in curves:
        number = count[name[:4]] = count.get(name[:4], -1) + 1
        yield name, palette.get(name[:4], "0.4"), ("-", "--", ":")[number]


def interventions(found, attribute, title):
    """Probability of "long" or "thick" where one thing was held, network by network.

    Args:
        found: dict, network → what ``unseen_lines.interventions`` gives.
        attribute: "length" or "width".
        title: str.
    """
    figure, grid = plt.subplots(
        1, len(found), figsize=(3.6 * len(found), 3.4), sharey=True, squeeze=False
    )
    for axes, (name, curves) in zip(grid[0], found.items(), strict=True):
        draw_interventions(axes, curves, attribute)
        axes.set_title(name)
    grid[0, 0].set_ylabel(f"probability of {UPPER[attribute]}")
    return style.finish(figure, title, grid[0, 0])


def draw_interventions(axes, curves, attribute):
    """One panel, without a legend."""
    values = unseen_lines.INK[attribute]
    for (name, means), (line, color) in zip(curves.items(), LOOKS, strict=False):
        axes.plot(values, means, line, color=color, label=name, markersize=4)
    axes.axhline(0.5, color="0.6", linestyle=":", zorder=0)
    axes.set(ylim=(-0.02, 1.02))
    axes.set_xlabel(
        f"{attribute}, or {attribute} of an\nundamaged line with the same ink, px"
    )


def corruptions(chosen):
    """One line under each corruption and severity.

    Args:
        chosen: an ``unseen.Sample`` of one line.
    """
    kinds = unseen.CORRUPTIONS
    rows = [f"{name}\n({unit})" for name, (_, _, unit) in kinds.items()]
    size = 5.6, 1.12 * len(rows) + 0.3
    figure, grid = style.picture_grid(rows, [""] * 5, size, fontsize=8)
    for line, (name, (_, severities, _)) in zip(grid, kinds.items(), strict=True):
        for axes, severity in zip(line, (0, *severities), strict=True):
            axes.imshow(unseen.corrupt(name, chosen, severity)[0])
            axes.set_title(f"{severity:g}", fontsize=8, pad=2)
    return figure


def robustness(found, images, title):
    """Joint accuracy by severity with Wilson's intervals, a panel for each corruption.

    Args:
        found: what ``unseen_lines.robustness`` gives.
        images: int, how many were tested.
        title: str.
    """
    figure, grid = plt.subplots(2, 4, figsize=(11, 4.8), sharey=True)
    for axes, (name, result) in zip(grid.flat, found.items(), strict=True):
        draw_robustness(axes, name, result, images)
    for row in grid:
        row[0].set_ylabel("joint accuracy")
    return style.finish(figure, title, grid[0, 0])


def draw_robustness(axes, name, result, images):
    """One panel, without a legend."""
    places = range(len(result["severities"]))
    correct = result["correct"].items()
    for (network, counts), (line, color) in zip(correct, LOOKS, strict=False):
        looks = {"fmt": line, "color": color, "label": network, "markersize": 4}
        shares = style.shares(counts, images)
        style.intervals(axes, shares, places, upright=True, **looks)
    chance = 1 / lines.CLASSES
    axes.axhline(chance, color="0.6", linestyle=":", label="chance", zorder=0)
    axes.set_xticks(places, [f"{severity:g}" for severity in result["severities"]])
    axes.set(title=name, xlabel=unseen.CORRUPTIONS[name][2], ylim=(-0.03, 1.03))
    axes.yaxis.set_major_formatter(style.percent)


def warning_curves(images, inside, outside, title):
    """ROC of the entropy as a warning, a panel with its image for each kind.

    Args:
        images: dict, kind → (N, 28, 28, 3), of which the first is shown.
        inside: lines of the dataset, what ``unseen_lines.sureness`` gives.
        outside: dict, kind → what ``unseen_lines.sureness`` gives.
        title: str.
    """
    figure, grid = plt.subplots(
        2, len(images), figsize=(2.8 * len(images), 4.6), height_ratios=[1, 2]
    )
    for (top, axes), (kind, shown) in zip(grid.T, images.items(), strict=True):
        top.imshow(shown[0])
        top.set(xticks=[], yticks=[], title=kind)
        found = outside[kind].items()
        for (name, each), (line, color) in zip(found, LOOKS, strict=False):
            both = inside[name]["entropy"], each["entropy"]
            truth = np.repeat([0, 1], list(map(len, both)))
            false, true, _ = scores.roc_curve(truth, np.concatenate(both))
            axes.plot(false, true, line[1:], color=color, label=name)
        axes.plot([0, 1], [0, 1], ":", color="0.6")
        axes.set(xlabel="false positive rate (lines)", aspect="equal")
    grid[1, 0].set_ylabel("true positive rate (others)")
    return style.finish(figure, title, grid[1, 0], columns=3)
