"""What activates the filters of a layer most: activation maximization.

A bare convolution is linear: some image always raises it, and its score says nothing of
whether the network uses it. To ask what makes a filter active, take the ReLU behind.
"""

import dataclasses

import keras
import numpy as np

from . import ascent as ascents
from . import geometry, heads
from . import network as networks
from . import pixels as ranges

OBJECTIVES = ("channel", "center")
NOISE = 0.02  # on the even image, as a share of the pixel range
GAIN = 1e-6  # of the score, relative to the layer's, below which nothing was found
SATURATED = 0.8  # share of the pixels at an end of the range
DEFAULT_SIZE = 96  # px, where the model takes images of any size


@dataclasses.dataclass(frozen=True)
class Filters:
    """Images that activate the filters of a layer most.

    Attributes:
        images: (F, height, width, channels) float32, in the pixel range.
        layer: str, the path of the layer.
        units: (F,) int64, the filters.
        objectives: F strings: "channel", the mean of a filter's positive responses, or
            "center", its response at the middle position before the activation, for
            filters that the first one did not activate; "unit", a dense unit before its
            activation, for layers without spatial positions.
        before, after: (F,) float32, the objective of the first and the last image.
        statuses: F strings: "ok", "dead" (the ascent does not raise the objective, or,
            of a layer with a ReLU, nothing makes it positive), or "saturated" (most
            values were driven to an end of the pixel range).
        kernels: (F, height, width, channels) float32, where the layer convolves the
            image itself, padded or scaled; else None.
    """

    images: np.ndarray
    layer: str
    units: np.ndarray
    objectives: list
    before: np.ndarray
    after: np.ndarray
    statuses: list
    kernels: np.ndarray | None

    def join(self, other):
        """``Filters`` of both by number; a unit that both have is the other's."""
        both = self._each(lambda one, two: [*one, *two], other)
        places = {unit: place for place, unit in enumerate(both.units)}
        return both.take([places[unit] for unit in sorted(places)])

    def take(self, chosen):
        """``Filters`` with some of them, by their index here, a list of ints."""

        def some(values):
            listed = isinstance(values, list)
            return [values[i] for i in chosen] if listed else values[chosen]

        return self._each(some)

    def _each(self, function, *others):
        """``Filters`` of what a function makes of each list and each array here."""
        made = {}
        for name in (field.name for field in dataclasses.fields(self)):
            values = [getattr(each, name) for each in (self, *others)]
            alike = isinstance(values[0], str | None)
            made[name] = values[0] if alike else function(*values)
            if isinstance(values[0], np.ndarray):
                made[name] = np.asarray(made[name])
        return Filters(**made)


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
    """Find images that activate the filters of a layer, or the units of a dense one.

    Filters that stay dead are tried again with another objective, the response at the
    middle before the activation; the result says which was used.

    Args:
        model: a ``keras.Model``.
        layer: name, path or ``keras.Layer``.
        units: ints, filters to look at; None is all.
        pixels: the pixel range that the model expects, (lowest, highest), "caffe" or
            "torch".
        background: float, 0…1, where in that range the even image is: 0.5 is gray, 0 is
            black, which suits images on a black background.
        channels: ints, the channels of the image that may change, (0, 2) for red and
            blue; the others keep the background. None is all. For channels that were
            the same in all training images: nothing has taught the network what to do
            with them, so that what it seems to want there is left from its first,
            random weights.
        objective: "channel" or "center"; None is "channel", then "center" for the dead.
        progress: function of two ints, how many filters are done and of how many.
        ascent: the settings that ``Ascent`` explains: ``steps``, ``rate``, ``jitter``,
            ``total_variation``, ``l2``, ``blur``, ``decorrelate``, ``seed``.

    Returns:
        ``Filters``.

    Raises:
        ValueError: no such layer, unit, channel or objective; a layer that gives
            neither feature maps nor a vector.
    """
    if objective not in (None, *OBJECTIVES):
        raise ValueError(f"no objective {objective!r}; known: {', '.join(OBJECTIVES)}")
    network = networks.of(model)
    value, settings = network.value(layer), ascents.Ascent(**ascent)
    units = check_units(network, value, units)
    free = _free_channels(channels, network.input_shape[-1])
    pixels = ranges.pixels_of(pixels)
    start = _even_image(network, pixels, background, free, settings.seed)
    task = ascents.Task(network, value, start, free, pixels, settings)
    images, before, after, dead, objectives = _maximize(
        task, progress, units, objective
    )
    return Filters(
        images=images,
        layer=value.path,
        units=units,
        objectives=objectives.tolist(),
        before=before,
        after=after,
        statuses=_statuses(images, start, dead, pixels),
        kernels=_kernels(network, value.step, units),
    )


