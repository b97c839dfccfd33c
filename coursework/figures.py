"""Every plot of data, training and results, in one look.

Each function returns a matplotlib figure; a notebook shows it as the value of a cell,
and ``save`` writes it for the reports. Colours are readable in grey print.
"""

import io
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors, ticker
from PIL import Image

from coursework import files, heads, lines, paths
from coursework.visualize import pictures

TRAIN, VALIDATION = "#1b5e8c", "#d97706"
EFFECTS = {"better": ("^", TRAIN), "worse": ("v", VALIDATION), "none": ("o", "0.45")}
EFFECT_LABELS = {"better": "better", "worse": "worse", "none": "no effect"}
HEADS = {  # line and colour of each head, to be told apart in grey print too
    "length": ("o-", TRAIN),
    "width": ("s--", VALIDATION),
    "color": ("^-.", "0.5"),
    "angle": ("D-", "black"),
}
SCALE, SIGNED = "viridis", "RdBu_r"  # for values of one sign, of two signs
# From green to dark blue: a single error has to stand out from the white of none.
COUNT_SCALE = colors.ListedColormap(plt.get_cmap(SCALE)(np.linspace(0.75, 0, 256)))
GAP = 2  # px between the tiles of a sheet
BACKGROUND = 200  # grey level between tiles
MOST_ACCURATE = 0.9999  # where the accuracy axis ends
ACCURACY_TICKS = (
    *(
        0.01,
        0.03,
        0.1,
        0.25,
        0.5,
        0.75,
        0.9,
        0.95,
        0.97,
        0.98,
        0.985,
        0.9875,
        0.99,
        0.995,
    ),
    *(0.998, 0.999, 0.9995, MOST_ACCURATE),
)
NEARLY_WHITE = 250  # what a reduced palette makes of white
MOST_NUMBERED = 12  # classes for which a confusion matrix still has room for numbers


def use_style():
    """Set matplotlib's defaults for this project."""
    plt.rcParams.update(
        {
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "image.interpolation": "nearest",
            "image.cmap": SCALE,
            "legend.frameon": False,
        }
    )


