"""What the filters of a layer look for: images that excite them most.

Gradient ascent from a blank image (Erhan and others, 2009): all filters of a layer are
one batch, each image climbs for its own filter, and the whole ascent is one compiled
loop.

A bare convolution is linear: some image always raises it, and its score says nothing of
whether the network uses it. To ask what makes a filter fire, ascent on the ReLU behind.
"""

import dataclasses
import functools
import typing

import keras
import numpy as np
import tensorflow as tf

from . import geometry, graph
from . import network as networks

OBJECTIVES = ("channel", "center")
NOISE = 0.02  # on the blank image, as a share of the pixel range
GAIN = 1e-6  # of the score, relative to the layer's, below which nothing was found
SATURATED = 0.8  # share of the pixels at an end of the range
MOST_AT_ONCE = 64  # filters, so that progress can be told
DEFAULT_SIZE = 96  # px, where the model takes images of any size


@dataclasses.dataclass(frozen=True)
class Filters:
    """Images that excite the filters of a layer.

    Attributes:
        images: (F, height, width, channels) float32, in the pixel range.
        layer: str, the path of the layer.
        units: (F,) int64, the filters.
        objectives: F strings: "channel", the mean of a filter's positive responses, or
            "center", its response at the middle place before the activation, for
            filters that the first one did not wake; "unit", a dense unit before its
            activation, for layers without height and width.
        before, after: (F,) float32, the objective of the first and the last image.
        statuses: F strings: "ok", "dead" (the ascent finds nothing that excites it, or,
            of a layer with a ReLU, nothing that makes it fire), or "saturated" (most
            values were driven to an end of the pixel range).
        kernels: (F, height, width, channels) float32, where the layer convolves the
            image itself; else None.
    """

    images: np.ndarray
    layer: str
    units: np.ndarray
    objectives: list
    before: np.ndarray
    after: np.ndarray
    statuses: list
    kernels: np.ndarray | None

    def take(self, chosen):
        """``Filters`` with some of them, by their places here, a list of ints."""

        def some(values):
            if isinstance(values, np.ndarray):
                return values[chosen]
            return [values[i] for i in chosen] if isinstance(values, list) else values

        fields = dataclasses.fields(self)
        return Filters(**{f.name: some(getattr(self, f.name)) for f in fields})


@dataclasses.dataclass(frozen=True)
class Ascent:
    """The settings of gradient ascent.

    Attributes:
        steps: int, of the ascent.
        rate: float, of a step, as a share of the pixel range: the gradient is divided
            by its root mean square.
        jitter: int, px; in every step the image is shifted by up to so much, in a
            circle, so that single pixels count less; not for "center", whose middle
            place would move.
        total_variation: float, weight of the differences between neighbours.
        l2: float, weight of the squared distance from the blank image.
        seed: int, of the noise on the blank image and of the jitter.
    """

    steps: int = 200
    rate: float = 0.01
    jitter: int = 0
    total_variation: float = 0.0
    l2: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "jitter", "seed"):
            value, least = getattr(self, name), int(name == "steps")
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name} is {value!r}; expected a whole number, at least {least}"
                )
        for name in ("total_variation", "l2"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected at least 0"
                )
        if not 0 < self.rate < np.inf:
            raise ValueError(f"rate is {self.rate}; expected more than 0")


