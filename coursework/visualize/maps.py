"""Class activation maps: where in the image a network finds evidence for a class."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from . import geometry, methods
from . import network as networks
from . import scores as asking
from .methods import METHODS

NAMED = 8  # layers in a message


@dataclasses.dataclass(frozen=True)
class Maps:
    """Class activation maps and what they are of.

    Attributes:
        maps: (N, height, width) float32 of at least 0, on the pixels of the images, in
            the units of the method: divide by the maximum to show one.
        coarse: (N, h, w) float32 of at least 0, the same on the layer's own grid; for
            methods on the image the maps themselves.
        method: str, a key of ``METHODS``.
        layer: str, the path of the layer; None for methods on the image itself.
        head: str, the name of the output, or of the function ``score``.
        targets: (N,) int64, the class that each map is of; −1 with ``score``.
        probabilities: (N,) float32, of that class; the score of a linear head or of
            ``score``.
        predictions: (N,) int64, the most probable class; −1 with ``score``.
        placed: bool, whether the map was put at the receptive fields of its units. If
            these are not known, or larger than the image, it is spread evenly.
    """

    maps: np.ndarray
    coarse: np.ndarray
    method: str
    layer: str | None
    head: str
    targets: np.ndarray
    probabilities: np.ndarray
    predictions: np.ndarray
    placed: bool

    @property
    def without_evidence(self):
        """(N,) bool: maps that are 0 everywhere, since nothing is evidence."""
        return self.maps.reshape(len(self.maps), -1).max(axis=1) <= 0

    def scaled(self):
        """The maps, each divided by its maximum: 0…1; without evidence they stay 0."""
        most = self.maps.max(axis=tuple(range(1, self.maps.ndim)), keepdims=True)
        return np.divide(self.maps, most, out=np.zeros_like(self.maps), where=most > 0)


def class_activation_maps(
    model,
    images,
    layer=None,
    head=None,
    target=None,
    method="gradcam",
    *,
    score=None,
    reshape=None,
    batch_size=None,
    background=0.0,
):
    """Where in the image a network finds evidence for a class.

    The score is taken before softmax or sigmoid, whose gradients vanish when the
    network is sure; for class 0 of a single sigmoid neuron its sign is turned.

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model; or
            sequences or volumes, with one or three spatial axes.
        layer: name, path or ``keras.Layer``, or a list of them, whose maps then come
            from one forward and backward pass; None is the last layer with feature
            maps. Methods on the image ignore it.
        head: name of the output; None is the first.
        target: int, or (N,) ints, the class; None is the predicted one of each image.
        method: a key of ``METHODS``.
        score: function of the model's outputs, nested as the model has them, that gives
            one number for each image, (N,); in place of ``head`` and ``target``, for
            segmentation, regression or embeddings.
        reshape: function of a tensor of the layer → (N, h, w, c), for layers without
            feature maps. It may only rearrange, for gradients go through it, too. For a
            vision transformer with a class token and 14×14 patches:
            ``lambda x: tf.reshape(x[:, 1:], (-1, 14, 14, x.shape[-1]))``.
        batch_size: int, images at once; None is what fits into memory.
        background: float, or one for each channel, the pixel value that stands for
            nothing, for Score-CAM, integrated gradients and occlusion.

    Returns:
        ``Maps``; for a list of layers a dict, path → ``Maps``.

    Raises:
        ValueError: images that do not fit the model; no such layer, head, class or
            method; a layer without feature maps, or one that the score does not depend
            on; a score that is not one finite number for each image.
    """
    network = networks.of(model)
    images = networks.check_images(network, images)
    asked = asking.ask(network, head, score, images)
    wanted = asked.check_targets(target, len(images))
    values = _values(network, layer, asked, method, reshape)
    compiled = _compile(network, asked, values, method, reshape, background, images)
    size = batch_size or network.batch_size(images[0])
    *made, scores, targets = _run(compiled, images, wanted, size, asked)
    common = asked.answers(scores, targets) | {"method": method, "head": asked.name}
    results = {}
    for number, value in enumerate(values):
        coarse, placed = made[2 * number : 2 * number + 2]
        path = value and value.path
        known = not value or _grid(network, value, images, reshape) is not None
        results[path] = Maps(placed, coarse, layer=path, placed=known, **common)
    return results if isinstance(layer, (list, tuple)) else results[path]


def _values(network, layer, asked, method, reshape):
    """The layers to look at, ``network.Value`` each; None stands for the image."""
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; known: {', '.join(METHODS)}")
    if METHODS[method].on == "image":
        if isinstance(layer, (list, tuple)):
            raise ValueError(f"{method} is on the image; expected no list of layers")
        return [None]
    if layer is None:
        return [network.default_layer(asked.needs, asked.what)]
    if not networks.as_list(layer):
        raise ValueError("no layer in the list; expected at least one")
    return [
        check_layer(network, each, asked, reshape) for each in networks.as_list(layer)
    ]


def check_layer(network, layer, asked, reshape=None):
    """The ``network.Value`` of a layer that a score's map can be made of.

    Args:
        network: a ``network.Network``.
        layer: name, path or layer.
        asked: what the score is of, a head for example: its ``needs``.
        reshape: as in ``class_activation_maps``.

    Raises:
        ValueError: no such layer; it has no feature maps; or the score does not depend
            on it.
    """
    value = network.value(layer)
    if not reshape and value.layout is None:
        moved = len(value.shape) == len(network.input_shape)
        why = "whose axes may have moved" if moved else "no feature maps"
        known = ", ".join(network.spatial_layers()[-NAMED:]) or "none"
        raise ValueError(
            f"layer {value.path} gives {(None, *value.shape)}, {why}; the last layers "
            f"with feature maps: {known}"
        )
    between = network.graph.between(asked.needs, value.key)
    if not between and value.key not in asked.needs:
        raise ValueError(f"{asked.what} does not depend on layer {value.path}")
    return value


def _grid(network, value, images, reshape):
    """Receptive fields to place a map by; None to spread it evenly.

    Of a unit that may see the whole image, the center of the receptive field says
    little: what it responds to is spread over the image.
    """
    if reshape or value.layout != geometry.LAST:
        return None
    grid = network.grid(value, images.shape[1:])
    sizes = images.shape[1:-1]
    if grid is None or any(a.size > n for a, n in zip(grid, sizes, strict=True)):
        return None
    return grid


def _compile(network, asked, values, method, reshape, background, images):
    """A compiled function: images, targets → (coarse, placed) …, scores, targets."""
    background = np.asarray(background, np.float32)
    if background.shape not in ((), (1,), images.shape[-1:]):
        raise ValueError(
            f"background has shape {background.shape}; expected one number, or one for "
            f"each of {images.shape[-1]} channels"
        )
    paths = tuple(value and value.path for value in values)
    key = method, asked.key, paths, reshape, tuple(background.ravel())
    grids = [value and _grid(network, value, images, reshape) for value in values]

    def make():
        views = [_viewed(value, reshape) for value in values]
        keys = [value.key if value else network.graph.inputs[0] for value in values]
        each = list(zip(keys, views, grids, strict=True))
        return _make_run(network, asked, each, METHODS[method].function, background)

    return network.compiled(key, make, images, np.zeros(1, np.int64))


def _viewed(value, reshape):
    """A function: a layer's tensor → (n, h, w, c) float32."""

    def view(tensor):
        if reshape:
            tensor = asking.call("reshape", reshape, tensor)
        elif value and value.layout == geometry.FIRST:
            axes = range(len(tensor.shape))
            tensor = tf.transpose(tensor, [0, *axes[2:], 1])
        return tf.cast(tensor, tf.float32)

    return view