def save(figure, name, stand_in=False):
    """Write a figure as a palette PNG, which is a third of the size of a full one.

    Args:
        figure: a matplotlib figure.
        name: str, the file's name without its ending.
        stand_in: bool, whether it shows results on stand-in data.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    path = paths.figures(stand_in) / f"{name}.png"
    with files.replacing(path) as temporary:
        temporary.write_bytes(as_png(figure))
    return paths.relative(path)


def as_png(figure, dpi=150):
    """The bytes of a figure as a palette PNG, the same ones each time."""
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=dpi)
    palette = Image.open(drawn).convert("RGB").quantize(256)
    shades = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    shades[(shades >= NEARLY_WHITE).all(axis=1)] = 255  # as white as the page around it
    palette.putpalette(shades.ravel().tolist())
    palette.save(written, "PNG", optimize=True)
    return written.getvalue()


def close(figure):
    """Free a figure that a notebook should not show."""
    plt.close(figure)


def tile(images, columns):
    """Put images beside one another.

    Args:
        images: (N, height, width, channels) uint8.
        columns: int, images in a row; the last row may be shorter.

    Returns:
        (rows, …, 3) uint8 picture with grey gaps, and the distances from tile to tile,
        (vertical, horizontal) in px.
    """
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    pitch = height + GAP, width + GAP
    sheet = np.full(
        (rows * pitch[0] + GAP, columns * pitch[1] + GAP, 3), BACKGROUND, np.uint8
    )
    for index, image in enumerate(images):
        top = index // columns * pitch[0] + GAP
        left = index % columns * pitch[1] + GAP
        sheet[top : top + height, left : left + width] = image
    return sheet, pitch


def contact_sheet(dataset):
    """One image of each of the 96 classes, the one most in the middle."""
    chosen = lines_by_kind([_most_central(dataset, c) for c in range(lines.CLASSES)])
    sheet, pitch = tile(dataset.images[chosen.ravel()], len(lines.ANGLES))
    figure, axes = plt.subplots(figsize=(10, 6.3))
    axes.imshow(sheet)
    label_kinds(axes, *pitch)
    axes.set_title("The 96 classes, one image each")
    return figure


def _most_central(dataset, index):
    members = np.flatnonzero(dataset.classes == index)
    middle = (lines.SIZE + 1) / 2  # of a pixel, so that thin lines look thin
    distance = np.abs(dataset.centers[members] - middle).max(axis=1)
    return members[distance.argmin()]


def lines_by_kind(values):
    """Arrange 96 values as (length, width, color) by angle: (8, 12)."""
    return np.asarray(values).reshape(lines.LEVELS).swapaxes(2, 3).reshape(8, 12)


def label_kinds(axes, row_pitch, column_pitch):
    """Name the axes of an 8 by 12 sheet of the line classes."""
    kinds = [
        lines.class_name(index).rsplit(" ", 1)[0]
        for index in lines_by_kind(np.arange(96))[:, 0]
    ]
    columns = (np.arange(len(lines.ANGLES)) + 0.5) * column_pitch
    rows = (np.arange(len(kinds)) + 0.5) * row_pitch
    offset = GAP / 2 if row_pitch > 1 else -0.5
    axes.set_xticks(columns + offset, lines.ATTRIBUTE_NAMES["angle"])
    axes.set_yticks(rows + offset, kinds)
    axes.set_xlabel("angle with the x-axis, counter-clockwise")
    axes.set_ylabel("length, width, color")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def gallery(images, titles, columns=8, size=1.25):
    """Images with a title each.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        titles: N strings.
        columns: int, images in a row.
        size: float, width of an image in inches.
    """
    rows = max(1, -(-len(images) // columns))
    height = size + 0.17 * (1 + max((t.count("\n") for t in titles), default=0))
    figure, grid = plt.subplots(
        rows, columns, figsize=(columns * size, rows * height), squeeze=False
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=8, loc="center")
    return figure


def error_gallery(images, truth, probabilities, names):
    """Wrong images, each with its true class, the predicted one and how sure that was.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        truth: (N,) integers.
        probabilities: (N, C) floats.
        names: C strings.
    """
    titles = [
        f"{names[label]}\n→ {names[p.argmax()]} ({p.max():.0%})"
        for label, p in zip(truth, probabilities, strict=True)
    ]
    if len(names) > MOST_NUMBERED:  # many classes have long names
        return gallery(images, titles, columns=6, size=1.9)
    return gallery(images, titles, columns=8, size=1.25)


def head_gallery(images, classes, outputs):
    """Lines, each with its true class and what each head says of it, and how sure.

    Args:
        images: (N, 28, 28, 3) uint8.
        classes: (N,) integers, 0…95, the true ones.
        outputs: what ``predict`` returns for these images: a list, one array a head.
    """
    shares = heads.probabilities(outputs)
    titles = []
    for row, label in enumerate(classes):
        said = [
            f"{lines.ATTRIBUTE_NAMES[name][share[row].argmax()]} {share[row].max():.1%}"
            for name, share in shares.items()
        ]
        said = f"→ {', '.join(said[:2])},\n{', '.join(said[2:])}"
        titles.append(f"{lines.class_name(label)}\n{said}")
    return gallery(images, titles, columns=6, size=2.1)


def line_centers(dataset, index, parts):
    """Where the centres of one class lie, train (validation with it) and test."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    members = dataset.classes == index
    for name, indices, marker in (
        ("train and validation", np.concatenate([parts.train, parts.validation]), "o"),
        ("test", parts.test, "x"),
    ):
        x, y = dataset.centers[indices[members[indices]]].T
        axes.plot(x, y, marker, markersize=2.5, label=f"{name}: {len(x)}")
    axes.set(xlim=(0, lines.SIZE), ylim=(lines.SIZE, 0), aspect="equal")
    axes.set(xlabel="x of the centre, px", ylabel="y of the centre, px")
    axes.set_title(f"Centres of “{lines.class_name(index)}”")
    axes.legend(loc="lower left", bbox_to_anchor=(0, -0.32), ncols=2)
    return figure


