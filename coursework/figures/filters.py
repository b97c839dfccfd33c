"""Pictures and tables of what filters and classes respond to."""

import numpy as np

from coursework import visualize
from coursework.figures import style
from coursework.studies import filters as filter_study
from coursework.studies import naming, similarity

COLUMNS = 8  # filters side by side
KINDS = {"regularized": "trained", "untrained": "before training"}


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


def picture_rows(rows, columns, title, notes=()):
    """A grid of pictures, whose rows and columns are labeled.

    Args:
        rows: dict, label → (N, height, width, 3) floats, 0…1; sizes may differ.
        columns: N strings, above the columns.
        title: str, the finding.
        notes: (row, column, text) each, written below a picture.
    """
    count, tall = len(columns), 1.2 if notes else 1.03
    size = 1.02 * count + 1.5, tall * len(rows) + 0.6
    figure, grid = style.picture_grid(rows, columns, size, pad=4)
    for line, images in zip(grid, rows.values(), strict=True):
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image)
    for row, column, text in notes:
        grid[row, column].set_xlabel(text, fontsize=10, labelpad=3)
    return style.finish(figure, title)


def ascent_steps(images, steps, responses):
    """An ascent, step by step.

    Args:
        images: (N, height, width, C), 0…255.
        steps: N ints, after how many steps they were taken.
        responses: N floats, of the filter to them.
    """
    first, *_, last = responses
    columns = [f"step {s}\nz = {v:.1f}" for s, v in zip(steps, responses, strict=True)]
    title = f"Gradient ascent raises the response from {first:.1f} to {last:.1f}"
    return picture_rows({"": shown_images(images)}, columns, title)


