"""The line dataset: 96 classes of straight lines, drawn exactly, no two images alike.

Source: Assignment 1 of the course. A 28×28 RGB image shows one line on black: 7 or 15
px long, 1 or 3 px wide, at 0°, 15° … 165° to the x-axis (counter-clockwise, y up), red
or blue. The images of a class differ only by where the line's centre lies.

A line is a rectangle, and a pixel's value is the share of the pixel that the rectangle
covers. Everything is integer arithmetic, so that every machine draws the same bytes.
"""

import dataclasses
import math
import pathlib
import typing

import cv2
import numpy as np

from coursework import files, paths
from coursework.data import coverage

SIZE = 28
LENGTHS = (7, 15)
WIDTHS = (1, 3)
ANGLES = tuple(range(0, 180, 15))
COLORS = ("red", "blue")
ATTRIBUTES = ("length", "width", "angle", "color")
LEVELS = (len(LENGTHS), len(WIDTHS), len(ANGLES), len(COLORS))
CLASSES = math.prod(LEVELS)
PER_CLASS = 1000

ATTRIBUTE_NAMES = {
    "length": ("short", "long"),
    "width": ("thin", "thick"),
    "angle": tuple(f"{angle}°" for angle in ANGLES),
    "color": COLORS,
}

SHA256 = "1506045bb2496aa26fb8b912504ae3343a6e858ad113d0f7173cd7f4940f3995"

_CHANNELS = (0, 2)  # of red and blue in an RGB image
_CENTER_STEPS = 16  # centres lie on a grid of 1/16 px: neighbours differ in 8 bits
_CELLS = 32  # a pixel's coverage is summed over 32×32 fine cells
_FULL = 256  # a fine cell that is covered as a whole
_UNIT = 2**20  # sine and cosine as integers: no last bit of a float decides a pixel
_REACH = 8  # px, half a table's side; the longest half-diagonal is 7.65 px
_CHUNK = 256  # images drawn at once: temporary arrays stay in the cache


@dataclasses.dataclass(frozen=True)
class LineDataset:
    """Images of lines and all that is known about them.

    Attributes:
        images: (N, 28, 28, 3) uint8, RGB, 0…255.
        attributes: (N, 4) uint8, indices of length, width, angle and color.
        centers: (N, 2) float32, x and y of the line's centre in px, from the upper left
            corner of the image, y down.
        classes: (N,) int64, 0…95, ((length·2 + width)·12 + angle)·2 + color.
    """

    images: np.ndarray
    attributes: np.ndarray
    centers: np.ndarray
    classes: np.ndarray

    name = "lines"

    def take(self, indices):
        """A ``LineDataset`` of some of the images."""
        fields = dataclasses.fields(self)
        return LineDataset(*(getattr(self, field.name)[indices] for field in fields))

    @property
    def sha256(self):
        """SHA-256 over the bytes of the four arrays, in the order above."""
        return files.sha256_of_arrays(
            self.images, self.attributes, self.centers, self.classes
        )


def build(per_class=PER_CLASS, seed=0):
    """Draw the dataset.

    Args:
        per_class: int, images of each class; their centres are all different.
        seed: int, chooses the centres.

    Returns:
        A ``LineDataset`` of 96 · ``per_class`` images, ordered by class.

    Raises:
        ValueError: ``per_class`` is below 1 or above the number of different centres.
    """
    _check_per_class(per_class)
    # RandomState: NumPy promises that its stream never changes (NEP 19).
    random = np.random.RandomState(seed)
    images = np.zeros((*LEVELS, per_class, SIZE, SIZE, 3), np.uint8)
    centers = np.empty((*LEVELS, per_class, 2), np.float32)
    for shape in np.ndindex(LEVELS[:3]):
        table = _summed_area_table(*_dimensions(*shape))
        for color, channel in enumerate(_CHANNELS):
            steps = _draw_centers(random, per_class, *_dimensions(*shape))
            images[*shape, color, ..., channel] = _coverage(table, steps)
            centers[*shape, color] = steps / np.float32(_CENTER_STEPS)
    classes = np.repeat(np.arange(CLASSES), per_class)
    return LineDataset(
        images.reshape(-1, SIZE, SIZE, 3),
        attributes_of(classes),
        centers.reshape(-1, 2),
        classes,
    )