def learning_curves(history, title):
    """Accuracy and loss, train and validation, epoch by epoch.

    Args:
        history: dict of lists with accuracy, val_accuracy, loss and val_loss.
        title: str.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for axes, key in ((left, "accuracy"), (right, "loss")):
        draw_curves(axes, history, key)
        axes.set(xlabel="epoch", title=f"{title}: {key}")
        axes.legend()
    stretch_towards_one([left])
    plain_log_axis(right)
    return figure


def head_learning_curves(history, title):
    """Accuracy and loss of all four heads together and of each, epoch by epoch.

    Args:
        history: dict of lists, as ``training.train`` gives it for a network with heads.
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
    stretch_towards_one(grid[0])
    grid[0, 0].set_ylabel("accuracy (stretched)")
    plain_log_axis(grid[1, 0], labelled=(1,))
    figure.legend(
        *grid[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def draw_curves(axes, history, key):
    """One quantity on train, where it was measured, and on validation."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    best = epochs[np.argmin(history["val_loss"])]
    for name, line, color, label in (
        (key, "o-", TRAIN, "train"),
        (f"val_{key}", "s--", VALIDATION, "validation"),
    ):
        if name in history:
            values = np.array(history[name])
            if key.endswith("accuracy"):
                values = np.minimum(values, MOST_ACCURATE)
            axes.plot(epochs, values, line, color=color, label=label)
    axes.axvline(best, color="0.75", zorder=0, label=f"kept: epoch {best}")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))


def errors_by_step(trials, images, title):
    """How soon each head learns: its share of errors during the training.

    Args:
        trials: dict, what was changed → list of ``variations.Trial`` with curves; the
            mean over them is drawn.
        images: int, on how many the curves were measured; no error at all is drawn as
            half an error, since a logarithmic axis has no zero.
        title: str.
    """
    figure, grid = plt.subplots(
        1, len(trials), figsize=(3.9 * len(trials), 4.2), sharey=True, squeeze=False
    )
    least = 0.5 / images
    for axes, (name, group) in zip(grid[0], trials.items(), strict=True):
        steps = group[0].curves["step"]
        for head, (line, color) in HEADS.items():
            errors = 1 - np.mean([trial.curves[head] for trial in group], axis=0)
            errors = np.maximum(errors, least)
            axes.plot(steps, errors, line, color=color, label=head, markersize=4)
        axes.axhline(least, color="0.75", linestyle=":", label="no error at all")
        seeds = f"{len(group)} seed{'s' * (len(group) > 1)}"
        axes.set(yscale="log", xlabel="gradient step", title=f"{name} ({seeds})")
    grid[0, 0].set_ylabel("validation error (logarithmic)")
    grid[0, 0].yaxis.set_major_formatter(ticker.FuncFormatter(percent))
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def variations(comparisons, title, score="validation accuracy"):
    """The validation accuracy of each variation beside the noise of the base.

    Args:
        comparisons: list of ``variations.Comparison`` with the same base.
        title: str.
        score: str, what kind of accuracy it is.
    """
    figure, axes = plt.subplots(figsize=(9.5, 0.27 * len(comparisons) + 1.4))
    draw_variations(axes, comparisons)
    axes.set(xlabel=f"{score} (stretched towards 100 %)", title=title)
    figure.legend(loc="outside lower center", ncols=5, fontsize=9)
    return figure


def draw_variations(axes, comparisons, ticks=11):
    """A row for each variation, a mark for each of its trainings, so many ticks."""
    _draw_base(axes, comparisons[0])
    for effect, (marker, color) in EFFECTS.items():
        points = [
            (trial.accuracy, row)
            for row, comparison in enumerate(comparisons)
            if comparison.effect == effect
            for trial in comparison.trials
        ]
        x, y = np.array(points).reshape(-1, 2).T
        x = np.minimum(x, MOST_ACCURATE)
        axes.plot(x, y, marker, color=color, label=EFFECT_LABELS[effect])
    names = ["base", *(comparison.name for comparison in comparisons)]
    axes.set_yticks(range(-1, len(comparisons)), names)
    axes.invert_yaxis()
    _stretch_accuracies(axes, comparisons, ticks)


def _stretch_accuracies(axes, comparisons, ticks):
    """A logit axis over all trials, with ticks that do not overlap."""
    trials = [trial for each in comparisons for trial in each.trials + each.base]
    values = np.clip([trial.accuracy for trial in trials], 0.001, MOST_ACCURATE)
    odds = np.log(values / (1 - values))
    margin = 0.05 * np.ptp(odds) + 0.1
    low, high = odds.min() - margin, odds.max() + margin
    axes.set_xscale("logit")
    axes.set_xlim(*(1 / (1 + np.exp(-odd)) for odd in (low, high)))
    shown = [low]
    for tick in ACCURACY_TICKS:
        odd = np.log(tick / (1 - tick))
        if shown[-1] + (high - low) / ticks < odd < high:
            shown.append(odd)
    axes.set_xticks([1 / (1 + np.exp(-odd)) for odd in shown[1:]])
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(percent))
    axes.xaxis.set_minor_locator(ticker.NullLocator())


def _draw_base(axes, comparison):
    """The base's seeds and the band in which nothing counts as an effect."""
    values = np.array([trial.accuracy for trial in comparison.base])
    width = comparison.threshold * values.std(ddof=1)
    axes.axvspan(
        *(values.mean() - width, min(values.mean() + width, MOST_ACCURATE)),
        color="0.88",
        label=f"base ± {comparison.threshold} standard deviations",
    )
    row = np.full(len(values), -1)
    axes.plot(values, row, "|", color="black", markersize=9, label="base, each seed")


def percent(share, _=None):
    """0.995 as "99.5 %", with as many digits as it takes."""
    return f"{100 * share:.6g} %"


def sample_efficiency(accuracies, images, title):
    """Errors of two networks against the number of images they were trained on.

    Args:
        accuracies: dict, network → (images a class → accuracy of each seed).
        images: int, how many the accuracies were measured on. No error at all is drawn
            as half an error, since a logarithmic axis has no zero.
        title: str.
    """
    figure, axes = plt.subplots(figsize=(7, 4))
    looks = (("s--", VALIDATION), ("o-", TRAIN))
    least = 0.5 / images
    for (name, by_count), (line, color) in zip(accuracies.items(), looks, strict=True):
        counts = sorted(by_count)
        errors = [np.maximum(1 - np.array(by_count[n]), least) for n in counts]
        means = [each.mean() for each in errors]
        axes.plot(counts, means, line, color=color, label=f"{name}, mean of the seeds")
        for count, each in zip(counts, errors, strict=True):
            axes.plot(np.full(len(each), count), each, "_", color=color, markersize=9)
    axes.axhline(least, color="0.75", linestyle=":", label="no error at all")
    axes.set(xscale="log", yscale="log", title=title)
    axes.set(xlabel="training images a class", ylabel="test error (logarithmic)")
    counts = sorted(set().union(*accuracies.values()))
    axes.set_xticks(counts, counts)
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(percent))
    axes.legend()
    return figure


def activation_strips(images, stages, names, answers, channels=2, outputs=()):
    """What the layers make of a few images: a row for each image, a column for a layer.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        stages: list of dicts, layer → (N, height, width, C) or (N, C) floats. The
            layers of a stage have the same channels; shown are those that vary most,
            over images and places, in its last layer. Vectors are shown whole, row by
            row in a square.
        names: N strings, of the images.
        answers: N strings, what the network says of them.
        channels: int, how many channels of each stage are shown.
        outputs: names of layers that give probabilities: their scale is 0…1.
    """
    columns = [
        _column(name, values, _most_varied(list(stage.values())[-1], channels))
        for stage in stages
        for name, values in stage.items()
    ]
    widths = [1, *(tiles.shape[1] for _, _, tiles in columns)]
    beside = sum(max(map(len, texts)) for texts in (names, answers))
    size = 0.72 * sum(widths) + 0.075 * beside + 0.4, 0.72 * len(images) + 0.75
    figure, grid = plt.subplots(1, len(widths), figsize=size, width_ratios=widths)
    pictures = np.broadcast_to(images, (*images.shape[:3], 3))
    _draw_tiles(grid[0], pictures[:, None])
    for axes, (name, title, tiles) in zip(grid[1:], columns, strict=True):
        low, most = (0, 1) if name in outputs else _ends(tiles)
        _draw_tiles(axes, tiles, SIGNED if low else SCALE, low, most)
        ends = f"{low:.2g}…{most:.2g}".replace("-", "−")
        axes.set_title(f"{name}\n{title}\n{ends}", fontsize=7, loc="center")
    rows = np.arange(len(names)) + 0.5
    grid[0].set_yticks(rows, names, fontsize=8)
    grid[-1].set_yticks(rows, [f"→ {answer}" for answer in answers], fontsize=8)
    grid[-1].yaxis.tick_right()
    return figure


def _most_varied(activation, count):
    """The channels that vary most over images and places; None for a vector."""
    if activation.ndim == 2:
        return None
    return np.sort(np.argsort(-activation.var(axis=(0, 1, 2)))[:count])


def _column(name, activation, chosen):
    """A layer's name, what is shown of it, and that as (N, tiles, y, x); NaN pads."""
    if activation.ndim == 2:
        count = activation.shape[1]
        side = math.ceil(math.sqrt(count))
        padded = np.full((len(activation), side * side), np.nan)
        padded[:, :count] = activation
        return name, f"{count}\nall", padded.reshape(len(activation), 1, side, side)
    shape = "×".join(map(str, activation.shape[1:]))
    numbers = ", ".join(map(str, chosen))
    tiles = np.moveaxis(activation[..., chosen], -1, 1)
    return name, f"{shape}\nchannels {numbers}", tiles


def _ends(values):
    """The ends of a color scale: from 0, or as far below it as above."""
    most = float(np.nanmax(np.abs(values))) or 1.0
    return (-most if np.nanmin(values) < 0 else 0), most


def _draw_tiles(axes, tiles, scale=None, low=None, most=None):
    """Tiles of one size with grey gaps; NaN is as grey as these.

    Args:
        axes: of matplotlib.
        tiles: (rows, columns, height, width) floats, or with a last axis of 3 more for
            colors, uint8.
        scale: str, name of a color scale.
        low, most: floats, its ends.
    """
    gap = 0.03
    for row, column in np.ndindex(tiles.shape[:2]):
        extent = column + gap, column + 1 - gap, row + 1 - gap, row + gap
        picture = tiles[row, column]
        axes.imshow(picture, cmap=scale, vmin=low, vmax=most, extent=extent)
    axes.set(xlim=(0, tiles.shape[1]), ylim=(tiles.shape[0], 0), xticks=[], yticks=[])
    axes.set_facecolor([BACKGROUND / 255] * 3)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def probe_curves(accuracies, chance, title):
    """How well each label can be read from each layer by a linear function.

    Args:
        accuracies: dict, layer → (label → accuracy), layers one after the other.
        chance: dict, label → accuracy of guessing; drawn dotted.
        title: str.
    """
    layers = list(accuracies)
    figure, axes = plt.subplots(figsize=(0.62 * len(layers) + 2.4, 3.6))
    for label in accuracies[layers[0]]:
        line, color = HEADS.get(label, HEADS["angle"])
        values = [accuracies[layer][label] for layer in layers]
        axes.plot(layers, values, line, color=color, label=label, markersize=4)
    for share in sorted(set(chance.values())):
        axes.axhline(share, color="0.6", linestyle=":", zorder=0)
        text = f"chance {share:.0%}"
        axes.annotate(
            *(text, (1, share)),
            xycoords=("axes fraction", "data"),
            **{"ha": "right", "va": "bottom", "fontsize": 7, "color": "0.4"},
        )
    axes.set(ylim=(0, 1.03), ylabel="accuracy of a linear probe", title=title)
    axes.set_xlabel("layer (its outputs)")
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(percent))
    axes.tick_params(axis="x", labelsize=8)
    axes.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.14))
    return figure


