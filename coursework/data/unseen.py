"""Lines that are not in the dataset: other lengths, noise, gaps, bends, a second line.

All are drawn by ``lines.draw``. ``Sample`` holds lines as numbers, so that one quantity
can be varied while the others stay as they are.
"""

import difflib
import typing

import cv2
import numpy as np

from coursework.data import lines

SHORT, LONG = lines.LENGTHS
THIN, THICK = lines.WIDTHS
STEP = lines.ANGLES[1] - lines.ANGLES[0]  # degrees from one angle to the next
RED, BLUE = np.array([255, 0, 0]), np.array([0, 0, 255])
MIDDLE = (11.0, 17.0)  # px: a line of 21 px with its center in there is inside


class Sample(typing.NamedTuple):
    """Lines, one in each row, as ``lines.draw`` takes them.

    Attributes:
        lengths, widths: (N,) floats, px. angles: (N,) floats, degrees.
        colors: (N, 3) floats, RGB, 0…255. centers: (N, 2) floats, px.
    """

    lengths: np.ndarray
    widths: np.ndarray
    angles: np.ndarray
    colors: np.ndarray
    centers: np.ndarray

    def but(self, **changes):
        """The same lines with other fields: a value for all, or one for each line."""
        shaped = {
            name: np.broadcast_to(np.asarray(value, float), getattr(self, name).shape)
            for name, value in changes.items()
        }
        return self._replace(**shaped)

    def draw(self):
        """(N, 28, 28, 3) uint8."""
        return lines.draw(*self)

    def shifted(self, along):
        """The same lines moved along themselves by (N,) or one float, px."""
        return self.but(centers=self.centers + _directions(self.angles) * along)

    def dimmed(self, share):
        """The same lines with this share of their brightness."""
        return self.but(colors=self.colors * share)

    def levels(self):
        """dict, name of ``heads.NAMES`` → (N,) integers: the nearest level of each."""
        found = {
            "length": self.lengths > (SHORT + LONG) / 2,
            "width": self.widths > (THIN + THICK) / 2,
            "color": self.colors[:, 2] > self.colors[:, 0],
            "angle": np.round(self.angles / STEP) % len(lines.ANGLES),
        }
        return {name: values.astype(int) for name, values in found.items()}


def names_of(levels):
    """Names of the classes: list of str, from a dict as ``Sample.levels`` gives."""
    attributes = np.stack([levels[name] for name in lines.ATTRIBUTES], axis=1)
    return [lines.class_name(label) for label in lines.classes_of(attributes)]


def sample(count, seed=0, middle=MIDDLE):
    """Lines of the dataset's 96 classes, with centers near the middle of the image.

    Args:
        count: int, N.
        seed: int.
        middle: (low, high) px, of both coordinates of the center.

    Returns:
        A ``Sample``.
    """
    random = np.random.default_rng(seed)
    return Sample(
        lengths=random.choice(lines.LENGTHS, count).astype(float),
        widths=random.choice(lines.WIDTHS, count).astype(float),
        angles=random.choice(lines.ANGLES, count).astype(float),
        colors=np.where(random.random((count, 1)) < 0.5, RED, BLUE).astype(float),
        centers=random.uniform(*middle, (count, 2)),
    )


def with_gap(chosen, gap):
    """(N, 28, 28, 3) uint8: lines without the middle ``gap`` px."""
    half = np.full_like(chosen.lengths, gap / 2)
    ends = chosen.lengths / 2
    left, right = _pieces(chosen, -ends, -half), _pieces(chosen, half, ends)
    return np.maximum(left, right)


def with_pixels_left_out(chosen, share, seed=0):
    """(N, 28, 28, 3) uint8: lines of which each pixel stays with this probability."""
    random = np.random.default_rng(seed)
    images = chosen.draw()
    return images * (random.random((*images.shape[:3], 1)) < share)


def _pieces(chosen, low, high):
    """The part of each line from ``low`` to ``high`` px along it; black if empty."""
    there = high > low
    part = chosen.but(lengths=np.where(there, high - low, 1.0))
    images = part.shifted(((low + high) / 2)[:, None]).draw()
    images[~there] = 0
    return images


def _directions(angles):
    """(N, 2): the direction of lines in x and y, y down."""
    radians = np.radians(angles)
    return np.stack([np.cos(radians), -np.sin(radians)], axis=1)


# --- corruptions ----------------------------------------------------------------------


def noise(chosen, severity, random):
    """Gaussian noise with this standard deviation in gray levels."""
    images = chosen.draw()
    return images + random.normal(0, severity, images.shape)


def blur(chosen, severity, random):
    """Gaussian blur with this standard deviation in px."""
    return np.stack([cv2.GaussianBlur(i, (0, 0), severity) for i in chosen.draw()])


def low_contrast(chosen, severity, random):
    """Pixel values lowered by this share."""
    return chosen.draw() * (1 - severity)


def bright_background(chosen, severity, random):
    """A gray background of this level."""
    return np.maximum(chosen.draw(), severity)