def _maximize(task, progress, units, objective):
    """Images, scores before and after, which are dead, and the objective of each."""
    first = "unit" if len(task.value.shape) == 1 else objective or "channel"
    results = ascents.ascend(task, progress, units, first)
    objectives = np.full(len(units), first, dtype=object)
    dead = _is_dead(*results[1:])
    if objective is None and first == "channel" and dead.any():
        again = ascents.ascend(task, progress, units[dead], "center")
        for kept, new in zip(results, again, strict=True):
            kept[dead] = new
        objectives[dead] = "center"
        dead = _is_dead(*results[1:])
    images, before, after, _ = results
    if heads.activation_kind(task.value.step.operation) == "relu":
        dead |= (objectives == "center") & (after <= 0)  # at its best it is inactive
    return images, before, after, dead, objectives


def check_units(network, value, units=None):
    """Indices of filters (ValueError if there are none such, or no filters at all)."""
    rank, shape = len(network.input_shape), (None, *value.shape)
    count = value.shape[-1] if value.shape else None
    if value.layout == geometry.FIRST:
        count = value.shape[0]
    moved = value.layout is None and len(value.shape) == rank
    if moved or count is None or not 1 <= len(value.shape) <= rank:
        raise ValueError(
            f"layer {value.path} gives {shape}{', axes moved' if moved else ''}; "
            "expected feature maps or a vector"
        )
    if units is None:
        return np.arange(count)
    return _indices(units, count, "units", value.path)


def _indices(given, count, what, of):
    """Of some of ``count`` things, (n,) int64 (ValueError if there are none such)."""
    chosen = np.atleast_1d(given)
    known = chosen.size and chosen.dtype.kind in "iu"
    if not known or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"{what} are {given!r}; {of} has 0…{count - 1}")
    return chosen.astype(np.int64)


def _free_channels(channels, count):
    """(count,) float32: 1 for channels of the image that may change, else 0."""
    if channels is None:
        return np.ones(count, np.float32)
    chosen = _indices(channels, count, "channels", "the image")
    return np.isin(np.arange(count), chosen).astype(np.float32)


def _even_image(network, pixels, background, free, seed):
    """One even image with a little noise, the same for every filter."""
    if not 0 <= background <= 1:
        raise ValueError(f"background is {background}; expected a share, 0…1")
    low, high = (np.asarray(end) for end in (pixels.low, pixels.high))
    shape = [size or DEFAULT_SIZE for size in network.input_shape]
    noise = np.random.default_rng(seed).uniform(-NOISE, NOISE, shape) * free
    image = low + (high - low) * (background + noise)
    return image.clip(low, high).astype(np.float32)


def _is_dead(before, after, most):
    """Whether the score has not risen, measured by the layer's largest response."""
    return ~(after - before > GAIN * np.maximum(most, 1e-30))


def _statuses(images, start, dead, pixels):
    low, high = (np.asarray(end) for end in (pixels.low, pixels.high))
    margin = (high - low) * 1e-3
    ends = (images <= low + margin) | (images >= high - margin)
    moved = np.abs(images - start) > 2 * NOISE * (high - low)  # black may stay black
    full = (ends & moved).reshape(len(images), -1).mean(axis=1) > SATURATED
    return [
        "dead" if is_dead else "saturated" if is_full else "ok"
        for is_dead, is_full in zip(dead, full, strict=True)
    ]


def _kernels(network, step, units):
    """The kernels of a convolution that reads the image, scaled and padded or not."""
    passed = (*geometry.POINTWISE, keras.layers.ZeroPadding2D)
    if not isinstance(step.operation, keras.layers.Conv2D):
        return None
    maker = network.graph.makers.get(step.inputs[0])
    while maker and isinstance(maker.operation, passed):
        maker = network.graph.makers.get(maker.inputs[0])
    kernel = keras.ops.convert_to_numpy(step.operation.kernel)
    if maker is not None or kernel.shape[2] != network.input_shape[-1]:
        return None
    return kernel.transpose(3, 0, 1, 2)[units]