def probe_table(accuracies, chance, title):
    """How well each label can be read from layers that stand side by side.

    Args:
        accuracies: dict, layer → (label → accuracy).
        chance: dict, label → accuracy of guessing, which is white; 100 % is dark.
        title: str.
    """
    labels = list(chance)
    shares = np.array([[row[label] for label in labels] for row in accuracies.values()])
    least = np.array([chance[label] for label in labels])
    figure, axes = plt.subplots(
        figsize=(1.25 * len(labels) + 1.4, 0.5 * len(shares) + 1)
    )
    axes.imshow(
        (shares - least) / (1 - least), cmap="Greys", vmin=0, vmax=1, aspect="auto"
    )
    for (row, column), share in np.ndenumerate(shares):
        dark = share - least[column] > 0.5 * (1 - least[column])
        text, color = f"{share:.0%}", "white" if dark else "black"
        axes.text(column, row, text, ha="center", va="center", color=color)
    names = [f"{label}\n(chance {chance[label]:.0%})" for label in labels]
    axes.set_xticks(range(len(labels)), names)
    axes.set_yticks(range(len(shares)), list(accuracies))
    axes.set_title(title)
    axes.tick_params(length=0)
    return figure


def tuning_map(tuning, title, colored=True):
    """The response of each filter to every angle, its largest one black.

    Args:
        tuning: an ``insights.Tuning``.
        title: str.
        colored: bool, whether the preferred color of each filter is drawn beside it.
    """
    strength = tuning.responses.sum(axis=2)
    order = np.argsort(tuning.preferred)
    most = strength.max(axis=1, keepdims=True)
    scaled = np.divide(strength, most, out=np.zeros_like(strength), where=most > 0)
    panels = {"ncols": 2, "width_ratios": [3, 1]} if colored else {}
    size = (9 if colored else 6.75, 0.17 * len(order) + 1.4)
    figure, grid = plt.subplots(figsize=size, sharey=True, squeeze=False, **panels)
    left = grid[0, 0]
    left.imshow(scaled[order], cmap="Greys", vmin=0, vmax=1, aspect="auto")
    left.set_xticks(range(len(lines.ANGLES)), lines.ATTRIBUTE_NAMES["angle"])
    left.set_yticks(range(len(order)), order, fontsize=6)
    left.set(xlabel="angle of the line", ylabel="filter", title=title)
    if colored:
        grid[0, 1].barh(range(len(order)), tuning.color[order], color="0.4")
        grid[0, 1].set(xlim=(-1, 1), xlabel="blue only ←  → red only", title="color")
    return figure


