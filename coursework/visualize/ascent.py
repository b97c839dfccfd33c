"""Gradient ascent on images (Erhan and others, 2009).

All filters of a layer are one batch, each image for its own filter, and the whole
ascent is one compiled loop.
"""

import dataclasses
import functools
import numbers
import typing

import numpy as np
import tensorflow as tf

from . import geometry, heads
from . import network as networks
from . import pixels as ranges

MOST_AT_ONCE = 64  # filters, so that progress can be reported
BLUR_EVERY = 4  # steps
TRANSFORMS = {  # by the number of spatial axes
    1: (tf.signal.rfft, tf.signal.irfft),
    2: (tf.signal.rfft2d, tf.signal.irfft2d),
    3: (tf.signal.rfft3d, tf.signal.irfft3d),
}


@dataclasses.dataclass(frozen=True)
class Ascent:
    """The settings of gradient ascent. What is 0 is off; all can be combined.

    Attributes:
        steps: int, of the ascent.
        rate: float, of a step, as a share of the pixel range: the gradient is divided
            by its root mean square.
        jitter: int, px; in every step the image is shifted by up to so much, in a
            circle, so that single pixels count less; not for "center", whose middle
            position would move.
        total_variation: float, weight of the differences between neighbors.
        l2: float, weight of the squared distance from the even image.
        blur: float, px, the standard deviation of a Gaussian that blurs the image in
            every fourth step (Yosinski and others, 2015).
        decorrelate: float, or bool for 1 or 0; the gradient's amplitude at each spatial
            frequency f is divided by f to this power, so that coarse structure grows
            first. 2 is plain gradient ascent on the decorrelated parameters of Olah and
            others, 2017.
        seed: int, of the noise on the even image and of the jitter.
    """

    steps: int = 200
    rate: float = 0.01
    jitter: int = 0
    total_variation: float = 0.0
    l2: float = 0.0
    blur: float = 0.0
    decorrelate: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "jitter", "seed"):
            value, least = getattr(self, name), int(name == "steps")
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(
                    f"{name} is {value!r}; expected a whole number, at least {least}"
                )
        for name in ("total_variation", "l2", "blur", "decorrelate"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected at least 0"
                )
        if not 0 < self.rate < np.inf:
            raise ValueError(f"rate is {self.rate}; expected more than 0")


class Task(typing.NamedTuple):
    """What the ascents for all units of a layer have in common."""

    network: networks.Network
    value: networks.Value
    start: np.ndarray
    free: np.ndarray
    pixels: ranges.Pixels
    settings: Ascent


def ascend(task, progress, units, objective):
    """Images for some units, their first and last scores, and the larger of the two."""
    settings, start = task.settings, task.start
    same = dataclasses.replace(settings, seed=0, steps=1)  # these are arguments
    if objective == "center":  # the middle has to stay there
        same = dataclasses.replace(same, jitter=0)
    task = task._replace(settings=same)
    return task.network.run(
        ("filters", task.value.path, objective, tuple(task.free), task.pixels, same),
        lambda: functools.partial(_ascend, task, _objective(task, objective)),
        np.broadcast_to(start, (len(units), *start.shape)),
        *(units, np.tile([settings.seed, settings.steps], (len(units), 1))),
        batch_size=task.network.batch_size(start, most=MOST_AT_ONCE),
        progress=progress,
    )


def _ascend(task, score, even, units, both):
    """What is compiled: even images, units, rows of (seed, steps) → as ``ascend``."""
    images = even
    for number in tf.range(both[0, 1]):
        images = _step_up(task, score, images, even, units, both[0, 0], number)
    before, after = score(even, units), score(images, units)
    return images, before, after, tf.maximum(tf.abs(before), tf.abs(after))


