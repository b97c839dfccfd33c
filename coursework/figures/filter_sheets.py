"""Complete sheets of all filters of a layer, as files."""

import numpy as np
from PIL import Image, ImageOps

from coursework.figures import filters, style, tables
from coursework.studies import filters as filter_study
from coursework.studies import naming

TILE, GAP = 84, 4  # px, of a picture
LINE, LEFT = 20, 112  # px, of a heading, of the names of the rows
PATCHES = "best real", "second", "third"
FRAMES = {"ok": "white", "dead": "#cc0000", "saturated": "#e68a00"}


def filter_sheets(layers):
    """Write a sheet of each layer, and show links to them.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
    """
    links = {}
    for (name, convolution), layer in layers.items():
        path = save_sheet(
            _sheet_rows(layer),
            list(map(str, layer.raw.units)),
            f"{naming.label(name)}, {convolution}: all filters",
            f"filters_{name}_{convolution}",
            layer.raw.statuses,
        )
        links.setdefault(naming.label(name), []).append(f"[{convolution}]({path})")
    tables.table(
        ["network", "all filters"], [(n, ", ".join(x)) for n, x in links.items()]
    )


def _sheet_rows(layer):
    """The rows of the sheet of a ``filters.Layer``."""
    rows = {
        "regularized": filters.shown_images(layer.regularized),
        "raw": filters.shown_images(layer.raw.images),
    }
    if layer.weights is not None:
        rows["weights > 0"] = filters.shown_weights(layer.weights)
        rows["weights < 0"] = filters.shown_weights(layer.weights, sign=-1)
    for place, label in enumerate(PATCHES):
        rows[label] = filter_study.dimmed(layer.patches[:, place], layer.seen)
    return rows


def save_sheet(rows, labels, heading, name, statuses=None, beside=None):
    """Write all filters of a layer as a file: blocks of eight, a row for each kind.

    Args:
        rows: dict, name of the row → (F, height, width, 3) floats, 0…1.
        labels: F strings, above the filters.
        heading: str, on top.
        name: str, of the file without its ending.
        statuses: F strings; "dead" and "saturated" get a frame.
        beside: strings, at the left of the blocks instead of the names of the rows.

    Returns:
        str, the path of the file as notebooks link to it.

    Raises:
        OSError: the file cannot be written.
    """
    blocks = -(-len(labels) // filters.COLUMNS)
    pitch = TILE + GAP
    block = LINE + len(rows) * pitch + 2 * GAP
    size = LEFT + filters.COLUMNS * pitch, LINE + 2 * GAP + blocks * block
    texts, pictures = [((GAP, GAP), heading, None)], []
    for index, label in enumerate(labels):
        left = LEFT + index % filters.COLUMNS * pitch
        top = LINE + 2 * GAP + index // filters.COLUMNS * block
        texts.append(((left + TILE / 2, top), label, "ma"))
        for row, (kind, images) in enumerate(rows.items()):
            below = top + LINE + row * pitch
            picture = _framed(images[index], statuses[index] if statuses else "ok")
            pictures.append(((left - GAP // 2, below - GAP // 2), picture))
            if index % filters.COLUMNS == 0:
                kind = beside[index // filters.COLUMNS] if beside else kind
                texts.append(((GAP, below + TILE / 2), kind, "lm"))
    return style.write_page(name, size, texts, pictures)


def _framed(image, status):
    """One picture, enlarged in whole pixels as far as possible, in its frame."""
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    picture = picture.resize((TILE, TILE), Image.Resampling.NEAREST)
    return ImageOps.expand(picture, GAP // 2, FRAMES[status])


def class_sheets(classes, names):
    """Write a sheet of the regularized images of each network's classes; show links.

    Args:
        classes: dict, (kind, network, head) → (C, height, width, channels), 0…255.
        names: dict, (network, head) → C strings.
    """
    links = []
    for network in dict.fromkeys(network for network, _ in names):
        own = {key: labels for key, labels in names.items() if key[0] == network}
        images = np.concatenate([classes["regularized", *key] for key in own])
        words = [label.split() for labels in own.values() for label in labels]
        path = save_sheet(
            {"": filters.shown_images(images)},
            [" ".join(each[-2:]) for each in words],
            f"{naming.label(network)}: the image of each class",
            f"classes_{network}",
            beside=[" ".join(each[:-2]) for each in words[:: filters.COLUMNS]],
        )
        links.append(f"[{naming.label(network)}]({path})")
    tables.findings(f"All classes: {', '.join(links)}.")
