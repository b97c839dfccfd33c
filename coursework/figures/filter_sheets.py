"""Complete sheets of all filters of a layer, as files."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coursework import paths, visualize
from coursework.figures import filters, style, tables
from coursework.studies import filters as filter_study
from coursework.studies import naming

TILE, GAP = 84, 4  # px, of a picture
LINE, LEFT = 20, 112  # px, of a heading, of the names of the rows
PATCHES = "best real", "second", "third"
DARKEST = 200  # gray level that each picture has a pixel below, unlike empty paper
FRAMES = {"ok": "white", "dead": "#cc0000", "saturated": "#e68a00"}


def filter_sheets(layers):
    """Write a sheet of each layer, and show links to them.

    Args:
        layers: dict, (network, convolution) → ``filters.Layer``.
    """
    links = {}
    for (name, convolution), layer in layers.items():
        file = save_sheet(
            _sheet_rows(layer),
            list(map(str, layer.raw.units)),
            f"{naming.label(name)}, {convolution}: all filters",
            f"filters_{name}_{convolution}",
            layer.raw.statuses,
        )
        link = f"[{convolution}](../reports/figures/{file})"
        links.setdefault(naming.label(name), []).append(link)
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
        The name of the file.

    Raises:
        OSError: the file cannot be written.
    """
    blocks = -(-len(labels) // filters.COLUMNS)
    pitch = TILE + GAP
    block = LINE + len(rows) * pitch + 2 * GAP
    size = LEFT + filters.COLUMNS * pitch, LINE + 2 * GAP + blocks * block
    page = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(style.FONT, 14)
    draw.text((GAP, GAP), heading, "black", font)
    for index, label in enumerate(labels):
        left = LEFT + index % filters.COLUMNS * pitch
        top = LINE + 2 * GAP + index // filters.COLUMNS * block
        draw.text((left + TILE / 2, top), label, "black", font, anchor="ma")
        for row, (kind, images) in enumerate(rows.items()):
            place = left, top + LINE + row * pitch
            _paste(page, images[index], place, statuses[index] if statuses else "ok")
            kind = beside[index // filters.COLUMNS] if beside else kind
            if index % filters.COLUMNS == 0:
                draw.text((GAP, place[1] + TILE / 2), kind, "black", font, anchor="lm")
    path = paths.figures() / f"{name}.png"
    visualize.write_png(page, path, palette=True)
    return path.name


def _paste(page, image, place, status):
    """One picture, enlarged in whole pixels as far as possible, in its frame."""
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    picture = picture.resize((TILE, TILE), Image.Resampling.NEAREST)
    left, top = place
    edge = left - GAP // 2, top - GAP // 2, left + TILE + 1, top + TILE + 1
    if status != "ok":
        ImageDraw.Draw(page).rectangle(edge, fill=FRAMES[status])
    page.paste(picture, place)


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
        file = save_sheet(
            {"": filters.shown_images(images)},
            [" ".join(each[-2:]) for each in words],
            f"{naming.label(network)}: the image of each class",
            f"classes_{network}",
            beside=[" ".join(each[:-2]) for each in words[:: filters.COLUMNS]],
        )
        links.append(f"[{naming.label(network)}](../reports/figures/{file})")
    tables.findings(f"All classes: {', '.join(links)}.")
