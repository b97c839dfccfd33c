"""Pictures and tables of what filters and classes respond to."""

import numpy as np

from coursework import visualize
from coursework.figures import style
from coursework.studies import filters as filter_study
from coursework.studies import naming, similarity

COLUMNS = 8  # filters side by side


def shown_images(images):
    """Images of 0…255 as (N, height, width, 3) floats, 0…1."""
    return np.stack([visualize.as_shown(image) for image in images])


def shown_weights(kernels, sign=1):
    """The positive weights of kernels in the colors of the image, each scaled.

    Args:
        kernels: (F, height, width, C) floats.
        sign: int, −1 for the negative weights.

    Returns:
        (F, height, width, 3) floats, 0…1.
    """
    values = (sign * kernels).clip(0)
    most = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    return np.stack([visualize.as_shown(v, (0, 1)) for v in values / most])


def picture_rows(rows, columns, title, beside=None, notes=()):
    """A grid of pictures, whose rows and columns are labeled.

    Args:
        rows: dict, label → (N, height, width, 3) floats, 0…1; sizes may differ.
        columns: N strings, above the columns.
        title: str, the finding.
        beside: dict, label of a row → str, written at its right, such as a measure.
        notes: (row, column, text) each, written below a picture.
    """
    count, tall = len(columns), 1.2 if notes else 1.03
    size = 1.02 * count + (2.9 if beside else 1.5), tall * len(rows) + 0.6
    figure, grid = style.picture_grid(rows, columns, size, pad=4)
    for line, (label, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image)
        if beside:
            place = {"transform": line[-1].transAxes, "va": "center", "fontsize": 10}
            line[-1].text(1.08, 0.5, beside.get(label, ""), **place)
    for row, column, text in notes:
        grid[row, column].set_xlabel(text, fontsize=10, labelpad=3)
    return style.finish(figure, title)


def ascent_steps(images, steps, scores):
    """An ascent, step by step.

    Args:
        images: (N, height, width, C), 0…255.
        steps: N ints, after how many steps they were taken.
        scores: N floats, the response of the filter to them.
    """
    columns = [f"step {s}\nscore {v:.1f}" for s, v in zip(steps, scores, strict=True)]
    title = f"Gradient ascent raises the score from {scores[0]:.1f} to {scores[-1]:.1f}"
    return picture_rows({"": shown_images(images)}, columns, title)


