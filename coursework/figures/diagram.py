"""A picture of a network, drawn from the model itself."""

import matplotlib.pyplot as plt
import numpy as np
from keras import layers, tree

BOX = {"boxstyle": "round,pad=0.35", "linewidth": 0.8}
KINDS = {  # what is learnt is dark enough to stand out in grey print
    layers.Conv2D: "#9ecae1",
    layers.Dense: "#fdd0a2",
    layers.InputLayer: "white",
}
OTHER = "0.94"


def draw(network, notes=None):
    """Every layer as a box, from the image down to the outputs.

    A box tells the layer's name, what it does, the shape of what it gives for one image
    and how many parameters it has.

    Args:
        network: a functional ``keras.Model``; each layer is used once.
        notes: dict, name of a layer → a line to write under its box.

    Returns:
        A matplotlib figure.
    """
    parents = parents_of(network)
    rows, columns = place(parents)
    height, width = max(rows.values()) + 1, max(columns.values()) + 1
    figure, axes = plt.subplots(figsize=(max(3, 2.3 * width), 0.47 * height))
    boxes = {
        layer: ((columns[layer], rows[layer]), layer, describe(layer), above)
        for layer, above in parents.items()
    }
    draw_boxes(axes, boxes, fontsize=7.5, shrink=8)
    for layer, ((x, y), *_) in boxes.items():
        note = (notes or {}).get(layer.name, "")
        axes.text(x, y + 0.75, note, ha="center", va="center", fontsize=7.5)
    axes.set(xlim=(-0.6, width - 0.4), ylim=(height + (0.3 if notes else -0.4), -0.6))
    axes.axis("off")
    return figure


def draw_boxes(axes, boxes, fontsize, shrink=2):
    """Boxes, and lines from each one to those above it.

    Args:
        axes: of matplotlib.
        boxes: dict, key → (place, layer that gives the color, text, keys above).
        fontsize: float. shrink: points between a line and the middle of a box.
    """
    arrow = {"arrowstyle": "-", "color": "0.5", "shrinkA": shrink}
    for here, layer, text, above in boxes.values():
        for parent in above:
            axes.annotate("", here, boxes[parent][0], arrowprops=arrow, zorder=0)
        known = [KINDS[kind] for kind in type(layer).mro() if kind in KINDS]
        box = BOX | {"facecolor": [*known, OTHER][0], "edgecolor": "0.4"}
        where = {"ha": "center", "va": "center", "fontsize": fontsize}
        axes.text(*here, text, bbox=box, **where)


def parents_of(network):
    """Each layer of a functional network → list of the layers whose output it takes."""
    made_by = {id(layer.output): layer for layer in network.layers}
    return {
        layer: []
        if isinstance(layer, layers.InputLayer)
        else [made_by[id(tensor)] for tensor in tree.flatten(layer.input)]
        for layer in network.layers
    }


def place(parents):
    """Row and column of each layer: below all its parents, amid its children.

    Returns:
        Two dicts, layer → int and layer → float.
    """
    rows, columns = {}, {}
    for layer, above in parents.items():
        rows[layer] = 1 + max((rows[parent] for parent in above), default=-1)
    ends = 0
    for layer in reversed(parents):
        children = [columns[child] for child in columns if layer in parents[child]]
        columns[layer] = float(np.mean(children)) if children else float(ends)
        ends += not children
    # The last output was placed first.
    return rows, {layer: ends - 1 - column for layer, column in columns.items()}


def describe(layer):
    """Two lines: name and kind; shape and parameters."""
    shape = "×".join(str(size) for size in layer.output.shape[1:])
    parameters = layer.count_params()
    count = f" · {parameters:,} parameters" if parameters else ""
    return f"{layer.name}: {kind_of(layer)}\n{shape}{count}"


def kind_of(layer):
    """What a layer does, in words, with what sets it apart from others of its kind."""
    details = {
        layers.Conv2D: lambda: f"{_by(layer.kernel_size)} convolution",
        layers.MaxPooling2D: lambda: f"{_by(layer.pool_size)} max pooling",
        layers.Dense: lambda: f"{layer.units} unit{'s' * (layer.units > 1)}",
        layers.Rescaling: lambda: f"divided by {1 / layer.scale:.6g}",
        layers.InputLayer: lambda: "input",
        layers.BatchNormalization: lambda: "normalization",
        layers.Flatten: lambda: "all in one row",
    }
    text = details.get(type(layer), lambda: type(layer).__name__)()
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return text if activation == "linear" else f"{text}, {activation}"


def _by(sizes):
    return "×".join(map(str, sizes))
