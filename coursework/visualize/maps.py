"""Where in the image a network finds what speaks for a class."""

import dataclasses
import typing

import keras
import numpy as np
import tensorflow as tf

from . import geometry
from . import network as networks
from .activation import batches

PATH_STEPS = 32  # of integrated gradients
PATCH = 0.18  # of occlusion, as a share of the image: 5 px of 28


@dataclasses.dataclass(frozen=True)
class Maps:
    """Class activation maps and what they are of.

    Attributes:
        maps: (N, height, width) float32 of at least 0, on the pixels of the images, in
            the units of the method: divide by the maximum to show one.
        method: str, one of ``METHODS``.
        layer: str, the path of the layer; None for methods on the image itself.
        head: str, the name of the output.
        targets: (N,) int64, the class that each map is of.
        probabilities: (N,) float32, of that class; its score for a linear head.
        predictions: (N,) int64, the most probable class.
        placed: bool, whether the layer's receptive fields are known, so that the map
            lies where its units look; else it is stretched over the image.
    """

    maps: np.ndarray
    method: str
    layer: str | None
    head: str
    targets: np.ndarray
    probabilities: np.ndarray
    predictions: np.ndarray
    placed: bool

    @property
    def without_evidence(self):
        """(N,) bool: maps in which the method finds no evidence for the class."""
        return self.maps.max(axis=(1, 2)) <= 0

    def scaled(self):
        """The maps, each divided by its maximum: 0…1; those without evidence stay 0."""
        most = self.maps.max(axis=(1, 2), keepdims=True)
        return np.divide(self.maps, most, out=np.zeros_like(self.maps), where=most > 0)