def known_optimum(found, weights, agreement):
    """Kernels, the images that are known to be best, and those of the ascent.

    Args:
        found: dict, network → (F, height, width, C) images of the ascent, for filters
            of a first convolution without padding.
        weights: dict, network → (F, size, size, C) kernels.
        agreement: dict, network → what ``filters.against_optimum`` gives.
    """
    rows = {"positive weights": [], "known optimum": [], "gradient ascent": []}
    for name, images in found.items():
        size = weights[name].shape[1]
        top = (images.shape[1] - size + 1) // 2
        kernels = weights[name][: COLUMNS // len(found)]
        images = images[: len(kernels), top : top + size, top : top + size]
        changed = images.any(axis=(0, 1, 2))  # no channel that was black by decision
        rows["positive weights"].append(shown_weights(kernels * changed))
        rows["known optimum"].append(shown_images(255 * (kernels * changed > 0)))
        rows["gradient ascent"].append(shown_images(images))
    columns = [
        f"{naming.data_of(name)}, {i}" for name in found for i in range(len(kernels))
    ]
    least = min(each["correlation"] for each in agreement.values())
    title = (
        f"Gradient ascent finds the known optimum (correlation ≥ {least - 0.005:.2f})"
    )
    return picture_rows({k: np.concatenate(v) for k, v in rows.items()}, columns, title)


def regularizers(compared):
    """What each regularizer makes of four filters of two networks, and its measures.

    Args:
        compared: dict, regularizer → network → (images, patches, measures), as
            ``filters.measure`` and ``filters.top_images`` give them.
    """
    rows, beside = {}, {}
    for label, networks in compared.items():
        rows[label] = _four_of_each(images for images, _, _ in networks.values())
        beside[label] = _measures({name: m for name, (_, _, m) in networks.items()})
    first, *_, last = compared.values()
    rows["best patch"] = _four_of_each(patches[:, 0] for _, patches, _ in last.values())
    beside["best patch"] = "own | others: likeness to\nits best patches | to others'"
    changes = (
        similarity.mean_interval(np.subtract(last[name][2]["gains"], m["gains"]))
        for name, (_, _, m) in first.items()
    )
    title = "Regularizers lower the score; a gain in likeness is not resolved"
    if all(mean > margin for mean, margin in changes):
        title = "Regularized images are more like the best patches"
    return picture_rows(rows, _columns(last), title, beside)


def _four_of_each(arrays):
    """Four images of each array, evenly picked, as they are shown."""
    arrays = [images[:: max(1, len(images) // 4)][:4] for images in arrays]
    return np.concatenate([shown_images(images) for images in arrays])


def _columns(networks):
    """Titles of eight columns: the data of the first and of the second network."""
    return [
        name if n == 0 else ""
        for name in map(naming.data_of, networks)
        for n in range(4)
    ]


def _measures(measured):
    return "\n".join(
        f"{naming.data_of(name)}: score {m['score']:.1f}×, "
        f"smooth {m['smoothness']:.2f},\n"
        f"   own {m['own']:.2f} | others {m['others']:.2f}"
        for name, m in measured.items()
    )


def filters_overview(layers, names):
    """Raw and regularized images of two networks' last filters, and the best patches.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
        names: the two (network, convolution), the lines last.
    """
    chosen = [layers[name] for name in names]
    rows = {
        "raw ascent": _four_of_each(layer.raw.images for layer in chosen),
        "regularized": _four_of_each(layer.regularized for layer in chosen),
        "best patch": _four_of_each(layer.patches[:, 0] for layer in chosen),
    }
    raw, regularized = (
        np.nanmean(similarity.smoothness(images))
        for images in (chosen[-1].raw.images, chosen[-1].regularized)
    )
    title = (
        f"On lines neighboring pixels correlate by {raw:.2f} in raw images, "
        f"{regularized:.2f} in regularized ones"
    )
    return picture_rows(rows, _columns([network for network, _ in names]), title)


def filter_excerpt(layers, names, title):
    """Two filters of each layer: regularized, raw, and two of the best patches.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
        names: networks, whose layers are the rows.
        title: str, the finding.
    """
    rows = {}
    for (name, convolution), layer in layers.items():
        if name not in names:
            continue
        tiles = []
        for unit in (1, len(layer.patches) // 2):
            images = layer.regularized[unit], layer.raw.images[unit]
            tiles.append(shown_images(images))
            tiles.append(filter_study.dimmed(layer.patches[unit, :2], layer.seen))
        rows[f"{naming.label(name)}\n{convolution}"] = np.concatenate(tiles)
    columns = ["regularized", "raw", "best patch", "second"] * 2
    return picture_rows(rows, columns, title)


def trained_and_untrained(trained, untrained):
    """Regularized images and best patches, of networks with and without training.

    Args:
        trained, untrained: dict, network → ``filters.Layer``, of two networks.
    """
    rows, beside = {}, {}
    for kind, layers in (("trained", trained), ("untrained", untrained)):
        rows[kind] = _four_of_each(layer.regularized for layer in layers.values())
        patches = _four_of_each(layer.patches[:, 0] for layer in layers.values())
        rows[f"best patch,\n{kind}"] = patches
        beside[kind] = _measures({n: layer.measured for n, layer in layers.items()})
    title = "Before training, too, images are like the best patches"
    if all(_surely_more(trained[n].measured, untrained[n].measured) for n in trained):
        title = "After training images are more like the best patches than before"
    return picture_rows(rows, _columns(trained), title, beside)


def _surely_more(first, second):
    """Whether the 95 % intervals of two gains do not overlap, the first above."""
    return first["gain"] - first["margin"] > second["gain"] + second["margin"]


def class_images(classes, judged, names, columns):
    """The image of each class, and what another network makes of it.

    Args:
        classes: dict, (kind, network, head) → (C, height, width, channels).
        judged: what ``filters.judge`` gives.
        names: dict, (network, head) → C strings, which are shown, in this order.
        columns: int, classes in a row.
    """
    tiles, notes, owners = [], [], []
    for (network, head), labels in names.items():
        key = "regularized", network, head
        other = judged[key]["other"]["probabilities"]
        tiles += list(shown_images(classes[key]))
        notes += [f"{n}: {p:.0%}" for n, p in zip(labels, other, strict=True)]
        owners += [network if head == "class" else head] * len(labels)
    rows = {}
    for start in range(0, len(tiles), columns):
        shown = dict.fromkeys(owners[start : start + columns])
        label = "\n".join(map(naming.label, shown))
        rows[label + " " * start] = tiles[start : start + columns]
    places = [(n // columns, n % columns, note) for n, note in enumerate(notes)]
    correct, images = (
        sum(judged["regularized", *key]["other"][field] for key in names)
        for field in ("correct", "images")
    )
    title = f"Another network recognizes {correct} of {images} of these images"
    return picture_rows(rows, [""] * columns, title, notes=places)