def _step_up(task, score, images, even, units, seed, number):
    settings, axes = task.settings, list(range(1, len(even.shape) - 1))
    low, high = (tf.constant(end, tf.float32) for end in task.pixels[:2])
    if settings.blur and number % BLUR_EVERY == 0:
        images += task.free * (_blurred(images, settings.blur) - images)
    shift = tf.random.stateless_uniform(
        (len(axes),), [seed, number], -settings.jitter, settings.jitter + 1, tf.int32
    )
    images = tf.roll(images, shift, axes) if settings.jitter else images
    direction = _direction(task, score, images, even, units)
    images += settings.rate * (high - low) * direction
    images = tf.clip_by_value(images, low, high)
    return tf.roll(images, -shift, axes) if settings.jitter else images


def _direction(task, score, images, even, units):
    """The gradient of the score less its penalty, of unit size for each image."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        value = score(images, units) - _penalty(images, even, task.settings)
    gradient = tape.gradient(value, images)
    if gradient is None:
        raise ValueError(f"layer {task.value.path} has no gradient for the image")
    if task.settings.decorrelate:
        gradient = _decorrelated(gradient, float(task.settings.decorrelate))
    gradient *= task.free
    square = tf.reduce_mean(gradient**2, list(range(1, len(even.shape))), keepdims=True)
    return tf.math.divide_no_nan(gradient, tf.sqrt(square))


def _penalty(images, even, settings):
    """(n,) what total variation and distance from the even image take off the score."""
    axes, penalty = list(range(1, len(images.shape))), 0.0
    if settings.l2:
        penalty += settings.l2 * tf.reduce_sum((images - even) ** 2, axis=axes)
    if settings.total_variation:
        for axis in axes[:-1]:
            after = tf.gather(images, tf.range(1, images.shape[axis]), axis=axis)
            before = tf.gather(images, tf.range(images.shape[axis] - 1), axis=axis)
            variation = tf.reduce_sum(tf.abs(after - before), axis=axes)
            penalty += settings.total_variation * variation
    return penalty


def _blurred(images, deviation):
    """Images after a Gaussian filter along each spatial axis, borders counting less."""
    for size in images.shape[1:-1]:
        apart = np.arange(size)[:, None] - np.arange(size)
        weights = np.exp(-((apart / deviation) ** 2) / 2)
        weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        images = tf.tensordot(images, weights, [[1], [1]])  # the axis goes to the end
    return tf.transpose(images, [0, *range(2, len(images.shape)), 1])


def _decorrelated(gradient, exponent):
    """A gradient whose amplitude at each frequency f is divided by f^exponent."""
    sizes = gradient.shape[1:-1]
    axes = [np.fft.fftfreq(n) for n in sizes[:-1]] + [np.fft.rfftfreq(sizes[-1])]
    grid = np.meshgrid(*axes, indexing="ij")
    frequency = np.sqrt(sum(values**2 for values in grid))
    weights = np.maximum(frequency, 1 / max(sizes)) ** -exponent
    forward, backward = TRANSFORMS[len(sizes)]
    rank = len(sizes) + 2
    spectrum = forward(tf.transpose(gradient, [0, rank - 1, *range(1, rank - 1)]))
    changed = backward(spectrum * tf.constant(weights, spectrum.dtype), sizes)
    return tf.transpose(changed, [0, *range(2, rank), 1])


def _objective(task, objective):
    """A function: images, units → (n,), what each image's own unit gives."""
    graph, value = task.network.graph, task.value
    before = heads.PreActivation(value.key)
    if len(value.step.outputs) == 1:
        before = heads.pre_activation(value.step)

    def own(output, units):
        axis = 1 if value.layout == geometry.FIRST else -1
        return tf.gather(output, units, axis=axis, batch_dims=1)

    def score(images, units):
        if objective == "channel":
            output = graph.run(images, wanted=(value.key,))[value.key]
            given = tf.nn.relu(own(tf.cast(output, tf.float32), units))
            return tf.reduce_mean(given, axis=list(range(1, len(given.shape))))
        given = own(before.of(graph.run(images, wanted=(before.key,))), units)
        while len(given.shape) > 1:  # the middle, along each axis
            given = given[:, given.shape[1] // 2]
        return given

    return score
