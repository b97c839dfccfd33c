"""Sheets: the activations of a layer, its filters, its kernels, a map.

One color scale serves a whole layer.
"""

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from . import tiles
from .tiles import FONT, FONT_SIZE, LINE

SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"  # for values of one sign, of two signs
PROBABILITIES = ("sigmoid", "softmax")  # activations that give 0…1, so the scale is too
SILENT = (0.8, 0.8, 0.8)  # of a channel that is the same everywhere
FEW = 12  # values that are written in the heading
MAP_OPACITY = 0.8
EDGE = (0.3, 0.3, 0.3)  # around tiles of several parts
COLORS = ("red", "green", "blue")  # of an image's channels


def colored(values, most=None):
    """Values of a whole layer in one scale, signed if some are negative.

    Args:
        values: float array of any shape.
        most: float, the scale's upper end; by default the largest absolute value.

    Returns:
        The same shape with 3 more, 0…1, and the scale's lower and upper end.
    """
    most = most or float(np.abs(values).max()) or 1.0
    low, name = (-most, DIVERGING) if values.min() < 0 else (0.0, SEQUENTIAL)
    return colormaps[name]((values - low) / (most - low))[..., :3], low, most


def activation_grid(activation, most=None):
    """All channels of a layer for one image, tiled.

    Args:
        activation: (height, width, C) or (C,) floats, finite.
        most: float, the scale's upper end; by default the largest absolute value.

    Returns:
        (…, …, 3) uint8; lower and upper end of the scale; how many channels are
        silent, that is the same everywhere: these are gray.
    """
    if activation.shape[:2] == (1, 1):  # channels of a single position
        activation = activation[0, 0]
    vector = activation.ndim == 1
    channels = activation[:, None, None] if vector else np.moveaxis(activation, -1, 0)
    picture, low, most = colored(channels, most)
    silent = channels.ravel() == 0 if vector else np.ptp(channels, axis=(1, 2)) == 0
    if not vector:
        picture[silent] = SILENT
    return tiles.tile(picture), low, most, int(silent.sum())


# --- sheets with a heading ------------------------------------------------------------


def sheet(picture, lines, scale=None):
    """A picture with a heading of a few lines, and its color scale.

    Args:
        picture: (height, width, 3) uint8.
        lines: list of str.
        scale: (lower end, upper end) of the colors, or None.

    Returns:
        A ``PIL.Image``.
    """
    body = Image.fromarray(picture)
    font = ImageFont.truetype(FONT, FONT_SIZE)
    left = _scale_bar(font, *scale) if scale else None
    height = LINE * (len(lines) + bool(scale)) + LINE // 2
    width = max([body.width, *(int(font.getlength(line)) + LINE for line in lines)])
    page = Image.new("RGB", (width, height + body.height), "white")
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((4, 3 + LINE * number), line, "black", font)
    if left:
        page.paste(left, (4, 3 + LINE * len(lines)))
    page.paste(body, (0, height))
    return page


def stack(pages):
    """Several ``PIL.Image`` one below the other."""
    size = max(page.width for page in pages), sum(page.height for page in pages)
    whole, top = Image.new("RGB", size, "white"), 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    return whole


def _scale_bar(font, low, high):
    """A strip of the layer's colors with the values at its ends."""
    values = np.linspace(low, high, 160)[None, :].repeat(LINE - 4, axis=0)
    strip, _, _ = colored(values)
    texts = f"{low:.3g}", f"{high:.3g}"
    widths = [int(font.getlength(text)) + 8 for text in texts]
    bar = Image.new("RGB", (sum(widths) + strip.shape[1], LINE), "white")
    draw = ImageDraw.Draw(bar)
    draw.text((0, 0), texts[0], "black", font)
    bar.paste(Image.fromarray((strip * 255).astype(np.uint8)), (widths[0], 0))
    draw.text((widths[0] + strip.shape[1] + 8, 0), texts[1], "black", font)
    return bar


def activation_sheet(activation, lines, kind="linear"):
    """What a layer makes of one image: all its channels, and how many are silent.

    Args:
        activation: (height, width, C) or (C,) floats, finite.
        lines: list of str, the heading.
        kind: str, the layer's activation. Of those that give probabilities the scale
            is 0…1: by its own maximum an output of 0.0001 would look like certainty.
    """
    most = 1.0 if kind in PROBABILITIES else None
    picture, low, high, silent = activation_grid(activation, most)
    vector = activation.ndim == 1 or activation.shape[:2] == (1, 1)
    values = activation.ravel()
    if vector and len(values) <= FEW:
        note = "values: " + ", ".join(f"{value:.3g}" for value in values)
        return sheet(picture, [*lines, note], (low, high))
    shape = (len(values), 1, 1) if vector else (activation.shape[-1], *activation.shape)
    note = f"{shape[0]} {'units' if vector else 'channels'}{_in_rows(shape)}"
    if silent:
        note += f"; {silent} {'are zero' if vector else 'the same everywhere (gray)'}"
    return sheet(picture, [*lines, note], (low, high))