def cut_by_the_border(chosen, severity, random):
    """The line moved along itself until this share of it is outside the image."""
    directions = _directions(chosen.angles)
    with np.errstate(divide="ignore"):
        edge = np.where(directions > 0, lines.SIZE, 0)
        steps = (edge - chosen.centers) / directions
    to_the_edge = np.where(np.isfinite(steps) & (steps > 0), steps, np.inf).min(axis=1)
    inside = chosen.lengths * (0.5 - severity)
    return chosen.shifted((to_the_edge - inside)[:, None]).draw()


def second_line(chosen, severity, random):
    """Another line of the dataset, with this share of the brightness."""
    other = sample(len(chosen.lengths), random.integers(2**31))
    return np.maximum(chosen.draw(), other.dimmed(severity).draw())


def dashed(chosen, severity, random):
    """Dashes with a period of 4 px, this share of which is left out."""
    period = 4.0
    images = np.zeros((len(chosen.lengths), lines.SIZE, lines.SIZE, 3))
    for k in range(-2, 3):
        start = (k - 0.5 * (1 - severity)) * period
        ends = np.stack([np.full_like(chosen.lengths, start), chosen.lengths / -2])
        low = ends.max(axis=0)
        high = np.minimum(start + (1 - severity) * period, chosen.lengths / 2)
        images = np.maximum(images, _pieces(chosen, low, high))
    return images


def curved(chosen, severity, random, pieces=12):
    """The line bent to an arc; its direction turns by this many degrees."""
    images = np.zeros((len(chosen.lengths), lines.SIZE, lines.SIZE, 3))
    turn = np.radians(severity) * (np.arange(pieces) + 0.5) / pieces
    turn -= turn.mean()
    steps = np.stack([np.cos(turn), np.sin(turn)], axis=1) / pieces
    middles = np.cumsum(steps, axis=0) - steps / 2
    middles -= middles.mean(axis=0)
    along = _directions(chosen.angles)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    for piece in range(pieces):
        offset = along * middles[piece, 0] + across * middles[piece, 1]
        part = chosen.but(
            lengths=chosen.lengths / pieces + 0.3,
            angles=chosen.angles + np.degrees(turn[piece]),
            centers=chosen.centers + offset * chosen.lengths[:, None],
        )
        images = np.maximum(images, part.draw())
    return images


CORRUPTIONS = {  # name → function, four severities, unit
    "noise": (noise, (16, 32, 64, 128), "gray levels"),
    "blur": (blur, (0.5, 1, 1.5, 2), "px"),
    "low contrast": (low_contrast, (0.3, 0.5, 0.7, 0.9), "contrast reduced by"),
    "bright background": (bright_background, (16, 32, 64, 128), "gray levels"),
    "cut by the border": (cut_by_the_border, (0.1, 0.2, 0.3, 0.4), "share cut off"),
    "second line": (second_line, (0.25, 0.5, 0.75, 1), "brightness of the second"),
    "dashed": (dashed, (0.125, 0.25, 0.375, 0.5), "share left out"),
    "curved": (curved, (15, 30, 60, 90), "degrees"),
}


def corrupt(name, chosen, severity, seed=0):
    """Images of lines with one corruption.

    Args:
        name: str, one of ``CORRUPTIONS``.
        chosen: a ``Sample`` of N lines.
        severity: float from 0, in the unit of the corruption.
        seed: int.

    Returns:
        (N, 28, 28, 3) uint8.

    Raises:
        ValueError: there is no such corruption; the severity is negative.
    """
    if name not in CORRUPTIONS:
        near = difflib.get_close_matches(str(name), CORRUPTIONS, n=1, cutoff=0)
        known = ", ".join(CORRUPTIONS)
        raise ValueError(f"no corruption {name!r}; nearest: {near[0]}; known: {known}")
    if not severity >= 0:
        raise ValueError(f"severity is {severity}; expected a number from 0")
    if severity == 0:
        return chosen.draw()
    return _as_pixels(
        CORRUPTIONS[name][0](chosen, severity, np.random.default_rng(seed))
    )


def varied(count, noise, seed):
    """Lines of any length, width, angle and brightness, with noise.

    Length, width and angle are at most a quarter of the way from a level to the next,
    so that it is clear which label is right; the brightness is 40 % to 100 %.

    Args:
        count: int, N.
        noise: float, gray levels; the standard deviation of a line's noise is up to it.
        seed: int or tuple of int.

    Returns:
        (N, 28, 28, 3) uint8; dict of levels, as ``Sample.levels`` gives.
    """
    random = np.random.default_rng(seed)
    chosen = sample(count, random.integers(2**31), middle=(8, 20))
    quarter = 0.25 * random.uniform(-1, 1, (3, count))
    chosen = chosen.but(
        lengths=chosen.lengths + quarter[0] * (LONG - SHORT),
        widths=chosen.widths + quarter[1] * (THICK - THIN),
        angles=chosen.angles + quarter[2] * STEP,
    ).dimmed(random.uniform(0.4, 1, (count, 1)))
    deviations = random.uniform(0, noise, (count, 1, 1, 1))
    images = chosen.draw()
    noisy = images + deviations * random.normal(size=images.shape)
    return _as_pixels(noisy), chosen.levels()


def _as_pixels(images):
    return np.clip(np.round(images), 0, 255).astype(np.uint8)
