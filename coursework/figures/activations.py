"""What the layers of a network give, as pictures."""

import math

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from coursework.data import lines
from coursework.figures import data, style, tables
from coursework.studies import naming, probes

PICTURE = 0.86  # inches, of one in a table
COLUMNS = {  # layers of a table of pictures; those of a stage show the same channel
    "plain_lines": ("conv1", "relu1", "norm1", "pool1", "dense1", "relu2", "class"),
    "tuned_lines": ("conv1", "relu1", "conv2", "relu2", "relu3", "relu4", "class"),
    "four_head_lines": ("relu1", "relu2", "relu3", *probes.HEAD_LAYERS),
    "plain_mnist": ("conv1", "relu1", "norm1", "pool1", "dense1", "relu2", "class"),
    "tuned_mnist": ("conv1", "relu1", "relu2", "relu3", "relu4", "relu5", "class"),
}
SHEET_COLUMNS, SHEET_TILE = 16, 56  # of a sheet with all channels; px
UNITS_IN_A_ROW = 64
FEW_UNITS = 20  # drawn in two rows
HEADING = style.LETTERS + 8  # px, height of a line
LEFT_OUT = ("scale", "flatten")  # the image, and another layer's values in a row


# --- pictures of layers ---------------------------------------------------------------


def follow(outputs, shown, title):
    """What a layer does, a row for each image: pictures before and after it.

    Beside a kernel, a frame is where ``conv1`` has its largest value.

    Args:
        outputs: dict, image → dict, ``channel``, the one shown, and name → uint8
            (height, width, 1 or 3), an image, or floats, (height, width, C), (units,).
        shown: names of outputs, the columns.
        title: str.
    """
    size = max(6.0, 1.85 * len(shown) + 0.4), 2.05 * len(outputs) + 0.4
    figure, grid = plt.subplots(len(outputs), len(shown), figsize=size, squeeze=False)
    for row, (image, values) in zip(grid, outputs.items(), strict=True):
        for axes, name in zip(row, shown, strict=True):
            picture, above = values[name], name
            if picture.ndim == 3 and picture.dtype != np.uint8:
                picture = picture[..., values["channel"]]
                above += f", channel {values['channel']}"
            _draw(axes, picture)
            axes.set_title(f"{above}{_range(picture)}", fontsize=10, loc="center")
            if name == "class":
                axes.set_xlabel(_answer(picture), fontsize=10)
        row[0].set_ylabel(image, fontsize=10)
        if "kernel" in shown:
            _frame_largest(row[shown.index("image")], values)
    return style.finish(figure, title)


def _frame_largest(axes, values):
    """Frame the pixels below the filter where its response is largest."""
    response = values["conv1"][..., values["channel"]]
    y, x = np.unravel_index(response.argmax(), response.shape)
    height, width = values["kernel"].shape[:2]
    place = (x - 0.5, y - 0.5), width, height
    axes.add_patch(plt.Rectangle(*place, fill=False, edgecolor="yellow", linewidth=1.5))


def _answer(probabilities):
    """The class with the largest of 10 or 96 probabilities, by its name."""
    label = int(np.argmax(probabilities))
    named = len(probabilities) == lines.CLASSES
    return _on_two_lines(lines.class_name(label)) if named else str(label)


def channel_spread(before, after, title):
    """The standard deviation of each channel, before and after a layer.

    Args:
        before, after: pairs of a layer's name and its (N, height, width, C) floats.
        title: str.
    """
    figure, axes = plt.subplots(figsize=(6.6, 2.6))
    for (name, values), look in zip((before, after), ("o", "D"), strict=True):
        color = style.TRAIN if look == "D" else "0.55"
        spread = np.sort(values.std(axis=(0, 1, 2)))
        axes.plot(spread, look, color=color, markersize=5, label=name)
    axes.set(yscale="log", xlabel="channel, sorted in each layer")
    axes.set_ylabel("spread (standard deviation)")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title(title)
    axes.legend()
    return figure


