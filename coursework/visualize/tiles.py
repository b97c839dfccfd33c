"""Pictures tiled into one: an axes for each of a thousand would take minutes."""

import math

import matplotlib as mpl
import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from . import pixels as ranges

GAP, BETWEEN = 2, 190  # px between tiles, and their gray
LEAST_WIDTH = 640  # px, to which small grids are enlarged
MOST_ENLARGED = 224  # px, to which a single small tile is enlarged at most
FONT_SIZE, LINE = 14, 20  # px
FONT = f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"  # has ×, °, …
MOST_PIXELS = 2**24  # of a sheet
ASPECT = 1.6  # width of a grid by its height
MOST_COLUMNS = 8  # of ``show``
OPAQUE, HEAT = 0.5, "inferno"  # of a map where it is highest, and its colors


def tile(tiles, columns=None, frames=None, labels=None):
    """Put pictures beside one another, small ones enlarged so that pixels can be seen.

    Args:
        tiles: (N, height, width, 3) floats, 0…1.
        columns: int; by default such that the grid is a little wider than high.
        frames: (N, 3) floats, 0…1, colors around them; by default none.
        labels: N str, written below them; by default none.

    Returns:
        (…, …, 3) uint8 array.
    """
    columns = min(columns or columns_of(tiles.shape), len(tiles))
    tiles = _enlarged(tiles, LEAST_WIDTH / columns - GAP, labels or [""])
    if labels is not None:
        tiles = _labelled(tiles, labels)
    count, height, width, _ = tiles.shape
    rows = -(-count // columns)
    edge = 0 if frames is None else GAP
    pitch = height + 2 * edge + GAP, width + 2 * edge + GAP
    sheet = np.full((rows * pitch[0], columns * pitch[1], 3), BETWEEN, np.uint8)
    for index, picture in enumerate(tiles):
        top, left = index // columns * pitch[0], index % columns * pitch[1]
        if edge:
            framed = sheet[top : top + pitch[0] - GAP, left : left + pitch[1] - GAP]
            framed[:] = np.round(255 * np.asarray(frames[index]))
        top, left = top + edge, left + edge
        sheet[top : top + height, left : left + width] = picture
    return sheet[:-GAP, :-GAP]


def _enlarged(tiles, width, labels):
    """Tiles as bytes, wide enough to be seen and for a text below each.

    Where all together would be too large, every second pixel or less is left.
    """
    step = math.ceil(math.sqrt(tiles[..., 0].size / MOST_PIXELS))
    tiles = tiles[:, ::step, ::step]
    wanted = max(width, *map(_text_width, labels))
    factor = math.ceil(wanted / tiles.shape[2])
    factor = max(1, min(factor, MOST_ENLARGED // max(tiles.shape[1:3])))
    tiles = (tiles * 255).round().astype(np.uint8)
    return tiles.repeat(factor, axis=1).repeat(factor, axis=2)


def _labelled(tiles, labels):
    """Tiles with a line of text below each, made wider where a text needs it."""
    font = ImageFont.truetype(FONT, FONT_SIZE)
    count, height, width, _ = tiles.shape
    widest = max(width, *map(_text_width, labels))
    left = (widest - width) // 2
    made = np.full((count, height + LINE + 4, widest, 3), 255, np.uint8)
    made[:, :height, left : left + width] = tiles
    for page, text in zip(made, labels, strict=True):
        strip = Image.fromarray(page[height:])
        draw = ImageDraw.Draw(strip)
        draw.text((widest / 2, 1), text, "black", font, anchor="ma")
        page[height:] = np.asarray(strip)
    return made


def _text_width(text):
    return math.ceil(ImageFont.truetype(FONT, FONT_SIZE).getlength(text))


def columns_of(shape):
    """Tiles in a row of a grid of (N, height, width, …)."""
    count, height, width = shape[:3]
    wanted = math.ceil(math.sqrt(ASPECT * count * height / width))
    return max(1, min(wanted, count))


# --- maps over images -----------------------------------------------------------------


def as_shown(images, pixels=(0.0, 255.0)):
    """Images in the model's pixel range as (…, 3) floats 0…1."""
    return ranges.pixels_of(pixels).shown(images)


def overlay(image, map, pixels=(0.0, 255.0), alpha=OPAQUE, color_map=HEAT):
    """A map over its image, the more opaque the higher.

    Args:
        image: (height, width, channels) in the pixel range.
        map: (height, width), 0…1, as ``Maps.scaled`` gives them.
        pixels: the pixel range, (lowest, highest), "caffe" or "torch".
        alpha: float, 0…1, the opacity where the map is 1.
        color_map: str, of matplotlib.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: the map has another size, or values beyond 0…1.
    """
    map, size = np.asarray(map, np.float64), np.shape(image)[:2]
    if map.shape != size or np.ndim(image) != 3:
        raise ValueError(
            f"image and map have shapes {np.shape(image)} and {map.shape}; expected "
            "(height, width, channels) and (height, width)"
        )
    if not (map.min() >= 0 and map.max() <= 1 + 1e-6):
        raise ValueError(
            f"the map has values {map.min():.3g}…{map.max():.3g}; expected 0…1, as "
            "Maps.scaled() gives them"
        )
    opacity = alpha * map[..., None]
    heat = colormaps[color_map](map)[..., :3]
    mixed = (1 - opacity) * as_shown(image, pixels) + opacity * heat
    return (255 * mixed).round().astype(np.uint8)


def show(
    images,
    maps=None,
    titles=None,
    columns=MOST_COLUMNS,
    class_names=None,
    pixels=(0.0, 255.0),
):
    """Images, with maps over them if there are any, side by side.

    Args:
        images: (N, height, width, channels) in the pixel range.
        maps: ``Maps``, or (N, height, width) 0…1, or a dict, title → one of these: then
            each image has a row, with the image itself and each of the maps over it.
        titles: N str, below the images; by default what ``Maps`` know: the class and
            its probability.
        columns: int, images in a row, at most; not with a dict.
        class_names: list of str, to be written for the number of a class.
        pixels: the pixel range.

    Returns:
        A ``PIL.Image``, which a notebook displays; ``save`` writes it.
    """
    several = maps if isinstance(maps, dict) else {"": maps}
    pictures, labels = [], []
    if isinstance(maps, dict):
        pictures.append(as_shown(images, pixels))
        labels.append(titles or [f"image {n}" for n in range(len(images))])
    for title, each in several.items():
        pictures.append(_over(images, each, pixels))
        named = None if isinstance(maps, dict) else titles
        texts = named or _titles(each, len(images), class_names)
        labels.append([", ".join(filter(None, (title, text))) for text in texts])
    shown = np.stack(pictures, axis=1)
    texts = [text for row in zip(*labels, strict=True) for text in row]
    count = len(pictures) if isinstance(maps, dict) else columns
    flat = shown.reshape(-1, *shown.shape[2:])
    return Image.fromarray(tile(flat, count, labels=texts if any(texts) else None))


def _over(images, maps, pixels):
    """(N, height, width, 3) floats, 0…1: images with maps over them, or without."""
    if maps is None:
        return as_shown(images, pixels)
    scaled = maps.scaled() if hasattr(maps, "scaled") else maps
    pairs = zip(images, scaled, strict=True)
    return np.stack([overlay(image, map, pixels) for image, map in pairs]) / 255


def _titles(maps, count, class_names):
    """What ``Maps`` know of each image, in a few words."""
    if not hasattr(maps, "targets"):
        return [""] * count
    texts, columns = [], (maps.targets, maps.probabilities, maps.without_evidence)
    for target, value, empty in zip(*columns, strict=True):
        name = class_names[target] if class_names and target >= 0 else target
        text = f"{maps.head} {value:.3g}" if target < 0 else f"{name}: {value:.2g}"
        texts.append(text + ", no evidence" * bool(empty))
    return texts
