"""Class activation maps: where in the image a network finds evidence for a class."""

import dataclasses
import functools
import typing

import numpy as np
import tensorflow as tf

from . import geometry, methods, scores
from . import network as networks
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
    asked = scores.ask(network, head, score, images)
    wanted = asked.check_targets(target, len(images))
    values = _values(network, layer, asked, method, reshape)
    grids = [value and _grid(network, value, images, reshape) for value in values]
    background = _check_background(background, images)
    task = _Task(network, asked, METHODS[method], reshape, background)
    layers = list(zip(values, grids, strict=True))
    paths = tuple(value and value.path for value in values)
    *made, given, targets = network.run(
        (method, asked.key, paths, reshape, tuple(background.ravel())),
        lambda: functools.partial(_run, task, layers),
        *(images, wanted),
        batch_size=batch_size,
    )
    _check_scores(given, images, asked)
    common = asked.answers(given, targets) | {"method": method, "head": asked.name}
    results = {
        path: Maps(placed, coarse, layer=path, placed=not path or bool(grid), **common)
        for path, grid, coarse, placed in zip(
            paths, grids, made[::2], made[1::2], strict=True
        )
    }
    return results if isinstance(layer, (list, tuple)) else results[paths[0]]


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
    """The ``network.Value`` of a layer that a map of a head or score can be made of.

    Raises:
        ValueError: no such layer; it has no feature maps; or the score does not depend
            on it.
    """
    value = network.value(layer)
    if not reshape and value.layout is None:
        moved = len(value.shape) == len(network.input_shape)
        why = "whose axes may have moved" if moved else "no feature maps"
        spatial = [v.path for v in network.values.values() if v.is_spatial]
        known = ", ".join(spatial[-NAMED:]) or "none"
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


def _check_background(background, images):
    background = np.asarray(background, np.float32)
    if background.shape not in ((), (1,), images.shape[-1:]):
        raise ValueError(
            f"background has shape {background.shape}; expected one number, or one for "
            f"each of {images.shape[-1]} channels"
        )
    return background


def _check_scores(given, images, asked):
    if len(given) != len(images):
        raise ValueError(f"score gives {len(given)} numbers for {len(images)} images")
    if not np.isfinite(given).all():
        raise ValueError(
            f"{asked.what} gives scores that are not finite numbers: the weights of "
            "the model are damaged, or the images are not in its pixel range"
        )


class _Task(typing.NamedTuple):
    """What the maps of a call have in common."""

    network: networks.Network
    asked: typing.Any
    method: methods.Method
    reshape: typing.Callable | None
    background: np.ndarray


def _run(task, layers, images, targets):
    """(coarse, placed) of each layer, scores and targets: what is compiled.

    Args:
        layers: list of (``network.Value``, its grid); (None, None) is the image.
    """
    graph = task.network.graph
    keys = [value.key if value else graph.inputs[0] for value, _ in layers]
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def watch(key, tensor):
            return tape.watch(tensor) if key in keys else None

        found = graph.run(images, (*keys, *task.asked.needs), watch)
        given, targets, chosen = task.asked.choose(found, targets)
    tensors, made = [found[key] for key in keys], []
    gradients = functools.cache(lambda: tape.gradient(chosen, tensors))
    for n, (value, grid) in enumerate(layers):
        one = tensors[n], lambda n=n: gradients()[n]
        made += _map(task, value, grid, *one, images, targets)
    return *made, given, targets


def _map(task, value, grid, tensor, gradient, images, targets):
    """The map of one layer, coarse and placed, from its values and their gradient."""

    def view(tensor):
        return _viewed(tensor, value, task.reshape)

    def score(others):
        values = task.network.graph.run(others, task.asked.needs)
        return task.asked.choose(values, targets)[-1]

    case = methods.Case(
        images=images,
        background=tf.constant(task.background),
        activation=_check_view(view(tensor), images),
        gradient=lambda: view(methods.check_gradient(gradient(), task.asked.what)),
        score=score,
        what=task.asked.what,
        place=functools.partial(_place, grid=grid, sizes=images.shape[1:-1]),
    )
    coarse = tf.nn.relu(task.method.function(case))
    return coarse, case.place(coarse) if value else coarse


def _viewed(tensor, value, reshape):
    """A layer's tensor as (n, h, w, c) float32."""
    if value and reshape:
        tensor = scores.call("reshape", reshape, tensor)
    elif value and value.layout == geometry.FIRST:
        axes = range(len(tensor.shape))
        tensor = tf.transpose(tensor, [0, *axes[2:], 1])
    return tf.cast(tensor, tf.float32)


def _check_view(activation, images):
    """(n, h, w, c), with as many spatial axes as the images (ValueError if not)."""
    shape = activation.shape
    if len(shape) != len(images.shape) or None in shape[1:]:
        raise ValueError(
            f"reshape gives shape {tuple(shape)}; expected (N, …, channels) with "
            f"{len(images.shape) - 2} spatial axes, as the images"
        )
    return activation


def _place(maps, grid, sizes):
    """Maps (n, h, w) of a layer on the pixels of the images."""
    grid = grid or (None,) * len(sizes)
    for axis, units, pixels in zip(grid, maps.shape[1:], sizes, strict=True):
        # The axis goes to the end, so that after all of them the order is as before.
        maps = tf.tensordot(maps, geometry.placement(axis, units, pixels), [[1], [1]])
    return maps