def plain_log_axis(axes, labelled=(1, 2, 5)):
    """A logarithmic axis labelled 0.1, 0.2, 0.5, 1 … instead of powers of ten."""
    axes.set(yscale="log", ylabel="loss (logarithmic)")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=labelled))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(ticker.NullLocator())


def stretch_towards_one(row):
    """Logit axes, on which 99 % and 99.9 % are as far apart as 90 % and 99 %.

    Args:
        row: axes that show accuracies and share a scale; the first one is labelled.
    """
    bottom = min(
        line.get_ydata().min()
        for axes in row
        for line in axes.lines
        if line.get_label() in ("train", "validation")
    )
    for axes in row:
        axes.set_yscale("logit")
        axes.set_yticks([0.1, 0.5, 0.9, 0.99, 0.999, MOST_ACCURATE])
        axes.set_yticklabels(["10 %", "50 %", "90 %", "99 %", "99.9 %", "≥ 99.99 %"])
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.set_ylim(bottom * 0.9, 1 - (1 - MOST_ACCURATE) / 2)
    row[0].set_ylabel("accuracy (stretched towards 100 %)")


def f_score_bars(f1, names):
    """The F-score of each of a few classes, as bars with their numbers."""
    figure, axes = plt.subplots(figsize=(6, 0.32 * len(names) + 1))
    bars = axes.barh(names, f1, color=TRAIN)
    axes.bar_label(bars, [f"{score:.4f}" for score in f1], padding=4)
    axes.set_xlim(max(0, math.floor(min(f1) * 100 - 1) / 100), 1)
    axes.invert_yaxis()
    axes.set(xlabel="F-score (the axis does not begin at 0)", ylabel="class")
    axes.set_title("F-score of each class")
    return figure