def class_activation_maps(
    model,
    images,
    layer=None,
    head=None,
    target=None,
    method="gradcam",
    batch_size=None,
    background=0.0,
):
    """Where a network finds what speaks for a class.

    The score is taken before softmax or sigmoid, whose gradients vanish when the
    network is sure; for class 0 of a single sigmoid neuron its sign is turned. Methods
    on a layer come from one gradient: Grad-CAM (Selvaraju and others, 2017), Grad-CAM++
    (Chattopadhyay and others, 2018), HiResCAM (Draelos and Carin, 2020) and LayerCAM
    (Jiang and others, 2021). On the image itself: the gradient's size (Simonyan and
    others, 2014), integrated gradients (Sundararajan and others, 2017), occlusion
    (Zeiler and Fergus, 2014).

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model.
        layer: name or path; None is the last layer with feature maps.
        head: name of the output; None is the first.
        target: int, or (N,) ints, the class; None is the predicted one of each image.
        method: one of ``METHODS``.
        batch_size: int, images at once; None is what fits into memory.
        background: float, the pixel value that stands for nothing, for integrated
            gradients and occlusion.

    Returns:
        ``Maps``.

    Raises:
        ValueError: images that do not fit the model; no such layer, head, class or
            method; a layer without feature maps, or one that the head does not depend
            on; a model whose output is not a number.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; known: {', '.join(METHODS)}")
    network = networks.of(model)
    images = networks.check_images(network, images)
    head = network.head(head)
    background, batch_size = (
        float(background),
        batch_size or network.batch_size(images[0]),
    )
    path = _layer_path(network, layer, head) if METHODS[method].on == "layer" else None
    wanted = check_targets(target, head, len(images))
    network.check_scores(head, images[0])
    compiled = _compile(network, head, path, method, images, wanted, background)
    results = [
        compiled(tf.constant(batch), tf.constant(chosen))
        for batch, chosen in zip(
            batches(images, batch_size), batches(wanted, batch_size), strict=True
        )
    ]
    maps, scores, targets = (
        np.concatenate([part.numpy() for part in parts])
        for parts in zip(*results, strict=True)
    )
    if not np.isfinite(scores).all():
        raise ValueError(
            f"head {head.name} gives scores that are not finite numbers: the weights "
            "of the model are damaged, or the images are not in its pixel range"
        )
    shares = probabilities(scores, head)
    return Maps(
        maps=maps,
        method=method,
        layer=path,
        head=head.name,
        targets=targets,
        probabilities=shares[np.arange(len(shares)), targets],
        predictions=np.asarray(class_scores(scores, head)).argmax(axis=1),
        placed=path is None or network.grid(path, images[0]) is not None,
    )


def _layer_path(network, name, head):
    """The layer to look at (ValueError if it has no map or the head ignores it)."""
    return (
        network.default_layer(head)
        if name is None
        else check_layer(network, name, head)
    )


def check_layer(network, name, head):
    """The path of a layer that a head's map can be made of.

    Raises:
        ValueError: no such layer; it has no places; or the head does not depend on it.
    """
    step = network.step(name)
    shape = step.node.outputs[0].shape
    if len(shape) != 4:
        raise ValueError(
            f"layer {step.path} gives {tuple(shape)}, which has no places; layers with "
            f"feature maps: {', '.join(network.spatial_layers()) or 'none'}"
        )
    if not network.graph.depends(head.scores.key, step.outputs[0]):
        raise ValueError(f"head {head.name} does not depend on layer {step.path}")
    return step.path


def check_targets(target, head, count):
    """Classes as (N,) int64, −1 for the predicted one (ValueError if out of range)."""
    if target is None:
        return np.full(count, -1)
    classes = np.asarray(target)
    if classes.shape not in ((), (count,)) or classes.dtype.kind not in "iu":
        raise ValueError(
            f"target is {target!r}; expected a class or {count} of them, whole numbers"
        )
    if classes.min() < 0 or classes.max() >= head.classes:
        raise ValueError(
            f"target is {target!r}; head {head.name} has classes 0…{head.classes - 1}"
        )
    return np.broadcast_to(classes, (count,)).astype(np.int64)


def probabilities(scores, head):
    """(N, classes) float32 from scores before the activation, (N, units)."""
    shares = networks.KINDS[head.kind](class_scores(scores, head))
    return keras.ops.convert_to_numpy(shares)


def class_scores(scores, head):
    """(N, classes): a single sigmoid neuron speaks for class 1, its negative for 0."""
    if head.classes == head.units:
        return scores
    return keras.ops.concatenate([-scores, scores], axis=1)


def _choose(scores, targets):
    """The target of each image, predicted where −1, and its score."""
    targets = tf.where(targets < 0, tf.argmax(scores, axis=1), targets)
    return targets, tf.gather(scores, targets, axis=1, batch_dims=1)


# --- the methods ----------------------------------------------------------------------


def _compile(network, head, path, method, images, targets, background):
    """A compiled function: images, targets → maps, scores, targets."""

    def make():
        if path is not None:
            rule = METHODS[method].function
            grid = network.grid(path, images[0]) or (None, None)
            return _on_layer(network, head, path, rule, grid)
        return METHODS[method].function(network, head, background)

    return network.compiled(
        (method, head.name, path, background), make, images, targets
    )


def _on_layer(network, head, path, rule, grid):
    """Maps from the gradient of the score with respect to a layer's output."""
    key = network.steps[path].outputs[0]

    def run(images, targets):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            values = network.graph.run(
                images,
                wanted=(key, *head.scores.needs),
                watch=lambda made, tensor: tape.watch(tensor) if made == key else None,
            )
            scores = head.scores.of(values)
            targets, chosen = _choose(class_scores(scores, head), targets)
        gradient = _check_gradient(tape.gradient(chosen, values[key]), head)
        maps = tf.nn.relu(rule(tf.cast(values[key], tf.float32), gradient))
        sizes = zip(grid, maps.shape[1:], images.shape[1:3], strict=True)
        down, across = (geometry.placement(*each) for each in sizes)
        placed = tf.einsum("Hh,nhw,Ww->nHW", down, maps, across)
        return placed, tf.cast(scores, tf.float32), targets

    return run


def _check_gradient(gradient, head):
    """A gradient in float32 (ValueError if something on the way has none)."""
    if gradient is None:
        raise ValueError(
            f"head {head.name} has no gradient there: an operation on the way, such as "
            "stop_gradient or a cast to integers, has none"
        )
    return tf.cast(gradient, tf.float32)


def _gradcam(activation, gradient):
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.reduce_sum(weights * activation, axis=-1)