def known_optimum(found, weights, agreement):
    """Kernels, the images that are known to be best, and those of the ascent.

    Args:
        found: dict, network → (F, height, width, C) images of the ascent, for filters
            of a first convolution without padding.
        weights: dict, network → (F, size, size, C) kernels.
        agreement: dict, network → what ``similarity.against_optimum`` gives.
    """
    names = "weights > 0", "weights < 0", "known optimum", "gradient ascent"
    rows = {name: [] for name in names}
    for name, images in found.items():
        size = weights[name].shape[1]
        top = (images.shape[1] - size + 1) // 2
        kernels = weights[name][: COLUMNS // len(found)]
        images = images[: len(kernels), top : top + size, top : top + size]
        kernels = kernels * images.any(axis=(0, 1, 2))  # channels that could change
        tiles = [shown_weights(kernels), shown_weights(kernels, sign=-1)]
        tiles += [shown_images(255 * (kernels > 0)), shown_images(images)]
        for row, tile in zip(rows.values(), tiles, strict=True):
            row.append(tile)
    counts = range(len(kernels))
    columns = [f"{naming.data_of(n)},\nfilter {i}" for n in found for i in counts]
    least = min(each["correlation"] for each in agreement.values())
    title = (
        "Gradient ascent finds the known optimum "
        f"(mean correlation at least {np.floor(100 * least) / 100:.2f})"
    )
    return picture_rows({k: np.concatenate(v) for k, v in rows.items()}, columns, title)


def regularizers(made, measured):
    """What each regularizer makes of four filters of two networks.

    Args:
        made: dict, network → regularizer → (F, height, width, C) images, "raw" first,
            the best real images last.
        measured: dict, network → regularizer → what ``filters.compare`` gives.
    """
    labels = list(next(iter(made.values())))
    rows = {
        label: _four_of_each(each[label] for each in made.values()) for label in labels
    }
    pairs = [
        (first, other)
        for first, *others in (list(each.values()) for each in measured.values())
        for other in others
    ]
    smoother = sum(o["smoothness"] > f["smoothness"] for f, o in pairs)
    lower = sum(o["relative_response"] < f["relative_response"] for f, o in pairs)
    title = (
        f"Regularized images are smoother in {smoother} of {len(pairs)} comparisons "
        f"and have a lower response in {lower}"
    )
    counts = {name: len(each["raw"]) for name, each in made.items()}
    return picture_rows(rows, _columns(counts), title)


def _four(images):
    """Four of the images, evenly picked, or of the numbers of the filters."""
    return images[:: max(1, len(images) // 4)][:4]


def _four_of_each(arrays):
    """Four images of each array as they are shown."""
    return np.concatenate([shown_images(_four(images)) for images in arrays])


def _columns(counts):
    """Titles of eight columns: the data and the filter.

    Args:
        counts: dict, network → int, filters of its layer.
    """
    return [
        f"{naming.data_of(name)},\nfilter {unit}"
        for name, count in counts.items()
        for unit in _four(range(count))
    ]


def filters_overview(layers, names):
    """Raw and regularized images of two networks' last filters, and the best real ones.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
        names: the two (network, convolution), the lines last.
    """
    chosen = [layers[name] for name in names]
    rows = {
        "raw": _four_of_each(layer.raw.images for layer in chosen),
        "regularized": _four_of_each(layer.regularized for layer in chosen),
        "best real image": _four_of_each(layer.patches[:, 0] for layer in chosen),
    }
    title = "Strokes on digits, mixtures of red and blue on lines"
    counts = {name: len(layers[name, layer].best) for name, layer in names}
    return picture_rows(rows, _columns(counts), title)


def filter_excerpt(layers, names):
    """Two filters of each layer: regularized, raw, and two of the best real images.

    All are cut to the receptive field.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
        names: networks of one dataset, whose layers are the rows.
    """
    chosen = {key: layer for key, layer in layers.items() if key[0] in names}
    rows = {}
    for (name, convolution), layer in chosen.items():
        tiles = []
        for unit in (1, len(layer.patches) // 2):
            tiles += [layer.regularized[unit], layer.raw.images[unit]]
            tiles += list(layer.patches[unit, :2])
        cut = [filter_study.cropped(tile, layer.seen) for tile in tiles]
        rows[f"{naming.label(name)}\n{convolution}"] = shown_images(cut)
    pictures = "regularized", "raw", "best real\nimage", "second best\nreal image"
    columns = [f"one filter:\n{pictures[0]}", *pictures[1:]]
    columns += [f"another:\n{pictures[0]}", *pictures[1:]]
    return picture_rows(rows, columns, _excerpt_title(chosen.values(), names))


def _excerpt_title(layers, names):
    if naming.data_of(names[0]) == "lines":
        total = sum(len(layer.best) for layer in layers)
        both = sum(filter_study.mixed(layer.regularized) for layer in layers)
        return f"Lines: {both} of {total} regularized images are both red and blue"
    sizes = [filter_study.field_size(layer) for layer in layers]
    return (
        f"Digits: images grow with the receptive field, {min(sizes)} to {max(sizes)} px"
    )


def trained_and_untrained(trained, untrained, likeness):
    """Regularized and best real images, of networks with and without training.

    Args:
        trained, untrained: dict, network → ``filters.Layer``, of two networks.
        likeness: dict, network → kind → what ``filters.likeness`` gives.
    """
    rows = {}
    for kind, layers in (("trained", trained), ("untrained", untrained)):
        rows[kind] = _four_of_each(layer.regularized for layer in layers.values())
        real = _four_of_each(layer.patches[:, 0] for layer in layers.values())
        rows[f"best real\n({kind})"] = real
    differences = [learned(each) for each in likeness.values()]
    title = "Likeness to the best real images does not separate trained from untrained"
    if all(low > 0 for _, low, _ in differences):
        title = "After training images are more like the best real ones than before"
    elif any(low > 0 or high < 0 for _, low, high in differences):
        title = "Likeness to the best real images separates trained from untrained once"
    counts = {name: len(layer.best) for name, layer in trained.items()}
    return picture_rows(rows, _columns(counts), title)


def learned(kinds):
    """Mean gain of trained minus untrained filters, low and high end of its interval.

    Args:
        kinds: dict, "trained" and "untrained" → what ``filters.likeness`` gives.
    """
    return similarity.difference(kinds["trained"]["gains"], kinds["untrained"]["gains"])


def class_images(classes, judged, names, columns, kinds=("regularized",)):
    """The image of each class, and the probability that another network gives it.

    Args:
        classes: dict, (kind, network, head) → (C, height, width, channels).
        judged: what ``class_images.judge`` gives.
        names: dict, (network, head) → C strings, which are shown, in this order; the
            last one is in the title.
        columns: int, classes in a row.
        kinds: which of ``classes``, one below the other.
    """
    rows, notes = {}, []
    for kind in kinds:
        tiles = np.concatenate([shown_images(classes[kind, *key]) for key in names])
        texts = [
            (KINDS[kind] if key[1] == "class" else key[1], *each)
            for key, labels in names.items()
            for each in _captions(labels, judged[kind, *key]["other"])
        ]
        for start in range(0, len(tiles), columns):
            shown = texts[start : start + columns]
            notes += [
                (len(rows), n, caption) for n, (_, _, caption) in enumerate(shown)
            ]
            owners = list(dict.fromkeys(owner for owner, *_ in shown))
            if len(owners) == 1:
                owners.append(f"{shown[0][1]} to {shown[-1][1]}")
            rows["\n".join(owners)] = tiles[start : start + columns]
    title = recognition_title(judged, list(names)[-1])
    return picture_rows(rows, [""] * columns, title, notes=notes)


def _captions(names, other):
    """Pairs of a class and its caption: the probability, ✓ if it is recognized."""
    each = zip(names, other["probabilities"], other["answers"], strict=True)
    for truth, (name, probability, answer) in enumerate(each):
        yield name, f"{name}: {probability:.0%}" + " ✓" * (answer == truth)


def recognition_title(judged, key):
    """How many images of a head's classes another network recognizes.

    Args:
        judged: what ``class_images.judge`` gives.
        key: (network, head).
    """
    found, before = (
        judged[kind, *key]["other"] for kind in ("regularized", "untrained")
    )
    low, high = found["interval"]
    what = "digit" if key[1] == "class" else key[1]
    return (
        f"Another network recognizes {found['correct']} of {found['images']} {what} "
        f"images\n(95% interval {low:.0%} to {high:.0%}; by chance "
        f"{found['chance'] * found['images']:.0f}; before training {before['correct']})"
    )