def draw(lengths, widths, angles, colors, centers):
    """Draw lines with any real values; what lies outside of the frame is cut off.

    A pixel is the color times the share of the pixel that the line covers. The share is
    exact, that of ``build`` is summed over a fine grid: at the values of the dataset
    the two differ by at most one gray level, in 0.07 % of the pixels.

    Args:
        lengths, widths: number or (N,), px, > 0.
        angles: number or (N,), degrees, counter-clockwise from the x-axis with y up.
        colors: (3,) or (N, 3), RGB, 0…255.
        centers: (2,) or (N, 2), x and y in px, from the upper left corner of the image,
            y down.

    Returns:
        (N, 28, 28, 3) uint8, RGB. Single values count for all N lines; where all are
        single, N = 1.

    Raises:
        ValueError: the shapes do not fit each other; a length or width is not above 0;
            a color is outside 0…255; a value is NaN or infinite.
    """
    columns = coverage.as_columns(
        lengths=lengths, widths=widths, angles=angles, colors=colors, centers=centers
    )
    lengths, widths, angles, *colors = columns[:6]
    images = np.empty((len(lengths), SIZE, SIZE, 3), np.uint8)
    for start in range(0, len(images), _CHUNK):
        rows = slice(start, start + _CHUNK)
        shares = coverage.of_rectangles(
            lengths[rows], widths[rows], angles[rows], columns[6:, rows].T, SIZE
        )
        for channel, color in enumerate(colors):
            levels = shares * color[rows, None, None]
            # The cast truncates. 1e-9: a half goes up whatever a float's last bits.
            images[rows, ..., channel] = levels + (0.5 + 1e-9)
    return images


def load():
    """The 96,000 images of the project, from ``data/lines.npz``.

    The file is built where it is missing, cannot be read or does not fit ``SHA256``;
    a line of output says so.

    Returns:
        ``build()``, to the byte.

    Raises:
        OSError: the file has to be written and cannot be.
    """
    path = paths.DATA / "lines.npz"
    try:
        dataset = _read(path)
        problem = None if dataset.sha256 == SHA256 else "does not fit its checksum"
    except FileNotFoundError:
        problem = "is missing"
    except Exception as error:  # a damaged archive raises whatever the damage hits
        problem = f"cannot be read ({error})"
    if problem:
        print(f"{paths.relative(path)} {problem}: building it")
        dataset = build()
        save(dataset, path)
    return dataset


def save(dataset, path):
    """Write a ``LineDataset`` as an .npz file, all of it or nothing (OSError)."""
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **dataclasses.asdict(dataset))


def _read(path):
    with np.load(path) as arrays:
        names = (field.name for field in dataclasses.fields(LineDataset))
        return LineDataset(*(arrays[name] for name in names))


def attributes_of(classes):
    """Indices of length, width, angle and color of class indices.

    Args:
        classes: int or integer array of any shape, 0…95.

    Returns:
        uint8 array of that shape with one more axis of size 4.
    """
    return np.stack(np.unravel_index(classes, LEVELS), axis=-1).astype(np.uint8)


def classes_of(attributes):
    """Class indices, int64, of attribute indices with a last axis of size 4."""
    return np.ravel_multi_index(np.moveaxis(np.asarray(attributes), -1, 0), LEVELS)


def class_name(index):
    """A class's name as people read it: "long thick red 45°"."""
    length, width, angle, color = (
        ATTRIBUTE_NAMES[attribute][level]
        for attribute, level in zip(ATTRIBUTES, attributes_of(index), strict=True)
    )
    return f"{length} {width} {color} {angle}"


def file_stem(index, number):
    """Assignment 1's file name, without its ending, of a class's image ``number``.

    ``1_1_3_0_17`` is length 1, width 1, angle 3, color 0, image 17.
    """
    return "_".join(str(part) for part in (*attributes_of(index), number))


def masks(images):
    """Where there is ink.

    Args:
        images: (N, 28, 28, 3) uint8.

    Returns:
        (N, 28, 28) bool.
    """
    return images.any(axis=-1)


class Measurement(typing.NamedTuple):
    """What the pixels of N images show, each (N,) float64.

    Attributes:
        ink: px², the sum of all values divided by 255.
        length: px, of the line with the same spread along the principal axis.
        width: px, ink divided by length.
        angle: degrees in [0, 180), of the ink's principal axis, counter-clockwise from
            the x-axis with y up.
    """

    ink: np.ndarray
    length: np.ndarray
    width: np.ndarray
    angle: np.ndarray


def measure(images):
    """Measure lines from their pixels alone, by the moments of the ink.

    Args:
        images: (N, 28, 28, 3) uint8.

    Returns:
        A ``Measurement``.
    """
    weights = images.sum(axis=-1, dtype=np.float64) / 255
    columns, rows = weights.sum(axis=1), weights.sum(axis=2)
    ink, pixels = columns.sum(axis=1), np.arange(SIZE)
    x = pixels - (columns @ pixels / ink)[:, None]  # relative to the middle of the ink
    y = (rows @ pixels / ink)[:, None] - pixels
    xx, yy = (columns * x**2).sum(axis=1) / ink, (rows * y**2).sum(axis=1) / ink
    xy = np.einsum("nyx,ny,nx->n", weights, y, x) / ink
    # The variance along a line of length L is L²/12; the pixels' own size adds 1/12.
    along = (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy)
    length = np.sqrt(12 * along - 1)
    angle = np.degrees(np.arctan2(2 * xy, xx - yy) / 2) % 180
    return Measurement(ink, length, ink / length, angle)