def _draw(axes, values, ends=None):
    """One picture; on a scale with two equal ends white is 0."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if values.dtype == np.uint8:
        axes.imshow(values, cmap="gray", vmin=0, vmax=255)
        return
    low, high = ends or _ends(values)
    name = style.SIGNED if low == -high else style.SCALE
    axes.imshow(as_picture(values), cmap=name, vmin=low, vmax=high)


def as_picture(values):
    """A vector row by row in a rectangle; the 96 line classes with an angle a column.

    Args:
        values: (height, width) or (units,) floats.

    Returns:
        (height, width) floats; NaN where the rectangle has more cells than units.
    """
    if values.ndim == 2:
        return values
    if len(values) == lines.CLASSES:
        return data.lines_by_kind(values)
    rows = max(2, math.isqrt(len(values))) if len(values) > FEW_UNITS else 2
    padded = np.full(rows * -(-len(values) // rows), np.nan)
    padded[: len(values)] = values
    return padded.reshape(rows, -1)


def _ends(values):
    """The ends of a color scale: from 0, or as far below it as above."""
    most = float(np.nanmax(np.abs(values))) or 1.0
    return (-most if np.nanmin(values) < 0 else 0.0), most


def _range(values):
    if values.dtype == np.uint8:
        return "\n"
    return tables.minus(f"\n{values.min():.2g} to {values.max():.2g}")


def strongest(values):
    """The channel that varies most over images and positions.

    Args:
        values: (N, height, width, C) floats.
    """
    return int(values.var(axis=(0, 1, 2)).argmax())


def activation_table(name, images, outputs, names):
    """Layers of a network for some images, a row for each image.

    A stage's layers, from a convolution to its ReLU or pooling, show the same channel,
    the one that varies most in the last of them. A column has one color scale.

    Args:
        name: str, a network of ``COLUMNS``.
        images: (N, height, width, 1 or 3) uint8.
        outputs: dict, layer → (N, height, width, C) or (N, C) floats.
        names: N strings, of the images.
    """
    columns = _columns(name, images, outputs)
    positions = [o.shape[1] ** 2 for n in COLUMNS[name] if (o := outputs[n]).ndim == 4]
    steps = " → ".join(f"{count:,}" for count in sorted(set(positions), reverse=True))
    title = f"{naming.label(name)}: {steps} positions, then none"
    size = PICTURE * len(columns) + 0.9, (PICTURE + 0.25) * len(names) + 0.85
    rows, above = map(_on_two_lines, names), [column for column, _ in columns]
    figure, grid = style.picture_grid(list(rows), above, size, fontsize=9)
    for line, (column, values) in zip(grid.T, columns, strict=True):
        ends = None if values.dtype == np.uint8 else _ends(values)
        of_classes = column.startswith("class")
        for axes, each in zip(line, values, strict=True):
            _draw(axes, each, (0.0, 1.0) if of_classes else ends)
            if of_classes:
                axes.set_xlabel(_answer(each), fontsize=9, labelpad=2)
    return style.finish(figure, title)


def _columns(name, images, outputs):
    """What ``activation_table`` shows: list of (title, pictures of all images)."""
    columns = [("image", images)]
    channels = {
        layer[-1]: strongest(outputs[layer])
        for layer in COLUMNS[name]
        if outputs[layer].ndim == 4
    }
    for layer in COLUMNS[name]:
        values = outputs[layer]
        if values.ndim == 4:
            channel = channels[layer[-1]]
            columns.append((f"{layer}\nchannel {channel}", values[..., channel]))
        else:
            columns.append((f"{layer}\n{values.shape[-1]} units", values))
    return columns


def activation_overview(found, size, fontsize):
    """One image in several networks, a row each, with a color scale for each picture.

    Args:
        found: dict, network of ``COLUMNS`` → (1, height, width, C) uint8, and its
            outputs as in ``activation_table``.
        size: (width, height) in inches. fontsize: float, points.
    """
    rows = [naming.label(name).replace(", ", ",\n") for name in found]
    figure, grid = style.picture_grid(rows, [""] * 8, size, fontsize)
    for axes, (name, (image, outputs)) in zip(grid, found.items(), strict=True):
        columns = _columns(name, image, outputs)
        for place, (title, pictures) in zip(axes, columns, strict=True):
            ends = (0.0, 1.0) if title.startswith("class") else None
            _draw(place, pictures[0], ends)
            if ends:
                answer = _answer(pictures[0])
                title = answer if "\n" in answer else f"class\n{answer}"
            place.set_title(title, fontsize=fontsize, loc="center", pad=3)
    return figure


def _on_two_lines(name):
    words = name.split()
    half = len(words) // 2
    return "\n".join([" ".join(words[:half]), " ".join(words[half:])]).strip()


def write_sheets(name, outputs, names):
    """Write all channels of all layers, a file for each image.

    Args:
        name: str, of the network.
        outputs: dict, layer → (N, height, width, C) or (N, C) floats.
        names: N strings, of the images.

    Returns:
        List of N strings, links in Markdown.
    """
    links = []
    for row, image in enumerate(names):
        title = f"{naming.short(name)} network, {image}"
        file = f"activations_{name}_{image.replace(' ', '_').rstrip('°')}"
        own = {layer: values[row] for layer, values in outputs.items()}
        links.append(f"[{image}]({_write_channels(own, title, file)})")
    return links


def links(sheets):
    """Show links to the sheets of all networks: dict, network → what they were."""
    rows = [(name, ", ".join(each)) for name, each in sheets.items()]
    tables.table(["network", "all channels of all layers"], rows)


def _write_channels(outputs, title, file):
    """Write all layers' outputs for one image, layer → (H, W, C) or (C,) floats."""
    texts, pictures, bottom = [((2, 3), title, None)], [], HEADING
    for layer, values in outputs.items():
        if layer not in LEFT_OUT:
            low, high = _ends(values)
            shape = "×".join(map(str, values.shape))
            text = f"{layer}, {shape}, color scale from {low:.3g} to {high:.3g}"
            texts.append(((2, bottom + 3), tables.minus(text), None))
            tiles = Image.fromarray(_tiled(values, low, high))
            pictures.append(((0, bottom + HEADING), tiles))
            bottom += HEADING + tiles.height
    width = SHEET_COLUMNS * (SHEET_TILE + style.GAP) + style.GAP
    return style.write_page(file, (width, bottom), texts, pictures)


