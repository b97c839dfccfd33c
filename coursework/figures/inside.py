"""A look inside networks: activations, probes, filters, class activation maps."""

import matplotlib.pyplot as plt
import numpy as np

from coursework import visualize
from coursework.data import lines
from coursework.figures import style

TILE = 0.85  # inches, of an image in a table of pictures
DIMMED = 0.55  # how bright an image is under its map


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
