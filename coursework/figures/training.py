"""What a training led to: curves, variations, F-scores and confusions."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors, ticker

from coursework.data import lines
from coursework.figures import style
from coursework.studies import naming
from coursework.training import heads, metrics

# From green to dark blue: a single error has to stand out from the white of none.
COUNT_SCALE = colors.ListedColormap(
    plt.get_cmap(style.SCALE)(np.linspace(0.75, 0, 256))
)


def learning_curves(history, title):
    """Accuracy and loss, train and validation, epoch by epoch.

    Args:
        history: dict of lists with accuracy, val_accuracy, loss and val_loss.
        title: str.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for axes, key in ((left, "accuracy"), (right, "loss")):
        draw_curves(axes, history, key)
        axes.set(xlabel="epoch", title=key)
        axes.legend()
    style.stretch_towards_one([left])
    style.plain_log_axis(right)
    return style.finish(figure, title)


def head_learning_curves(history, title):
    """Accuracy and loss of all four heads together and of each, epoch by epoch.

    Args:
        history: dict of lists, as ``fit`` gives it for a network with heads.
        title: str.
    """
    figure, grid = plt.subplots(2, 5, figsize=(13, 5.6), sharex=True, sharey="row")
    columns = [("all four heads", "joint_accuracy", "loss")]
    columns += [(name, f"{name}_accuracy", f"{name}_loss") for name in heads.NAMES]
    for (top, bottom), (name, accuracy, loss) in zip(grid.T, columns, strict=True):
        draw_curves(top, history, accuracy)
        draw_curves(bottom, history, loss)
        top.set_title(name)
        bottom.set_xlabel("epoch")
    style.stretch_towards_one(grid[0])
    grid[0, 0].set_ylabel("accuracy (stretched)")
    style.plain_log_axis(grid[1, 0], labelled=(1,))
    return style.finish(figure, title, grid[1, 0], columns=3)