def f_score_sheet(f1):
    """The F-scores of the 96 line classes, arranged as the contact sheet."""
    scores = lines_by_kind(f1)
    figure, axes = plt.subplots(figsize=(10, 4.2))
    picture = axes.imshow(scores, vmin=min(0.99, scores.min()), vmax=1, aspect="auto")
    for (row, column), score in np.ndenumerate(scores):
        if score < 1:
            dark = picture.norm(score) < 0.6
            text = f"{score:.4f}".lstrip("0")
            color = "white" if dark else "black"
            axes.text(column, row, text, ha="center", va="center", color=color)
    label_kinds(axes, 1, 1)
    figure.colorbar(picture, label="F-score")
    axes.set_title("F-score of each class (a cell without a number: 1)")
    return figure


def confusion_matrix(confusion, names, title="Confusion matrix"):
    """Images by true class (row) and predicted class (column), colours logarithmic.

    Args:
        confusion: (C, C) integers.
        names: C strings; beyond twelve classes only some are written, and no numbers.
        title: str.
    """
    numbered = len(names) <= MOST_NUMBERED
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
    size = 9 if len(confusion) <= 10 else 7
    if numbered:
        for (row, column), images in np.ndenumerate(confusion):
            if images:
                color = "white" if norm(images) > 0.5 else "black"
                where = {"ha": "center", "va": "center"}
                axes.text(column, row, images, color=color, fontsize=size, **where)
    return picture


