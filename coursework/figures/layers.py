"""An image on its way through a network, layer by layer."""

import matplotlib.pyplot as plt
import numpy as np

from coursework.figures import style

SHOWN = 6  # channels of a layer
STRIP = 32  # rows in the picture of a fully connected layer


def layers(outputs):
    """What each layer makes of one image: a row for each layer.

    Channels are those with the largest values in the first layer that has channels, and
    the same ones in all layers with as many.

    Args:
        outputs: dict, layer → its output for one image, (1, height, width, channels) or
            (1, units); an image of 1 or 3 channels is shown as it is.
    """
    shown = {
        name: values[0] for name, values in outputs.items() if values.ndim in (2, 4)
    }
    figure, grid = plt.subplots(
        len(shown), SHOWN, figsize=(8.6, 1.25 * len(shown) + 0.3), squeeze=False
    )
    chosen = {}
    for row, (name, values) in zip(grid, shown.items(), strict=True):
        for axes in row:
            axes.axis("off")
        if values.ndim == 1:
            _draw_units(row, values)
        elif values.shape[-1] in (1, 3):
            row[0].imshow(values / max(values.max(), 1e-9), cmap="gray")
        else:
            order = chosen.setdefault(values.shape[-1], _strongest(values))
            _draw_channels(row, values, order)
        label = f"{name}\n{'×'.join(map(str, values.shape))}"
        place = {"transform": row[0].transAxes, "ha": "right", "va": "center"}
        row[0].text(-0.12, 0.5, label, **place)
    title = f"{SHOWN} channels followed through the layers, a color scale for each "
    return style.finish(figure, title + "row;\nred: positive, blue: negative, white: 0")


def _strongest(values):
    """The channels with the largest values, of SHOWN."""
    return np.argsort(-values.max(axis=(0, 1)), kind="stable")[:SHOWN]


def _draw_channels(row, values, order):
    """Channels in one color scale, white for 0: negative blue, positive red."""
    limit = np.abs(values[..., order]).max() or 1
    for axes, channel in zip(row, order, strict=False):
        axes.imshow(values[..., channel], cmap=style.SIGNED, vmin=-limit, vmax=limit)
        axes.set_title(f"channel {channel}", fontsize=7, pad=2, loc="center")


def _draw_units(row, values):
    """Units as a strip over all columns; few of them as bars."""
    for axes in row[1:]:
        axes.remove()
    grid = row[0].get_gridspec()
    place = row[0].get_subplotspec().rowspan.start
    axes = row[0].figure.add_subplot(grid[place, 1:])
    if len(values) > STRIP * 3:
        rows = np.pad(values, (0, -len(values) % STRIP)).reshape(STRIP, -1)
        limit = np.abs(values).max() or 1
        axes.imshow(rows, cmap=style.SIGNED, vmin=-limit, vmax=limit, aspect="auto")
        axes.axis("off")
    else:
        axes.bar(range(len(values)), values, color=style.TRAIN)
        axes.set(ylim=(0, 1), xlim=(-0.5, len(values) - 0.5), xlabel="class")
        axes.tick_params(labelsize=7)