def _tiled(values, low, high):
    """Channels beside each other, or units as small squares, (…, …, 3) uint8."""
    if values.ndim == 1:
        rows = np.full((-(-len(values) // UNITS_IN_A_ROW)) * UNITS_IN_A_ROW, np.nan)
        rows[: len(values)] = values
        side = SHEET_TILE // 4
        big = np.kron(rows.reshape(-1, UNITS_IN_A_ROW), np.ones((side, side)))
        return _colored(big, low, high)
    factor = max(1, SHEET_TILE // values.shape[0])
    big = values.repeat(factor, axis=0).repeat(factor, axis=1)
    tiles = _colored(np.moveaxis(big, -1, 0), low, high)
    return style.tile(tiles, SHEET_COLUMNS)[0]


def _colored(values, low, high):
    scale = plt.get_cmap(style.SIGNED if low < 0 else style.SCALE)
    scale = scale.with_extremes(bad=[style.BACKGROUND / 255] * 3)
    shares = (np.ma.masked_invalid(values) - low) / (high - low)
    return scale(shares, bytes=True)[..., :3]


def inactive(found, images):
    """Show how many channels after a ReLU are 0 for all test images, and where.

    Args:
        found: dict, network → layer → (channels that are 0, all channels).
        images: dict, network → int, how many images were tried.
    """
    tables.findings(inactive_sentence(found, images))


def inactive_sentence(found, images):
    """How many channels are inactive, of how many; arguments as for ``inactive``."""
    dead = [
        f"{naming.label(name)}: {count} of the {of:,} in {layer}"
        for name, by_layer in found.items()
        for layer, (count, of) in by_layer.items()
        if count
    ]
    every = sum(of for by_layer in found.values() for _, of in by_layer.values())
    where = f" ({'; '.join(dead)})" if dead else ""
    count = sum(n for by_layer in found.values() for n, _ in by_layer.values())
    tried = " or ".join(f"{number:,}" for number in sorted(set(images.values())))
    return (
        f"Inactive in {tried} test images: {count} of {every:,} channels and "
        f"units{where}."
    )
