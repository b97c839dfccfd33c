"""A look inside networks: activations, probes, filters, class activation maps."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

from coursework import visualize
from coursework.data import lines
from coursework.figures import style

TILE = 0.85  # inches, of an image in a table of pictures
DIMMED = 0.55  # how bright an image is under its map


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
        _draw_tiles(axes, tiles, style.SIGNED if low else style.SCALE, low, most)
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
    axes.set_facecolor([style.BACKGROUND / 255] * 3)
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
        line, color = style.HEADS.get(label, style.HEADS["angle"])
        values = [accuracies[layer][label] for layer in layers]
        axes.plot(layers, values, line, color=color, label=label, markersize=4)
    for share in sorted(set(chance.values())):
        axes.axhline(share, color="0.6", linestyle=":", zorder=0)
        text = f"chance {share:.0%}"
        axes.annotate(
            text,
            (1, share),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=7,
            color="0.4",
        )
    axes.set(ylim=(0, 1.03), ylabel="accuracy of a linear probe", title=title)
    axes.set_xlabel("layer (its outputs)")
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(style.percent))
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
        tuning: an ``activations.Tuning`` of the studies.
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
                (beside + TILE * place) / width,
                0,
                0.96 * TILE / width,
                1 - above / height,
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
        grid[column].text(0.05, row + 0.06, text, fontsize=6.5, color="white", va="top")
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
        The columns, the images first, and notes on maps without evidence.
    """
    columns = {"image": np.stack([visualize.as_shown(i) for i in images])}
    for title, maps in found.items():
        pairs = zip(images * DIMMED, maps.scaled(), strict=True)
        columns[title] = np.stack(
            [visualize.overlay(*p, alpha=0.8) / 255 for p in pairs]
        )
    notes = [
        (row, column, "no evidence")
        for column, maps in enumerate(found.values(), start=1)
        for row in np.flatnonzero(maps.without_evidence)
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
    return plt.get_cmap(style.SCALE)(mean / (mean.max() or 1))[..., :3]