def _make_run(network, asked, each, function, background):
    """The function that ``_compile`` compiles.

    Args:
        each: (key, view, grid) of each layer.
        function: of a ``methods.Method``.
    """
    graph, keys = network.graph, [key for key, _, _ in each]

    def predict(images, targets, watch=None, wanted=()):
        values = graph.run(images, (*wanted, *asked.needs), watch)
        return values, *asked.choose(values, targets)

    def run(images, targets):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            watch = _watching(tape, keys)
            values, scores, targets, chosen = predict(images, targets, watch, keys)
        tensors = [values[key] for key in keys]
        gradients = functools.cache(lambda: tape.gradient(chosen, tensors))

        def image_gradient(others):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(others)
                *_, chosen = predict(others, targets)
            return _check_gradient(tape.gradient(chosen, others), asked)

        made = []
        for number, (_, view, grid) in enumerate(each):
            activation = _check_view(view(tensors[number]), images)
            case = methods.Case(
                images,
                tf.constant(background),
                activation,
                lambda n=number, v=view: v(_check_gradient(gradients()[n], asked)),
                lambda others: predict(others, targets)[-1],
                image_gradient,
                functools.partial(_place, grid=grid, sizes=images.shape[1:-1]),
            )
            coarse = tf.nn.relu(function(case))
            same = coarse.shape[1:] == images.shape[1:-1] and grid is None
            made += [coarse, coarse if same else case.place(coarse)]
        return *made, scores, targets

    return run


def _watching(tape, keys):
    return lambda key, tensor: tape.watch(tensor) if key in keys else None


def _place(maps, grid, sizes):
    """Maps (n, h, w) of a layer on the pixels of the images."""
    grid = grid or (None,) * len(sizes)
    for axis, units, pixels in zip(grid, maps.shape[1:], sizes, strict=True):
        # The axis goes to the end, so that after all of them the order is as before.
        maps = tf.tensordot(maps, geometry.placement(axis, units, pixels), [[1], [1]])
    return maps


def _check_view(activation, images):
    """(n, h, w, c), with as many spatial axes as the images (ValueError if not)."""
    shape = activation.shape
    if len(shape) != len(images.shape) or None in shape[1:]:
        raise ValueError(
            f"reshape gives shape {tuple(shape)}; expected (N, …, channels) with "
            f"{len(images.shape) - 2} spatial axes, as the images"
        )
    return activation


def _check_gradient(gradient, asked):
    """A gradient (ValueError if something on the way has none)."""
    if gradient is None:
        raise ValueError(
            f"{asked.what} has no gradient there: an operation on the way, such as "
            "stop_gradient or a cast to integers, has none"
        )
    return tf.cast(gradient, tf.float32)


def _run(compiled, images, targets, size, asked):
    """All batches; arrays of what the compiled function gives."""
    batches = (networks.batches(array, size) for array in (images, targets))
    parts = [compiled(*map(tf.constant, both)) for both in zip(*batches, strict=True)]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    scores = joined[-2]
    if len(scores) != len(images):
        raise ValueError(f"score gives {len(scores)} numbers for {len(images)} images")
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{asked.what} gives scores that are not finite numbers: the weights of "
            "the model are damaged, or the images are not in its pixel range"
        )
    return joined