# --- class activation maps ------------------------------------------------------------

TILE = 0.85  # inches, of an image in a table of pictures
DIMMED = 0.55  # how bright an image is under its map
MAP_LOOKS = (  # marker and colour of each method, to be told apart in grey too
    *(("o", TRAIN), ("s", "0.6"), ("^", "black"), ("D", VALIDATION)),
    *(("x", "0.2"), ("P", "#7c3aed"), ("*", "#15803d")),
)
MAP_SIZES = {"first": 12, "middle": 36, "last": 90}  # of a marker: coarser, larger
WITHOUT_LAYER = 45


def picture_table(columns, names, notes=()):
    """Pictures in rows and columns: a row for each image, say, a column for each map.

    Args:
        columns: dict, title → (N, height, width, 3) floats, 0…1; sizes may differ from
            column to column.
        names: N strings, of the rows.
        notes: (row, column, text) each, written over the corner of a picture.
    """
    beside = 0.2 + 0.07 * max(len(line) for name in names for line in name.split("\n"))
    above = 0.1 + 0.13 * (1 + max(title.count("\n") for title in columns))
    width, height = beside + TILE * len(columns), above + TILE * len(names)
    figure = plt.figure(figsize=(width, height), layout="none")
    grid = [
        figure.add_axes(
            (
                *((beside + TILE * place) / width, 0),
                *(0.96 * TILE / width, 1 - above / height),
            )
        )
        for place in range(len(columns))
    ]
    for axes, (title, column) in zip(grid, columns.items(), strict=True):
        axes.imshow(_stacked(column), extent=(0, 1, len(column), 0), aspect="auto")
        axes.set_title(title, fontsize=7, loc="center", pad=3)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for row, column, text in notes:
        look = {"fontsize": 6.5, "color": "white", "va": "top"}
        grid[column].text(0.05, row + 0.06, text, **look)
    grid[0].set_yticks(np.arange(len(names)) + 0.5, names, fontsize=8)
    grid[0].tick_params(length=0)
    return figure


