"""A look inside networks: activations, probes, filters, class activation maps."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

from coursework.data import lines
from coursework.figures import style
from coursework.visualize import pictures

TILE = 0.85  # inches, of an image in a table of pictures
DIMMED = 0.55  # how bright an image is under its map
MAP_LOOKS = (  # marker and colour of each method, to be told apart in grey too
    ("o", style.TRAIN),
    ("s", "0.6"),
    ("^", "black"),
    ("D", style.VALIDATION),
    ("x", "0.2"),
    ("P", "#7c3aed"),
    ("*", "#15803d"),
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
    return plt.get_cmap(style.SCALE)(mean / (mean.max() or 1))[..., :3]


def map_score_table(scores, panels, rows, columns):
    """How well maps point, methods by networks, one panel for each score.

    Args:
        scores: dict, panel → (len(rows), len(columns)) floats, 0…1; NaN: no such map.
        panels: dict, panel → its title.
        rows: strings, methods and layers, and baselines.
        columns: strings, networks or heads.
    """
    figure, grid = plt.subplots(
        1,
        len(panels),
        figsize=(13, 0.27 * len(rows) + 1.3),
        sharey=True,
        squeeze=False,
    )
    for axes, (name, title) in zip(grid[0], panels.items(), strict=True):
        axes.imshow(scores[name], cmap=style.SCALE, vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(scores[name]):
            if np.isfinite(value):
                color = "white" if value < 0.6 else "black"
                axes.text(
                    column,
                    row,
                    f"{value:.2f}",
                    color=color,
                    ha="center",
                    va="center",
                    fontsize=7,
                )
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