def _in_rows(shape, columns=None):
    """How to find a tile of a grid: ", rows of 8, numbered from 0"."""
    columns = columns or tiles.columns_of(shape)
    return f", rows of {columns}, numbered from 0" if columns < shape[0] else ""


def filter_sheet(found, lines, pixels=(0.0, 255.0), columns=None, labels=None):
    """The images that activate the filters of a layer most, framed by their status.

    Args:
        found: ``Filters``.
        lines: list of str, the heading.
        pixels: the pixel range.
        columns: int, tiles in a row; by default a little more than there are rows.
        labels: str for each filter, written below its image; by default none.
    """
    shown = tiles.as_shown(found.images, pixels)
    meant = list(map(_frame, found.statuses, found.objectives))
    kind = "units" if "unit" in found.objectives else "filters"
    note = f"{len(shown)} {kind}"
    note += _in_rows(shown.shape, columns) if labels is None else ""
    if set(found.objectives) == {"center"}:  # then no frame needs to tell them apart
        meant = ["white" if name == "blue" else name for name in meant]
        note += "; each image activates its filter at the middle position"
    grid = tiles.tile(shown, columns, [FRAMES[name][0] for name in meant], labels)
    frames = [
        f"{name} frame, {meant.count(name)}: {meaning}"
        for name, (_, meaning) in FRAMES.items()
        if meaning and name in meant
    ]
    return sheet(grid, [*lines, note, *frames])


MIDDLE = "0 on an even image; shown is what activates its middle position"
FRAMES = {  # color and meaning
    "red": ((0.8, 0, 0), "dead: gradient ascent does not activate it"),
    "orange": ((0.9, 0.5, 0), "most values are at an end of the pixel range"),
    "blue": ((0.1, 0.4, 0.8), MIDDLE),
    "white": ((1, 1, 1), ""),
}


def _frame(status, objective):
    """Which of ``FRAMES`` a filter gets; white is for ok."""
    by_status = {"dead": "red", "saturated": "orange"}
    return by_status.get(status, "blue" if objective == "center" else "white")


def kernel_sheet(kernels, lines, channels=None):
    """The kernels of a convolution that reads the image, one scale for all.

    Args:
        kernels: (F, height, width, channels) floats.
        lines: list of str, the heading.
        channels: ints, of color images the channels to show, each as a signed map, side
            by side in a tile; None shows the three together as a color.
    """
    if kernels.shape[-1] == 3 and channels is None:
        most = float(np.abs(kernels).max()) or 1.0
        picture = tiles.tile((kernels + most) / (2 * most))
        note = f"gray: 0; brighter: more of a color is wanted, up to {most:.3g}"
        return sheet(picture, [*lines, note])
    chosen = range(kernels.shape[-1]) if channels is None else list(channels)
    values = kernels[..., chosen]
    most = float(np.abs(values).max()) or 1.0
    shades = colormaps[DIVERGING]((values + most) / (2 * most))[..., :3]
    parts = [shades[:, :, :, index] for index in range(len(chosen))]
    shown = np.concatenate(_beside(parts), axis=2)
    note, frames = f"{len(shown)} kernels{_in_rows(shown.shape)}", None
    names = COLORS if kernels.shape[-1] == 3 else list(map(str, range(99)))
    if len(chosen) > 1:
        note += f"; in each, side by side: {', '.join(names[c] for c in chosen)}"
        frames = [EDGE] * len(shown)
    return sheet(tiles.tile(shown, frames=frames), [*lines, note], (-most, most))


def _beside(parts):
    """(N, height, width, 3) arrays with a white column between each two."""
    white = np.ones_like(parts[0][:, :, :1])
    joined = [each for part in parts for each in (white, part)]
    return joined[1:]


def map_sheet(image, scaled, lines, pixels=(0.0, 255.0)):
    """An image, a map over it, and the map alone.

    Args:
        image: (height, width, channels) in the pixel range.
        scaled: (height, width), 0…1; the heading should say where there is no evidence.
        lines: list of str, the heading.
        pixels: the pixel range.
    """
    alone = colormaps[tiles.HEAT](scaled)[..., :3]
    over = tiles.overlay(image, scaled, pixels, MAP_OPACITY) / 255
    panels = np.stack([tiles.as_shown(image, pixels), over, alone])
    legend = "image | map over the image | map, black 0 to yellow: its own maximum"
    return sheet(tiles.tile(panels, columns=3), [*lines, legend])