def _gradcam_plus_plus(activation, gradient):
    total = tf.reduce_sum(activation, axis=(1, 2), keepdims=True)
    # The paper's g² / (2g² + A·g³), divided by g²; where g is 0, so is its ReLU.
    shares = tf.math.divide_no_nan(1.0, 2 + total * gradient)
    weights = tf.reduce_sum(shares * tf.nn.relu(gradient), axis=(1, 2), keepdims=True)
    return tf.reduce_sum(weights * activation, axis=-1)


def _hirescam(activation, gradient):
    return tf.reduce_sum(gradient * activation, axis=-1)


def _layercam(activation, gradient):
    return tf.reduce_sum(tf.nn.relu(gradient) * activation, axis=-1)


def _gradient_of_score(network, head, images, targets):
    """Gradient of the targets' scores with respect to the images."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        scores = head.scores.of(network.graph.run(images, head.scores.needs))
        _, chosen = _choose(class_scores(scores, head), targets)
    return _check_gradient(tape.gradient(chosen, images), head)


def _predict(network, head, images, targets):
    scores = head.scores.of(network.graph.run(images, head.scores.needs))
    return scores, *_choose(class_scores(scores, head), targets)


def _input_gradient(network, head, _):
    def run(images, targets):
        scores, targets, _ = _predict(network, head, images, targets)
        gradient = _gradient_of_score(network, head, images, targets)
        return tf.reduce_max(tf.abs(gradient), axis=-1), scores, targets

    return run


def _integrated_gradients(network, head, background):
    def run(images, targets):
        scores, targets, _ = _predict(network, head, images, targets)
        difference, total = images - background, tf.zeros_like(images)
        for step in tf.range(PATH_STEPS):
            share = (tf.cast(step, tf.float32) + 0.5) / PATH_STEPS
            on_the_way = background + share * difference
            total += _gradient_of_score(network, head, on_the_way, targets)
        parts = tf.reduce_sum(difference * total / PATH_STEPS, axis=-1)
        return tf.nn.relu(parts), scores, targets

    return run


def _occlusion(network, head, background):
    def run(images, targets):
        scores, targets, chosen = _predict(network, head, images, targets)
        height, width = images.shape[1:3]
        patch_size = max(1, round(PATCH * min(height, width)))
        rows, columns = (
            tf.range(1 - patch_size, size, max(1, patch_size // 2))
            for size in (height, width)
        )
        total = tf.zeros(tf.shape(images)[:3])
        times = tf.zeros((1, height, width))
        for row in rows:
            inside = _between(height, row, patch_size)
            for column in columns:
                patch = inside[:, None] * _between(width, column, patch_size)[None, :]
                covered = images + patch[None, :, :, None] * (background - images)
                _, _, left = _predict(network, head, covered, targets)
                total += (chosen - left)[:, None, None] * patch
                times += patch
        return tf.nn.relu(total / times), scores, targets

    return run


def _between(length, first, size):
    """1 on the pixels of a patch that begins at ``first``, else 0."""
    pixels = tf.range(length)
    return tf.cast((pixels >= first) & (pixels < first + size), tf.float32)


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to make maps.

    Attributes:
        name: str, its key in ``METHODS``.
        title: str, what people call it.
        function: for a layer: activations and gradient → maps; for the image: network,
            head and background → a function of images and targets.
        on: "layer" or "image".
        source: str, the paper.
    """

    name: str
    title: str
    function: typing.Callable
    on: str
    source: str


METHODS = {
    method.name: method
    for method in (
        Method("gradcam", "Grad-CAM", _gradcam, "layer", "Selvaraju and others, 2017"),
        Method(
            "gradcam++",
            "Grad-CAM++",
            _gradcam_plus_plus,
            "layer",
            "Chattopadhyay and others, 2018",
        ),
        Method("hirescam", "HiResCAM", _hirescam, "layer", "Draelos and Carin, 2020"),
        Method("layercam", "LayerCAM", _layercam, "layer", "Jiang and others, 2021"),
        Method(
            "input_gradient",
            "input gradient",
            _input_gradient,
            "image",
            "Simonyan and others, 2014",
        ),
        Method(
            "integrated_gradients",
            "integrated gradients",
            _integrated_gradients,
            "image",
            "Sundararajan and others, 2017",
        ),
        Method(
            "occlusion", "occlusion", _occlusion, "image", "Zeiler and Fergus, 2014"
        ),
    )
}