def _stacked(column):
    """Pictures on top of one another, each in a white frame."""
    height = column.shape[1]
    factor = -(-4 * lines.SIZE // height)
    large = column.repeat(factor, axis=1).repeat(factor, axis=2)
    frame = (0, 0), (2, 2), (2, 2), (0, 0)
    framed = np.pad(large, frame, constant_values=1.0)
    return framed.reshape(-1, *framed.shape[2:])


def over_images(images, found):
    """Columns for ``picture_table``: images with each of a few maps over them.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        found: dict, title → ``visualize.Maps`` of these images.

    Returns:
        The columns, the images first, and notes on the maps that are blank.
    """
    columns = {"image": np.stack([pictures.as_shown(i, (0, 255)) for i in images])}
    for title, maps in found.items():
        pairs = zip(images * DIMMED, maps.scaled(), strict=True)
        columns[title] = np.stack([pictures.overlay(*p, (0, 255)) for p in pairs])
    notes = [
        (row, column, "blank")
        for column, maps in enumerate(found.values(), start=1)
        for row in np.flatnonzero(maps.blank)
    ]
    return columns, notes


def brightness(values):
    """The mean positive activation over a layer's channels, as pictures.

    Args:
        values: (N, height, width, C) floats.

    Returns:
        (N, height, width, 3) floats, 0…1, one colour scale for all images.
    """
    mean = np.maximum(values, 0).mean(axis=-1)
    return plt.get_cmap(SCALE)(mean / (mean.max() or 1))[..., :3]


def map_score_table(scores, panels, rows, columns):
    """How well maps point, methods by networks, one panel for each score.

    Args:
        scores: dict, panel → (len(rows), len(columns)) floats, 0…1; NaN: no such map.
        panels: dict, panel → its title.
        rows: strings, methods and layers, and baselines.
        columns: strings, networks or heads.
    """
    figure, grid = plt.subplots(
        *(1, len(panels)),
        figsize=(13, 0.27 * len(rows) + 1.3),
        sharey=True,
        squeeze=False,
    )
    for axes, (name, title) in zip(grid[0], panels.items(), strict=True):
        axes.imshow(scores[name], cmap=SCALE, vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(scores[name]):
            if np.isfinite(value):
                color = "white" if value < 0.6 else "black"
                where = {"ha": "center", "va": "center", "fontsize": 7}
                axes.text(column, row, f"{value:.2f}", color=color, **where)
        axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right")
        axes.set_title(title, fontsize=9)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    grid[0, 0].set_yticks(range(len(rows)), rows, fontsize=8)
    return figure


def dependence(points, title):
    """Energy on the line against how much of a map survives randomized weights.

    Args:
        points: dict, method → (depth, survival, energy) each: survival is the rank
            correlation after the randomization minus that with another image's map;
            energy is a multiple of the line's share of the image.
        title: str.
    """
    figure, axes = plt.subplots(figsize=(8.4, 4.2))
    axes.axvspan(-2, 0, color="0.92", label="no more than another image's map")
    axes.axhline(1, color="0.6", linestyle=":", label="no better than anywhere")
    for (method, values), look in zip(points.items(), MAP_LOOKS, strict=False):
        if not values:
            continue
        depths, x, y = zip(*values, strict=True)
        sizes = [MAP_SIZES.get(depth, WITHOUT_LAYER) for depth in depths]
        axes.scatter(x, y, sizes, marker=look[0], color=look[1], label=method)
    for depth, size in MAP_SIZES.items():
        axes.scatter([], [], size, marker="o", color="0.8", label=f"{depth} layer")
    axes.set(yscale="log", title=title, ylabel="energy on the line ÷ its area")
    axes.set_yticks([1, 2, 5, 10, 20], ["1×", "2×", "5×", "10×", "20×"])
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    survivals = [value[1] for values in points.values() for value in values]
    axes.set_xlim(min(-0.1, *survivals) - 0.05, max(survivals) + 0.05)
    axes.set_xlabel("what is left of the map with random weights (rank correlation)")
    figure.legend(loc="outside right center", fontsize=8)
    return figure