def filters(
    model,
    layer,
    units=None,
    pixels=(0.0, 255.0),
    background=0.5,
    channels=None,
    objective=None,
    progress=None,
    **ascent,
):
    """Find images that excite the filters of a layer, or the units of a dense one.

    Filters that stay dead are tried again with another objective, the response at the
    middle before the activation; the result says which was used.

    Args:
        model: a ``keras.Model``.
        layer: name or path.
        units: filters to look at; None is all.
        pixels: the pixel range that the model expects.
        background: float, 0…1, where in that range the blank image is: 0.5 is gray,
            0 is black, which suits images on a black background.
        channels: ints, the channels of the image that may change, (0, 2) for red and
            blue; the others stay blank. None is all. For channels that were the same in
            all training images: nothing has taught the network what to do with them,
            so that what it seems to want there is left from its first, random weights.
        objective: "channel" or "center"; None is "channel", then "center" for the dead.
        progress: function of two ints, how many filters are done and of how many.
        ascent: ``steps``, ``rate``, ``jitter``, ``total_variation``, ``l2``, ``seed``,
            which ``Ascent`` explains.

    Returns:
        ``Filters``.

    Raises:
        ValueError: no such layer, unit, channel or objective; a layer that gives
            neither feature maps nor a vector.
    """
    if objective not in (None, *OBJECTIVES):
        raise ValueError(f"no objective {objective!r}; known: {', '.join(OBJECTIVES)}")
    pixels = tuple(map(float, pixels))
    if not pixels[0] < pixels[1]:
        raise ValueError(f"pixels are {pixels}; expected the lower end first")
    network = networks.of(model)
    step, ascent = network.step(layer), Ascent(**ascent)
    count, flat = _units_of(step)
    units = _check_units(units, count, step)
    first = "unit" if flat else objective or "channel"
    free = _free_channels(channels, network.input_shape[-1])
    start = _blank_images(network, pixels, background, free, ascent.seed)
    setting = _Setting(network, step, start, free, pixels, ascent)
    ascend = functools.partial(_ascend, setting, progress)
    images, before, after, most = ascend(units, first)
    objectives = np.full(len(units), first, dtype=object)
    dead = _is_dead(before, after, most)
    if objective is None and not flat and dead.any():
        again = ascend(units[dead], "center")
        for kept, found in zip((images, before, after, most), again, strict=True):
            kept[dead] = found
        objectives[dead] = "center"
        dead = _is_dead(before, after, most)
    if networks.activation_kind(step.operation) == "relu":
        dead |= (objectives == "center") & (after <= 0)  # at its best it does not fire
    return Filters(
        images=images,
        layer=step.path,
        units=units,
        objectives=objectives.tolist(),
        before=before,
        after=after,
        statuses=_statuses(images, start, dead, pixels),
        kernels=_kernels(network, step, units),
    )


def _units_of(step):
    """Number of filters of a layer and whether it has no places."""
    shape = step.node.outputs[0].shape
    if len(shape) not in (2, 4) or shape[-1] is None:
        raise ValueError(
            f"layer {step.path} gives {tuple(shape)}; expected feature maps or a vector"
        )
    return shape[-1], len(shape) == 2


def _check_units(units, count, step):
    if units is None:
        return np.arange(count)
    chosen = np.atleast_1d(units)
    if chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"units are {units!r}; {step.path} has 0…{count - 1}")
    return chosen.astype(np.int64)


def _free_channels(channels, count):
    """(count,) float32: 1 for channels of the image that may change, else 0."""
    if channels is None:
        return np.ones(count, np.float32)
    chosen = np.atleast_1d(channels)
    known = chosen.size and chosen.dtype.kind in "iu"
    if not known or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"channels are {channels!r}; the image has 0…{count - 1}")
    return np.isin(np.arange(count), chosen).astype(np.float32)


def _blank_images(network, pixels, background, free, seed):
    """One blank image with a little noise, the same for every filter."""
    if not 0 <= background <= 1:
        raise ValueError(f"background is {background}; expected a share, 0…1")
    low, high = pixels
    shape = [size or DEFAULT_SIZE for size in network.input_shape]
    noise = np.random.default_rng(seed).uniform(-NOISE, NOISE, shape) * free
    image = low + (high - low) * (background + noise)
    return image.clip(low, high).astype(np.float32)


def _is_dead(before, after, most):
    """Whether the score has not risen, measured by the layer's largest response."""
    return ~(after - before > GAIN * np.maximum(most, 1e-30))


def _statuses(images, start, dead, pixels):
    low, high = pixels
    margin = (high - low) * 1e-3
    ends = (images <= low + margin) | (images >= high - margin)
    moved = np.abs(images - start) > 2 * NOISE * (high - low)  # black may stay black
    full = (ends & moved).mean(axis=(1, 2, 3)) > SATURATED
    return [
        "dead" if is_dead else "saturated" if is_full else "ok"
        for is_dead, is_full in zip(dead, full, strict=True)
    ]


