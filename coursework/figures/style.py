"""The look of all figures, how they are written, and what several of them need.

Colours are readable in grey print.
"""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from PIL import Image, ImageDraw, ImageFont

from coursework import files, paths
from coursework.training import metrics

TRAIN, VALIDATION = "#1b5e8c", "#d97706"
HEADS = {  # line and colour of each head, to be told apart in grey print too
    "length": ("o-", TRAIN),
    "width": ("s--", VALIDATION),
    "color": ("^-.", "0.5"),
    "angle": ("D-", "black"),
}
SCALE, SIGNED = "viridis", "RdBu_r"  # for values of one sign, of two signs
FONT = f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"  # for Pillow
LETTERS = 14  # px, of that font
GAP = 2  # px between the tiles of a sheet
BACKGROUND = 200  # grey level between tiles
NEARLY_WHITE = 250  # what a reduced palette makes of white
MOST_ACCURATE = 0.9999  # where the accuracy axis ends
MOST_NUMBERED = 12  # classes for which a confusion matrix still has room for numbers


def use_style():
    """Set matplotlib's defaults for this project; a quick run says that it is one."""
    if paths.QUICK:
        print(paths.QUICK_NOTE)
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


def show(figure, name):
    """Leave a figure to the notebook, which shows it, and write it as ``save`` does."""
    save(figure, name)


def save(figure, name):
    """Write a figure as a palette PNG, which is a third of the size of a full one.

    Args:
        figure: a matplotlib figure.
        name: str, the file's name without its ending.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    path = paths.figures() / f"{name}.png"
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


def write_page(name, size, texts, pictures):
    """Write texts and pictures on white as a palette PNG.

    Args:
        name: str, the file's name without its ending.
        size: (width, height), px.
        texts: tuples of place, text and anchor, as Pillow takes them.
        pictures: tuples of place and ``PIL.Image``.

    Returns:
        str, the file's path as notebooks link to it.

    Raises:
        OSError: the file cannot be written.
    """
    page = Image.new("RGB", size, "white")
    for place, picture in pictures:
        page.paste(picture, place)
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(FONT, LETTERS)
    for place, text, anchor in texts:
        draw.text(place, text, "black", font, anchor)
    path = paths.figures() / f"{name}.png"
    with files.replacing(path) as temporary:
        page.quantize(256).save(temporary, "PNG", optimize=True)
    return f"../reports/figures/{path.name}"


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


def picture_grid(rows, columns, size, fontsize=10, pad=6):
    """Axes for pictures, without ticks and frames.

    Args:
        rows, columns: strings, written at the left and above.
        size: (width, height) in inches.
        fontsize: int, of these strings. pad: float, points above the pictures.

    Returns:
        The figure, and its axes as a (rows, columns) array.
    """
    shape = len(rows), len(columns)
    figure, grid = plt.subplots(*shape, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, name in zip(grid[:, 0], rows, strict=True):
        place = {"rotation": 0, "ha": "right", "va": "center"}
        axes.set_ylabel(name, fontsize=fontsize, **place)
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(name, fontsize=fontsize, loc="center", pad=pad)
    return figure, grid


def finish(figure, title, of=None, columns=4):
    """A figure with its title and, below it, the legend of one of its axes.

    Args:
        figure: a matplotlib figure.
        title: str, on the left; empty is none.
        of: axes with labeled lines; None: no legend.
        columns: int, of the legend.

    Returns:
        The same figure.
    """
    if of is not None:
        named = of.get_legend_handles_labels()
        figure.legend(*named, loc="outside lower center", ncols=columns)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def shares(counts, total):
    """Rows for ``intervals``: shares with Wilson's intervals.

    Args:
        counts: ints. total: int, what each is counted in.
    """
    ends = [metrics.wilson(count, total) for count in counts]
    return [
        {"value": count / total, "low": low, "high": high}
        for count, (low, high) in zip(counts, ends, strict=True)
    ]


def intervals(axes, rows, places, upright=False, **looks):
    """Draw values with their intervals.

    Args:
        axes: of matplotlib.
        rows: N dicts with ``value``, ``low`` and ``high``.
        places: N floats, on the other axis.
        upright: bool, whether values are on the vertical axis.
        looks: arguments of ``errorbar``.
    """
    values = np.array([row["value"] for row in rows])
    ends = np.array([[row[end] for row in rows] for end in ("low", "high")])
    spans = np.abs(ends - values)
    if upright:
        axes.errorbar(places, values, yerr=spans, capsize=2, **looks)
    else:
        axes.errorbar(values, places, xerr=spans, capsize=2, **looks)


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


def percent(share, _=None):
    """0.995 as "99.5 %", with as many digits as it takes."""
    return f"{100 * share:.6g} %"
