"""Pictures of images: the classes, single ones, what a network says of them."""

import matplotlib.pyplot as plt
import numpy as np

from coursework.data import lines
from coursework.figures import style


def contact_sheet(dataset):
    """One image of each of the 96 classes, the one most in the middle."""
    figure, axes = plt.subplots(figsize=(10, 6.3))
    draw_contact_sheet(axes, dataset)
    axes.set_title("The 96 classes, one image each")
    return figure


def draw_contact_sheet(axes, dataset):
    """The same without a title."""
    chosen = lines_by_kind([_most_central(dataset, c) for c in range(lines.CLASSES)])
    sheet, pitch = style.tile(dataset.images[chosen.ravel()], len(lines.ANGLES))
    axes.imshow(sheet)
    label_kinds(axes, *pitch)


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
    offset = style.GAP / 2 if row_pitch > 1 else -0.5
    axes.set_xticks(columns + offset, lines.ATTRIBUTE_NAMES["angle"])
    axes.set_yticks(rows + offset, kinds)
    axes.set_xlabel("angle with the x-axis, counter-clockwise")
    axes.set_ylabel("length, width, color")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


MOST_SHOWN = 48  # images of a gallery


def error_gallery(images, truth, probabilities, names):
    """Wrong images, each with its true class, the predicted one and how sure that was.

    Of more than ``MOST_SHOWN`` images, the first.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        truth: (N,) integers.
        probabilities: (N, C) floats.
        names: C strings.
    """
    titles = [
        f"{names[label]}\n→ {names[p.argmax()]} ({p.max():.0%})"
        for label, p in zip(truth, probabilities, strict=True)
    ][:MOST_SHOWN]
    images = images[:MOST_SHOWN]
    if len(names) > style.MOST_NUMBERED:  # many classes have long names
        return style.gallery(images, titles, columns=6, size=1.9)
    return style.gallery(images, titles, columns=8, size=1.25)


def measured_lines(drawn, shapes):
    """Errors of lines that were drawn in several ways, measured from their pixels.

    Args:
        drawn: dict, way → (N, 28, 28, 3) uint8.
        shapes: N tuples, the length and width in px and the angle in degrees that were
            asked for.
    """
    length, width, angle = np.transpose(shapes)
    figure, grid = plt.subplots(1, 3 + len(drawn), figsize=(11, 2.6))
    shown = next(k for k, shape in enumerate(shapes) if shape == (15, 1, 15))
    for axes, (way, images) in zip(grid, drawn.items(), strict=False):
        axes.imshow(images[shown, 4:24, 4:24])
        axes.set_title(way, fontsize=9, loc="center")
        axes.axis("off")
    errors = {"length, px": [], "width, px": [], "angle, degrees": []}
    for images in drawn.values():
        found = lines.measure(images)
        errors["length, px"].append(found.length - length)
        errors["width, px"].append(found.width - width)
        errors["angle, degrees"].append((found.angle - angle + 90) % 180 - 90)
    for axes, (what, values) in zip(grid[len(drawn) :], errors.items(), strict=True):
        for row, value in enumerate(values):
            axes.plot(value, np.full(len(value), row), "o", alpha=0.4, markersize=4)
        axes.axvline(0, color="0.7", zorder=0)
        axes.set(ylim=(len(values) - 0.5, -0.5), yticks=[])
        axes.set_title(f"error of {what}", fontsize=9, loc="center")
    grid[len(drawn)].set_yticks(range(len(drawn)), list(drawn))
    return figure


def augmented(images, change, generator, copies=7):
    """Images, each in a row with changed copies of itself.

    Args:
        images: (N, height, width, 1 or 3) uint8.
        change: function of an image and a ``numpy.random.Generator``; returns another.
        generator: what it draws from.
        copies: int, in each row.
    """
    tiles, titles = [], []
    for image in images:
        tiles += [image] + [change(image, generator) for _ in range(copies)]
        titles += ["original"] + ["augmented"] * copies
    return style.gallery(tiles, titles)