def _kernels(network, step, units):
    """The kernels of a convolution that reads the image, scaled or not."""
    if not isinstance(step.operation, keras.layers.Conv2D):
        return None
    maker = network.graph.maker(step.inputs[0])
    while maker and isinstance(maker.operation, geometry.POINTWISE):
        maker = network.graph.maker(maker.inputs[0])
    if maker is not None:
        return None
    kernel = keras.ops.convert_to_numpy(step.operation.kernel)
    return kernel.transpose(3, 0, 1, 2)[units]


# --- the ascent -----------------------------------------------------------------------


class _Setting(typing.NamedTuple):
    """What all climbs for a layer have in common."""

    network: networks.Network
    step: graph.Step
    start: np.ndarray
    free: np.ndarray
    pixels: tuple
    ascent: Ascent


def _ascend(setting, progress, units, objective):
    """Climb for some units; returns images, first and last scores, largest response."""
    network, step, start, free, pixels, ascent = setting
    same = dataclasses.replace(ascent, seed=0)  # another seed needs no other function
    seed = np.array([[ascent.seed, 0]])
    compiled = network.compiled(
        ("filters", step.path, objective, tuple(free), pixels, same),
        lambda: _make_ascent(setting, objective),
        *(start[None], units, seed),
    )
    size, parts = network.batch_size(start, most=MOST_AT_ONCE), []
    for portion in np.array_split(units, -(-len(units) // size)):
        images = np.repeat(start[None], len(portion), axis=0)
        tensors = compiled(*map(tf.constant, (images, portion, seed)))
        parts.append([tensor.numpy() for tensor in tensors])
        if progress:
            progress(sum(len(part[0]) for part in parts), len(units))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _make_ascent(setting, objective):
    network, step, _, free, (low, high), ascent = setting
    score = _make_objective(network, step, objective)

    def gain(images, blank, units):
        value = score(images, units)
        if ascent.total_variation:
            value -= ascent.total_variation * tf.image.total_variation(images)
        if ascent.l2:
            value -= ascent.l2 * tf.reduce_sum((images - blank) ** 2, axis=(1, 2, 3))
        return value

    jitter = 0 if objective == "center" else ascent.jitter  # the middle stays there

    def step_up(images, blank, units, seed):
        shift = tf.random.stateless_uniform((2,), seed, -jitter, jitter + 1, tf.int32)
        images = tf.roll(images, shift, axis=(1, 2)) if jitter else images
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            value = gain(images, blank, units)
        gradient = tape.gradient(value, images)
        if gradient is None:
            raise ValueError(f"layer {step.path} has no gradient for the image")
        images += ascent.rate * (high - low) * _direction(gradient * free)
        images = tf.clip_by_value(images, low, high)
        return tf.roll(images, -shift, axis=(1, 2)) if jitter else images

    def run(blank, units, seed):
        images = blank
        for number in tf.range(ascent.steps, dtype=tf.int64):
            images = step_up(images, blank, units, seed[0] + [0, number])
        before, after = score(blank, units), score(images, units)
        return images, before, after, tf.maximum(tf.abs(before), tf.abs(after))

    return run


def _direction(gradient):
    """A gradient divided by its root mean square, so that all filters ascent alike."""
    square = tf.reduce_mean(gradient**2, axis=(1, 2, 3), keepdims=True)
    return tf.math.divide_no_nan(gradient, tf.sqrt(square))


def _make_objective(network, step, objective):
    """A function: images, units → (n,), what each image's own unit gives."""
    before = networks.pre_activation(step)

    def score(images, units):
        wanted = step.outputs if objective == "channel" else before.needs
        values = network.graph.run(images, wanted=wanted)
        if objective == "channel":
            own = _own(tf.cast(values[step.outputs[0]], tf.float32), units)
            return tf.reduce_mean(tf.nn.relu(own), axis=(1, 2))
        own = _own(before.of(values), units)
        if objective == "center":
            return own[:, own.shape[1] // 2, own.shape[2] // 2]
        return own

    return score


def _own(output, units):
    """Of each image's output the channel of its own unit."""
    return tf.gather(output, units, axis=-1, batch_dims=1)