def export(folder, dataset):
    """Write every image as a PNG file in Assignment 1's naming.

    Args:
        folder: where to; made if need be.
        dataset: a ``LineDataset``; the images of a class are numbered from 0.

    Returns:
        The number of files written.

    Raises:
        OSError: a file cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.zeros(CLASSES, int)
    for image, index in zip(dataset.images, dataset.classes, strict=True):
        path = folder / f"{file_stem(index, numbers[index])}.png"
        path.write_bytes(
            cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        )
        numbers[index] += 1
    return len(dataset.images)


def _dimensions(length, width, angle):
    """Length in px, width in px and angle in degrees of three level indices."""
    return LENGTHS[length], WIDTHS[width], ANGLES[angle]


def _direction(angle):
    """Cosine and sine in units of 1/_UNIT, rounded: the same integers everywhere."""
    radians = math.radians(angle)
    return round(math.cos(radians) * _UNIT), round(math.sin(radians) * _UNIT)


def _center_box(length, width, angle):
    """The grid points at which the whole line lies in the frame.

    Returns:
        first: x and y of the box's upper left corner, in steps of 1/_CENTER_STEPS px.
        counts: how many steps wide and high the box is, both ends included.
    """
    cosine, sine = map(abs, _direction(angle))
    extents = (  # of the line, in 1/_UNIT px
        length * cosine + width * sine,
        length * sine + width * cosine,
    )
    first = [-(-extent * _CENTER_STEPS // (2 * _UNIT)) for extent in extents]
    counts = [SIZE * _CENTER_STEPS - 2 * start + 1 for start in first]
    return first, counts


def _check_per_class(per_class):
    most = min(
        math.prod(_center_box(*_dimensions(*shape))[1])
        for shape in np.ndindex(LEVELS[:3])
    )
    if not 1 <= per_class <= most:
        raise ValueError(
            f"per_class must be between 1 and {most:,}, the different centres that the "
            f"largest line can have; received {per_class}"
        )


def _draw_centers(random, count, length, width, angle):
    """Different centres, (count, 2) int64: x and y in steps of 1/_CENTER_STEPS px."""
    first, counts = _center_box(length, width, angle)
    chosen = random.permutation(math.prod(counts))[:count]
    return np.stack(np.unravel_index(chosen, counts), axis=-1) + first


def _summed_area_table(length, width, angle):
    """How much of the line lies above and to the left of each corner of fine cells.

    Returns:
        (M, M) int32, M = 2 · _REACH · _CELLS + 1, in 1/_FULL of a cell; the line's
        centre is at the table's middle.
    """
    cosine, sine = _direction(angle)
    # Middles of the fine cells relative to the line's centre, in half cells: odd.
    middles = np.arange(1 - 2 * _REACH * _CELLS, 2 * _REACH * _CELLS, 2)
    x, y = middles[None, :], middles[:, None]
    ramp = abs(cosine) + abs(sine)  # half the height of a cell seen along the edge
    along = _share_inside(x * cosine - y * sine, length * _CELLS * _UNIT, ramp)
    across = _share_inside(x * sine + y * cosine, width * _CELLS * _UNIT, ramp)
    table = np.zeros((len(middles) + 1, len(middles) + 1), np.int32)
    shares = along * across // _FULL
    shares.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, out=table[1:, 1:])
    return table


def _share_inside(distance, limit, ramp):
    """Share of a cell, in 1/_FULL, that lies less than ``limit`` from an axis."""
    return np.clip(limit - np.abs(distance) + ramp, 0, 2 * ramp) * _FULL // (2 * ramp)


def _coverage(table, steps):
    """Draw the line at each centre: the table read at the corners of all pixels.

    Args:
        table: what ``_summed_area_table`` gives.
        steps: (n, 2) integers, x and y of the centres in 1/_CENTER_STEPS px.

    Returns:
        (n, 28, 28) uint8, 255 times the covered share of each pixel, rounded.
    """
    corners = np.arange(SIZE + 1) * _CELLS + _REACH * _CELLS
    shifts = steps * (_CELLS // _CENTER_STEPS)
    columns, rows = np.clip(corners - shifts.T[..., None], 0, len(table) - 1)
    sums = table[rows[:, :, None], columns[:, None, :]]
    ink = np.diff(np.diff(sums, axis=1), axis=2)
    whole = _FULL * _CELLS**2
    return ((ink * 255 + whole // 2) // whole).astype(np.uint8)