def draw_curves(axes, history, key):
    """One quantity on train, where it was measured, and on validation."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    for name, line, color, label in (
        (key, "o-", style.TRAIN, "train"),
        (f"val_{key}", "s--", style.VALIDATION, "validation"),
    ):
        if name in history:
            values = np.array(history[name])
            if key.endswith("accuracy"):
                values = np.minimum(values, style.MOST_ACCURATE)
            axes.plot(epochs, values, line, color=color, label=label)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))


def head_errors(record, rows, title):
    """Error of each head after each epoch, mean over the seeds, a panel for each row.

    Args:
        record: what ``trials.run`` gives of ``variations_four_heads``.
        rows: list of str, which of its rows.
        title: str.
    """
    figure, grid = plt.subplots(
        1, len(rows), figsize=(3.3 * len(rows), 3.2), sharey=True, squeeze=False
    )
    for axes, row in zip(grid[0], rows, strict=True):
        draw_head_errors(axes, record["trials"][row])
        axes.set(xlabel="epoch", title=row)
    grid[0, 0].set_ylabel("error (logarithmic)")
    return style.finish(figure, title, grid[0, 0])


def draw_head_errors(axes, trials):
    """One panel: the trials of one row."""
    for head, (line, color) in style.HEADS.items():
        key = f"{head}_accuracy"
        if key in trials[0]["history"]:
            errors = 1 - np.mean([trial["history"][key] for trial in trials], axis=0)
            epochs = range(1, len(errors) + 1)
            axes.plot(epochs, errors, line, color=color, label=head, markersize=4)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(style.percent)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))


def sample_efficiency(accuracies, images, title):
    """Errors of two networks against the number of images they were trained on.

    Args:
        accuracies: dict, network → (images a class → accuracy of each seed).
        images: int, how many the accuracies were measured on. No error at all is drawn
            as half an error, since a logarithmic axis has no zero.
        title: str.
    """
    figure, axes = plt.subplots(figsize=(7, 4))
    looks = (("s--", style.VALIDATION), ("o-", style.TRAIN))
    least = 0.5 / images
    for (name, by_count), (line, color) in zip(accuracies.items(), looks, strict=True):
        counts = sorted(by_count)
        errors = [np.maximum(1 - np.array(by_count[n]), least) for n in counts]
        means = [each.mean() for each in errors]
        label = f"{naming.label(name)}, mean of the seeds"
        axes.plot(counts, means, line, color=color, label=label)
        for count, each in zip(counts, errors, strict=True):
            axes.plot(np.full(len(each), count), each, "_", color=color, markersize=9)
    axes.axhline(least, color="0.75", linestyle=":", label="no error at all")
    axes.set(xscale="log", yscale="log", title=title)
    axes.set(xlabel="training images a class", ylabel="test error (logarithmic)")
    counts = sorted(set().union(*accuracies.values()))
    axes.set_xticks(counts, counts)
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(style.percent)
    axes.legend()
    return figure


def confusion_matrix(confusion, names, title="Confusion matrix"):
    """Images by true class (row) and predicted class (column), colours logarithmic.

    Args:
        confusion: (C, C) integers.
        names: C strings; beyond twelve classes only some are written, and no numbers.
        title: str.
    """
    numbered = len(names) <= style.MOST_NUMBERED
    figure, axes = plt.subplots(figsize=(6, 5) if numbered else (8.5, 7.2))
    picture = draw_confusion(axes, confusion, numbered)
    bar = figure.colorbar(picture, label="images (white: none)", format="{x:.0f}")
    bar.minorticks_off()
    shown = range(0, len(names), 1 if numbered else 8)
    axes.set_xticks(shown, [names[i] for i in shown], rotation=0 if numbered else 90)
    axes.set_yticks(shown, [names[i] for i in shown])
    hint = "" if numbered else " (every eighth is named)"
    axes.set(xlabel=f"predicted class{hint}", ylabel=f"true class{hint}", title=title)
    return figure


def folded_confusions(confusions):
    """Confusions of length, width, angle and color, as ``metrics.fold`` gives them."""
    figure, grid = plt.subplots(1, 4, figsize=(12, 4.8), width_ratios=[1, 1, 2.6, 1])
    for axes, confusion, attribute in zip(
        grid, confusions, lines.ATTRIBUTES, strict=True
    ):
        draw_confusion(axes, confusion, numbered=True)
        names = lines.ATTRIBUTE_NAMES[attribute]
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="predicted", title=attribute)
    grid[0].set_ylabel("true")
    return figure


def draw_confusion(axes, confusion, numbered):
    """Images by true and predicted class; returns the picture, for a color bar."""
    norm = colors.LogNorm(vmin=1, vmax=max(2, confusion.max()))
    picture = axes.imshow(np.ma.masked_equal(confusion, 0), norm=norm, cmap=COUNT_SCALE)
    size = 9 if len(confusion) <= 10 else 8
    if not numbered:  # a cell would be too small to be seen
        rows, columns = np.nonzero(confusion * (1 - np.eye(len(confusion))))
        axes.scatter(columns, rows, 22, facecolors="none", edgecolors=style.VALIDATION)
    if numbered:
        for (row, column), images in np.ndenumerate(confusion):
            if images:
                color = "white" if norm(images) > 0.5 else "black"
                look = {"color": color, "fontsize": size, "ha": "center"}
                axes.text(column, row, images, va="center", **look)
    return picture


VISIBILITIES = (0, 0.2, 0.35, 0.5, 0.75, 1)
RATE_FLOOR = 8e-6  # where the axis of error rates ends: a logarithm has no zero


def error_by_visibility(visibility, wrong, title):
    """Share of wrong lines against how much of a line a filter sees.

    Args:
        visibility: (N,) floats, 0…1.
        wrong: dict, network → list of (N,) bool, one for each seed.
        title: str.
    """
    bins = np.digitize(visibility, VISIBILITIES[1:-1])
    figure, axes = plt.subplots(figsize=(7.5, 3.9))
    looks = (("o", style.TRAIN, -0.08), ("s", style.VALIDATION, 0.08))
    for (name, seeds), look in zip(wrong.items(), looks, strict=False):
        errors = [sum(int(s[bins == k].sum()) for s in seeds) for k in range(5)]
        images = np.bincount(bins, minlength=5) * len(seeds)
        _draw_rates(axes, errors, images, name, *look)
    labels = [
        f"{low:.0%} to {high:.0%}\n({np.mean(bins == k):.1%} of lines)"
        for k, (low, high) in enumerate(itertools.pairwise(VISIBILITIES))
    ]
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set(yscale="log", ylim=(RATE_FLOOR, None), title=title)
    axes.set(xlabel="visibility of the line")
    axes.set_ylabel("wrong lines (bar: 95 % interval;\nnumber: how many)")
    axes.yaxis.set_major_formatter(style.percent)
    axes.legend()
    return figure


def _draw_rates(axes, errors, images, name, marker, color, shift):
    """Error rates with Wilson's interval and the number of errors."""
    for place, (count, total) in enumerate(zip(errors, images, strict=True)):
        low, high = metrics.wilson(count, total)
        x = place + shift
        axes.plot([x, x], [max(low, RATE_FLOOR), high], color=color)
        if count:
            axes.plot(x, count / total, marker, color=color)
        above = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
        axes.annotate(str(count), (x, high), fontsize=8, color=color, **above)
    axes.plot([], [], marker + "-", color=color, label=name)


def f_scores(f1, names, most=16):
    """The F-scores below 1, lowest first; how many classes have 1 is in the title.

    Args:
        f1: (C,) floats, 0…1.
        names: C strings.
        most: int, how many classes are drawn at most.
    """
    below = np.flatnonzero(f1 < 1)
    order = below[np.argsort(f1[below], kind="stable")][:most]
    if len(names) <= style.MOST_NUMBERED:
        order = np.arange(len(names))
    labels = [names[k] for k in order]
    if not len(order):
        order, labels = [0], ["every class"]
    figure, axes = plt.subplots(figsize=(6.5, 0.26 * len(order) + 1))
    axes.plot(f1[order], range(len(order)), "o", color=style.TRAIN)
    for row, k in enumerate(order):
        beside = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(f"{f1[k]:.4f}", (f1[k], row), **beside)
    axes.set_yticks(range(len(order)), labels)
    axes.set_ylim(len(order) - 0.5, -0.5)
    lowest = min(f1[order].min(), 0.999)
    axes.set_xlim(1 - 1.15 * (1 - lowest), 1 + 0.15 * (1 - lowest))
    axes.grid(axis="x", color="0.9")
    title = f"The lowest F-score is that of {labels[f1[order].argmin()]}"
    if len(names) > style.MOST_NUMBERED:
        title = f"{(f1 == 1).sum()} of {len(names)} classes have F-score 1"
        title += f"; the lowest {len(below[:most])}:" if len(below) else ""
    axes.set(xlabel="F-score", title=title)
    return figure


def confusion_by_attribute(confusion):
    """Confusion of the 96 line classes, folded onto their four attributes.

    Args:
        confusion: (96, 96) integers, true class (row) by predicted class (column).
    """
    return folded_confusions(metrics.fold(confusion, lines.LEVELS))
